"""Do capsules roll while the input transforms? The scores E_eq and CapCorr."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks

# A capsule counts as constant if its spread is a smaller share of its norm: the rest is rounding.
FLAT = 1e-6


class CapsuleCorrelation(NamedTuple):
    """Agreement between the observed rolls of capsules and the true shifts of a factor."""

    correlation: float
    """CapCorr, Pearson's correlation of rolls and shifts, in [−1, 1]."""
    agreement: float
    """Mean cosine of the angle between roll and shift, in [−1, 1]."""
    num_pairs: int
    """Pairs of frames."""


def equivariance_error(capsules: ArrayLike, *, places: int = 1) -> float:
    """Returns E_eq, the distance of capsules from rolling one place a frame [KW21].

        E_eq = (1/B) Σ_b Σ_{0 ≤ l < m < T} ‖Roll_{m−l}(t̂_l) − t̂_m‖₁,   Roll_δ(t)[c] = t[c − δ]

    t̂ has unit L2 norm in each capsule; a capsule of zeros stays zero. E_eq has no unit. It grows
    with the number of pairs of frames, T(T − 1)/2, and with the number of capsules. Capsules that
    hardly change, as in a collapsed model, have a small E_eq too: compare it with `places=0`.

    Args:
        capsules: t, (B, T, number of capsules, C).
        places: rolls a frame, any whole number; 0 measures how much capsules change.

    Raises:
        ValueError: if `capsules` has another rank or no entry, or `places` is not a whole number.

    Example:
        >>> import numpy as np
        >>> from tfvae.evaluation import equivariance_error
        >>> first = np.array([3.0, 1.0, 2.0])
        >>> capsules = np.stack([np.roll(first, l) for l in range(3)])[np.newaxis, :, np.newaxis]
        >>> equivariance_error(capsules), equivariance_error(capsules, places=0) > 0
        (0.0, True)
    """
    return float(np.mean(pair_errors(_checked_capsules(capsules), _checks.whole("places", places))))


def pair_errors(capsules: np.ndarray, places: int) -> np.ndarray:
    """Σ_{l < m} ‖Roll(t̂_l) − t̂_m‖₁ of each sequence, (B, T, n, C) -> (B,)."""
    norms = np.linalg.norm(capsules, axis=-1, keepdims=True)
    unit = np.divide(capsules, norms, out=np.zeros_like(capsules), where=norms > 0.0)
    total = np.zeros(len(unit))
    for shift in range(1, unit.shape[1]):
        rolled = np.roll(unit[:, :-shift], places * shift, axis=-1)
        total += np.sum(np.abs(rolled - unit[:, shift:]), axis=(1, 2, 3))
    return total


def capsule_correlation(
    capsules: ArrayLike, index: ArrayLike, num_states: int | None = None
) -> CapsuleCorrelation:
    """Compares the observed rolls of capsules with the true shifts of a factor: CapCorr [KW21].

    For frame 0 and each later frame l of a sequence,

        observed = mode over capsules of argmax_k Σ_c t_0[c] t_l[c + k],
        true     = (index_l − index_0) mod S,

    both modulo S. The published number is their Pearson correlation over all pairs. It treats the
    neighbours S − 1 and 0 as opposites and ignores a constant factor between rolls and shifts. The
    report therefore adds the mean of cos(2π (observed − true)/S): 1 if all are equal, about 0 for
    random rolls. (The paper uses one pair a sequence: frame 0 and the frame in state 0.)

    The mean of each capsule is subtracted first, to keep digits; this does not change the argmax.
    Constant capsules do not vote. The smallest roll wins a tie, and the roll is 0 without votes.

    Args:
        capsules: t, (B, T ≥ 2, number of capsules, C).
        index: the states of the factor, int (B, T), as `tfvae.datasets.sequences` gives them;
            sequences with a −1 (at rest) are left out.
        num_states: states after which the factor repeats; None: C. S is the greatest common divisor
            of `num_states` and C.

    Returns:
        The two scores; `correlation` is NaN if all rolls, or all shifts, are the same.

    Raises:
        ValueError: if a shape does not fit, all sequences are at rest, or S is 1.

    Example:
        >>> import numpy as np
        >>> from tfvae.evaluation import capsule_correlation
        >>> index = np.array([[2, 3, 4, 0, 1]])
        >>> first = np.random.default_rng(0).normal(size=(3, 5))
        >>> capsules = np.stack([np.roll(first, l, axis=-1) for l in range(5)])[np.newaxis]
        >>> result = capsule_correlation(capsules, index)
        >>> round(result.correlation, 6), result.agreement, result.num_pairs
        (1.0, 1.0, 4)
    """
    capsules = _checked_capsules(capsules)
    period = period_of(capsules.shape[-1], num_states)
    observed, true = shifts_of(capsules, _checked_index(index, capsules.shape), period)
    if not len(true):
        raise ValueError(
            "`index` must hold a sequence of two frames or more without −1, received none. Leave "
            "out a factor that never moves."
        )
    return compared(observed, true, period)


