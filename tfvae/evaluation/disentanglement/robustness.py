"""Interventional robustness: does a latent keep its value when other factors change?"""

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.evaluation.disentanglement.inputs import checked


def irs(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    *,
    categories: ArrayLike | None = None,
    quantile: float = 0.99,
    seed: int = 0,
) -> float:
    """Returns the interventional robustness score, in [0, 1] up to sampling errors [S19].

    The robustness of latent i to changes of all factors but k compares its deviations among the
    examples that share a value v of factor k with its deviations over all examples:

        R_ik = 1 − Σ_v p(v) Q(|z_i − E[z_i|v]| given v) / Q(|z_i − E z_i|).

    Q is a high quantile. The score is the mean of max_k R_ik, weighted by Q(|z_i − E z_i|), so a
    latent that changes little has little weight. A discrete latent has the deviations
    ½ ‖d − E d‖₁ = 1 − p(d) of its one-hot vectors.

    The score is 1 if each latent is a function of one factor, and about 0 for noise. Latents that
    never change are left out; the score is 0 if no latent changes. Several latents may share a
    factor, and a factor may have no latent.

    Differences from [S19] and the authors' program, whose numbers do not compare with these:

    - The paper has the maximum in both places. The program has the quantile above and the maximum
      below, and weighs by the maximum; outliers then lower the quotient, more of them in more
      examples. Here it is the quantile in all three.
    - Values v weigh by their shares in the data, p(v), in place of equally. Both are the same for
      a balanced grid.
    - The paper adjusts for factors that depend on each other; here, as in the program, factors are
      taken as independent.
    - The program bins factors; here they are states. Discrete latents are an addition.

    Args:
        representation: continuous latents, (n, N_z), such as posterior means.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,). A factor
            with one value is left out.
        categories: discrete latents, whole numbers (n, V).
        quantile: quantile of the deviations, in (0, 1]; 1 is the maximum, which grows with n.
        seed: no effect; the argument exists because all metrics have it.

    Raises:
        ValueError: if a shape, type or number does not fit, a number is not finite, or no factor
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


def _largest_deviations(codes: np.ndarray, categories: np.ndarray, quantile: float) -> np.ndarray:
    """Returns the quantile of each latent's deviations from its mean, (N_z + V,)."""
    # Equal values become exactly 0.
    codes = codes - codes[:1]
    deviations = [np.abs(codes - codes.mean(axis=0))]
    for category in categories.T:
        shares = np.bincount(category) / len(category)
        deviations.append(1.0 - shares[category][:, None])
    return np.quantile(np.concatenate(deviations, axis=1), quantile, axis=0)
