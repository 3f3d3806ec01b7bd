"""Mutual information of latents and factors, and the mutual information gap."""

import numpy as np

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import checked, contingency, top_gap


def mutual_information(
    representation, factors, *, categories=None, num_bins: int = 20, normalised: bool = False
) -> np.ndarray:
    """I(z_i; v_k) of each latent and each factor, from counts, nats.

        I = Σ_{a, b} p(a, b) log (p(a, b) / (p(a) p(b)))

    A continuous latent counts by bins, which cut the range from its least to its largest value into
    equal parts; a discrete latent counts as it is. The estimate from n examples is too large by
    about (bins − 1)(states − 1)/(2n).

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        num_bins: of a continuous latent.
        normalised: whether each column is divided by the entropy H(v_k) of its factor.

    Returns:
        float64 (N_z + V, F), the continuous latents first.

    Raises:
        ValueError: when a shape, type or number does not fit, a number is not finite, or no factor
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


def mig(representation, factors, *, categories=None, num_bins: int = 20, seed: int = 0) -> float:
    """Mutual information gap [CLGD18, section 4].

        MIG = (1/F) Σ_k (I(z_{j_k}; v_k) − max_{j ≠ j_k} I(z_j; v_k)) / H(v_k),

    with j_k = argmax_j I(z_j; v_k). 1 where each factor is a function of one latent that the others
    know nothing of; noise has about 0. The information is that of `mutual_information`, so a factor
    with more states than bins stays below 1. [CLGD18], Chen, Li, Grosse & Duvenaud, Isolating
    sources of disentanglement in VAEs, 2018, take samples of q(z|x) and no bins; bins of posterior
    means are those of Locatello et al., 2019.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        num_bins: of a continuous latent.
        seed: has no effect, since nothing is drawn: all metrics are called alike.

    Raises:
        ValueError: as `mutual_information`.

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


def _binned(code, num_bins):
    """The bin of each value, from 0; one bin for a latent that never changes."""
    low, high = code.min(), code.max()
    if low == high:
        return np.zeros(len(code), dtype=int)
    edges = np.linspace(low, high, num_bins + 1)
    return np.searchsorted(edges[1:-1], code, side="right")


def _information(a, b):
    joint = contingency(a, b) / len(a)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0.0
    return max(0.0, float(np.sum(joint[seen] * np.log(joint[seen] / independent[seen]))))
