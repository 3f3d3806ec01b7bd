"""Interventional robustness: does a latent stay where it is when other factors change?"""

import numpy as np

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import checked


def irs(
    representation, factors, *, categories=None, quantile: float = 0.99, seed: int = 0
) -> float:
    """Interventional robustness score, in [0, 1] up to sampling [S19].

    For latent i and factor k, with the deviations |z_i − E z_i| within the examples that share the
    value v of the factor, and in all examples,

        R_ik = 1 − Σ_v p(v) Q(|z_i − E[z_i|v]| given v) / Q(|z_i − E z_i|),

    Q a high quantile in place of the largest value. The score is the mean of max_k R_ik, weighted
    by Q(|z_i − E z_i|): a latent that moves little counts little. A discrete latent has the
    deviations ½ ‖d − E d‖₁ = 1 − p(d) of its one-hot vectors.

    1 where each latent is a function of one factor; about 0 for noise, because the same quantile
    stands above and below; latents that never change do not count, and give 0 where none does.
    Several latents may share a factor, and a factor may have none. [S19] is Suter, Miladinović,
    Schölkopf & Bauer, Robustly disentangled causal mechanisms, 2019.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). Those with
            one value are left out.
        categories: discrete latents, whole numbers (n, V).
        quantile: of the deviations, in (0, 1]; 1 is the maximum, which grows with n.
        seed: has no effect, since nothing is drawn: all metrics are called alike.

    Raises:
        ValueError: when a shape, type or number does not fit, a number is not finite, or no factor
            has two values.

    Example:
        >>> import numpy as np, tfvae
        >>> factors = np.indices((4, 5)).reshape(2, -1).T
        >>> tfvae.evaluation.irs(factors**2, factors)
        1.0
    """
    data = checked(representation, factors, categories)
    quantile = _checks.number_in("quantile", quantile, 0.0, 1.0, low_open=True)
    total = _largest_deviations(data.codes, data.categories, quantile)
    moving = total > 0.0
    if not moving.any():
        return 0.0
    robustness = []
    for states in data.states.T:
        within = np.zeros_like(total)
        for state in range(states.max() + 1):
            rows = states == state
            within += np.mean(rows) * _largest_deviations(
                data.codes[rows], data.categories[rows], quantile
            )
        robustness.append(1.0 - within[moving] / total[moving])
    best = np.max(robustness, axis=0)
    return float(np.average(best, weights=total[moving]))


def _largest_deviations(codes, categories, quantile):
    """Q of the deviations of each latent from its mean, (N_z + V,)."""
    # Relative to the first, so that equal values deviate by exactly 0.
    codes = codes - codes[:1]
    deviations = [np.abs(codes - codes.mean(axis=0))]
    for category in categories.T:
        shares = np.bincount(category) / len(category)
        deviations.append(1.0 - shares[category][:, None])
    return np.quantile(np.concatenate(deviations, axis=1), quantile, axis=0)
