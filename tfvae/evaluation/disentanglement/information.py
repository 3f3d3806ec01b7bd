"""Mutual information of latents and factors, and the mutual information gap."""

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import checked, contingency, top_gap


def mutual_information(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
    normalised: bool = False,
) -> np.ndarray:
    """Estimates I(z_i; v_k) of each latent and each factor from counts, nats.

        I = Σ_{a, b} p(a, b) log (p(a, b) / (p(a) p(b)))

    Bins of equal width divide the range of a continuous latent; a discrete latent needs no bins.
    The estimate from n examples is too large by about (bins − 1)(states − 1)/(2n).

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        num_bins: number of bins of a continuous latent.
        normalised: whether to divide each column by the entropy H(v_k) of its factor.

    Returns:
        float64 (N_z + V, F), the continuous latents first.

    Raises:
        ValueError: if a shape, type or number does not fit, a number is not finite, or no factor
            has two values.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.indices((4, 4)).reshape(2, -1).T
        >>> information = tfvae.evaluation.mutual_information(factors, factors)
        >>> np.round(information / np.log(4.0), 6)
        array([[1., 0.],
               [0., 1.]])
    """
    data = checked(representation, factors, categories)
    num_bins = _checks.positive_int("num_bins", num_bins)
    latents = [_binned(code, num_bins) for code in data.codes.T]
    latents += list(data.categories.T)
    information = np.array(
        [[_information(latent, factor) for factor in data.states.T] for latent in latents]
    )
    entropies = [_information(factor, factor) for factor in data.states.T]
    return information / entropies if normalised else information


def mig(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    num_bins: int = 20,
    seed: int = 0,
) -> float:
    """Returns the mutual information gap [CLGD18].

        MIG = (1/F) Σ_k (I(z_{j_k}; v_k) − max_{j ≠ j_k} I(z_j; v_k)) / H(v_k),

    with j_k = argmax_j I(z_j; v_k). MIG is 1 if one latent determines each factor and the other
    latents are independent of it. Noise has about 0. I is estimated by `mutual_information`, so a
    factor with more states than bins stays below 1. [CLGD18] use samples of q(z|x) and
    no bins; the bins of posterior means follow [L19].

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        num_bins: number of bins of a continuous latent.
        seed: no effect; the argument exists because all metrics have it.

    Raises:
        ValueError: as for `mutual_information`.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.indices((4, 5)).reshape(2, -1).T
        >>> round(tfvae.evaluation.mig(factors, factors), 6)
        1.0
        >>> round(tfvae.evaluation.mig(factors @ [[1, 1], [1, -1]], factors), 2)
        0.0
    """
    shares = mutual_information(
        representation, factors, categories=categories, num_bins=num_bins, normalised=True
    )
    return float(np.mean(top_gap(shares)))


def _binned(code: np.ndarray, num_bins: int) -> np.ndarray:
    """Returns the bin of each value, from 0; a latent that never changes has one bin."""
    low, high = code.min(), code.max()
    if low == high:
        return np.zeros(len(code), dtype=int)
    edges = np.linspace(low, high, num_bins + 1)
    return np.searchsorted(edges[1:-1], code, side="right")


def _information(a: np.ndarray, b: np.ndarray) -> float:
    joint = contingency(a, b) / len(a)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0.0
    return max(0.0, float(np.sum(joint[seen] * np.log(joint[seen] / independent[seen]))))
