"""How capsules roll as that which is seen transforms: E_eq and CapCorr."""

import math
from typing import NamedTuple

import numpy as np

from tfvae import _checks

# Spread of a capsule, as a share of its norm, below which only rounding tells its latents apart.
FLAT = 1e-6


class CapsuleCorrelation(NamedTuple):
    """How the observed rolls of capsules follow the true shifts of a factor."""

    correlation: float
    """CapCorr, Pearson's correlation of the two, in [−1, 1]."""
    agreement: float
    """Mean cosine of the angle between the two, in [−1, 1]."""
    num_pairs: int
    """Pairs of frames."""


def equivariance_error(capsules, *, places: int = 1) -> float:
    """E_eq, how far capsules are from rolling one place a frame: a mean over sequences [KW21].

        E_eq = (1/B) Σ_b Σ_{0 ≤ l < m < T} ‖Roll_{m−l}(t̂_l) − t̂_m‖₁,   Roll_δ(t)[c] = t[c − δ]

    t̂ has unit L2 norm in each capsule; a capsule of zeros stays zero. No unit; it grows with the
    number of pairs of frames, T(T − 1)/2, and of capsules. Capsules that hardly change have a small
    E_eq too, as those of a model that has collapsed: see what is left of it without the roll.

    Args:
        capsules: t, (B, T, number of capsules, C).
        places: rolls a frame, any whole number; 0: how much capsules change at all.

    Raises:
        ValueError: when `capsules` has another rank or no entry, or `places` is no whole number.

    Example:
        >>> import numpy as np
        >>> from tfvae.evaluation import equivariance_error
        >>> first = np.array([3.0, 1.0, 2.0])
        >>> capsules = np.stack([np.roll(first, l) for l in range(3)])[np.newaxis, :, np.newaxis]
        >>> equivariance_error(capsules), equivariance_error(capsules, places=0) > 0
        (0.0, True)
    """
    return float(np.mean(pair_errors(_checked_capsules(capsules), _checks.whole("places", places))))


def pair_errors(capsules, places):
    """Σ_{l < m} ‖Roll(t̂_l) − t̂_m‖₁ of each sequence, (B, T, n, C) -> (B,)."""
    norms = np.linalg.norm(capsules, axis=-1, keepdims=True)
    unit = np.divide(capsules, norms, out=np.zeros_like(capsules), where=norms > 0.0)
    total = np.zeros(len(unit))
    for shift in range(1, unit.shape[1]):
        rolled = np.roll(unit[:, :-shift], places * shift, axis=-1)
        total += np.sum(np.abs(rolled - unit[:, shift:]), axis=(1, 2, 3))
    return total


def capsule_correlation(capsules, index, num_states: int | None = None) -> CapsuleCorrelation:
    """CapCorr: observed rolls of capsules against true shifts of a factor [KW21, section 6].

    For frame 0 and each later frame l of a sequence,

        observed = mode over capsules of argmax_k Σ_c t_0[c] t_l[c + k],
        true     = (index_l − index_0) mod S,

    both modulo S. The published number is their Pearson correlation over all pairs. It takes the
    neighbours S − 1 and 0 for opposites and is blind to a constant factor between the two; so the
    mean of cos(2π (observed − true)/S) stands beside it: 1 when all are equal, about 0 for rolls
    at random. (The paper has one pair a sequence: frame 0 and the one in the state 0.)

    Rolls do not change Σ_c t[c]: taking its mean from a capsule, as is done here to keep digits,
    leaves the argmax where it was. Capsules without a spread beyond rounding have no vote. Of
    rolls with as many votes the smallest counts, as does 0 where there is no vote at all.

    Args:
        capsules: t, (B, T ≥ 2, number of capsules, C).
        index: the states of the factor, int (B, T), as `tfvae.datasets.sequences` gives them;
            sequences with −1, at rest, are left out.
        num_states: states after which the factor closes; None: C. S is its greatest common divisor
            with C, for which rolls and shifts both close: C where the factor closes after as many
            states as the capsule has places.

    Returns:
        The numbers; `correlation` is NaN where all rolls, or all shifts, are the same, as for
        capsules that do not change.

    Raises:
        ValueError: when a shape does not fit, all sequences are at rest, or S is 1.

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
            "No sequence moves the factor: `index` must hold two frames or more, without −1."
        )
    return compared(observed, true, period)


def period_of(size, num_states):
    """S, after which both a capsule and the factor close."""
    states = size if num_states is None else _checks.positive_int("num_states", num_states)
    period = math.gcd(size, states)
    if period < 2:
        raise ValueError(
            f"`num_states` is {states} and the capsules have {size} places: their rolls compare to "
            "shifts of the factor only where the two numbers have a common divisor."
        )
    return period


def shifts_of(capsules, index, period):
    """Observed rolls and true shifts of all pairs of sequences that move, each (pairs,)."""
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


def compared(observed, true, period):
    """The numbers of rolls and shifts, each (pairs,)."""
    cosines = np.cos(2.0 * np.pi * (observed - true) / period)
    constant = np.ptp(observed) == 0 or np.ptp(true) == 0
    correlation = np.nan if constant else np.corrcoef(observed, true)[0, 1]
    return CapsuleCorrelation(float(correlation), float(np.mean(cosines)), len(true))


def _checked_capsules(capsules):
    """`capsules` in float64."""
    capsules = np.asarray(capsules, dtype="float64")
    if capsules.ndim != 4 or not capsules.size:
        raise ValueError(
            "`capsules` must have the shape (sequences, frames, capsules, capsule size), as "
            f"`model.capsules(x)` gives them, received {capsules.shape}."
        )
    return capsules


def _checked_index(index, shape):
    index = np.asarray(index)
    if index.shape != shape[:2] or index.dtype.kind not in "iu":
        raise ValueError(
            f"`index` must hold ints of the shape {shape[:2]}, a state for each frame, received "
            f"{index.dtype} of shape {index.shape}."
        )
    return index