def period_of(size: int, num_states: int | None) -> int:
    """Returns S, the greatest common divisor of the capsule size and the number of states."""
    states = size if num_states is None else _checks.positive_int("num_states", num_states)
    period = math.gcd(size, states)
    if period < 2:
        raise ValueError(
            f"`num_states` must have a common divisor with the capsule size, {size}, received "
            f"{states}. Leave out a factor without one."
        )
    return period


def shifts_of(
    capsules: np.ndarray, index: np.ndarray, period: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns observed rolls and true shifts, each (pairs,), over the sequences that move."""
    moving = np.all(index >= 0, axis=1)
    capsules, index = capsules[moving], index[moving].astype("int64")
    centred = capsules - np.mean(capsules, axis=-1, keepdims=True)
    size = capsules.shape[-1]
    spectrum = np.fft.rfft(centred, axis=-1)
    match = np.fft.irfft(np.conj(spectrum[:, :1]) * spectrum[:, 1:], n=size, axis=-1)
    rolls = np.argmax(match, axis=-1) % period  # (B, T − 1, n)
    spread = np.linalg.norm(centred, axis=-1) > FLAT * np.linalg.norm(capsules, axis=-1)
    voting = spread[:, :1] & spread[:, 1:]
    votes = np.stack([np.sum((rolls == k) & voting, axis=-1) for k in range(period)], axis=-1)
    return np.argmax(votes, axis=-1).ravel(), ((index[:, 1:] - index[:, :1]) % period).ravel()


def compared(observed: np.ndarray, true: np.ndarray, period: int) -> CapsuleCorrelation:
    """Scores observed rolls against true shifts, each (pairs,)."""
    cosines = np.cos(2.0 * np.pi * (observed - true) / period)
    constant = np.ptp(observed) == 0 or np.ptp(true) == 0
    correlation = np.nan if constant else np.corrcoef(observed, true)[0, 1]
    return CapsuleCorrelation(float(correlation), float(np.mean(cosines)), len(true))


def _checked_capsules(capsules: ArrayLike) -> np.ndarray:
    """Returns `capsules` in float64."""
    capsules = np.asarray(capsules, dtype="float64")
    if capsules.ndim != 4 or not capsules.size:
        raise ValueError(
            "`capsules` must have the shape (sequences, frames, capsules, capsule size), received "
            f"{capsules.shape}. `model.capsules(x)` gives such an array."
        )
    return capsules


def _checked_index(index: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    index = np.asarray(index)
    if index.shape != shape[:2] or index.dtype.kind not in "iu":
        raise ValueError(
            f"`index` must hold whole numbers of shape {shape[:2]}, a state for each frame, "
            f"received {index.dtype} of shape {index.shape}."
        )
    return index
