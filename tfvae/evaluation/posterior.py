"""Use of each latent dimension: active units and posterior collapse."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _names
from tfvae.evaluation.tables import Line, Report, table
from tfvae.models import LatentVariableModel
from tfvae.models.data import posterior_moments

# The threshold of [BGS16, section 5.2], for z of the variance 1: a share of it.
ACTIVE_SHARE = 0.01


def active_units(loc: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
    """Returns whether each latent is an active unit, (N_z,) bool [BGS16, section 5.2].

    Var_x(E[z_i|x]) > 0.01 as published, for latents of the scale of N(0, I). With `scale`, for
    latents of any scale, such as those of a learned prior: Var_x(E[z_i|x]) > 0.01·(Var_x(E[z_i|x])
    + E_x Var[z_i|x]), which is the same where z_i has the variance 1.

    Args:
        loc: posterior means, (n, N_z).
        scale: posterior standard deviations, (n, N_z); None: z has the variance 1.

    Example:
        >>> import numpy as np, tfvae
        >>> loc = 0.01 * np.array([[-1.0, 0.0], [1.0, 0.0]])
        >>> tfvae.evaluation.active_units(loc)
        array([False, False])
        >>> tfvae.evaluation.active_units(loc, np.full((2, 2), 0.01))
        array([ True, False])
    """
    variance = np.var(loc, axis=0)
    total = 1.0 if scale is None else variance + np.mean(np.square(scale), axis=0)
    return variance > ACTIVE_SHARE * total


def information(loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Returns E_x KL(q(z_i|x) ‖ N(m_i, s_i²)) in nats.

    m_i and s_i² are the moments of the aggregated posterior. A Gaussian q(z_i|x) with variance σ²
    gives ½ (log s² − E log σ²). The value is an upper bound on the information I(x; z_i) and does
    not depend on the scale of the prior. It is 0 if q(z_i|x) is the same for every x.

    Args:
        loc: μ, (n, N_z).
        scale: σ, (n, N_z).

    Returns:
        (N_z,).
    """
    aggregated = np.var(loc, axis=0) + np.mean(scale**2, axis=0)
    return 0.5 * (np.log(aggregated) - np.mean(np.log(scale**2), axis=0))


@dataclasses.dataclass(frozen=True, repr=False)
class PosteriorReport(Report):
    """Moments and information of each latent dimension, and the number of active units."""

    variance_of_means: np.ndarray
    """Var_x(E[z_i|x]), (N_z,)."""
    mean_variance: np.ndarray
    """E_x(Var[z_i|x]), (N_z,)."""
    information: np.ndarray
    """E_x KL(q(z_i|x) ‖ N(m_i, s_i²)), (N_z,), nats; see `information`."""

    title = "Use of the latent dimensions"

    @property
    def share_of_means(self) -> np.ndarray:
        """Var(E[z|x]) / (Var(E[z|x]) + E Var[z|x]), (N_z,), for any scale of z; 0 where z is 0."""
        total = self.variance_of_means + self.mean_variance
        return np.divide(self.variance_of_means, total, out=np.zeros_like(total), where=total > 0.0)

    @property
    def active(self) -> np.ndarray:
        """Whether the share of means is above 1%, (N_z,) bool; see `active_units`."""
        return self.share_of_means > ACTIVE_SHARE

    @property
    def collapsed(self) -> np.ndarray:
        """All others: q(z_i|x) hardly depends on x, (N_z,) bool."""
        return ~self.active

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        return [
            Line("latent dimensions", len(self.active)),
            Line("active units", int(self.active.sum())),
            Line("collapsed dimensions", int(self.collapsed.sum())),
            Line("mean posterior variance", float(self.mean_variance.mean())),
            Line("information, sum over dimensions", float(self.information.sum()), "nats"),
        ]

    def by_dimension(self) -> str:
        """Returns a table with a line for each dimension, the most informative first."""
        return table(
            "dimension: information; Var(E[z|x]), E(Var[z|x])",
            [
                Line(
                    _names.latent(i) + (" (collapsed)" if self.collapsed[i] else ""),
                    float(self.information[i]),
                    f"nats; {self.variance_of_means[i]:.4g}, {self.mean_variance[i]:.4g}",
                )
                for i in np.argsort(-self.information)
            ],
        )


def posterior_report(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    batch_size: int = 512,
) -> PosteriorReport:
    """Reports active units and posterior collapse of a model on `data` [BGS16].

    Args:
        model: a model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        y: the condition beside an array, for a model with one.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.

    Raises:
        ValueError: if the data are empty or of the wrong shape, or a condition is missing.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 3))
        >>> x = np.random.default_rng(0).normal(size=(8, 3))
        >>> len(tfvae.evaluation.posterior_report(vae, x).active)
        2
    """
    loc, scale = posterior_moments(model, data, y, batch_size=batch_size)
    return PosteriorReport(
        variance_of_means=np.var(loc, axis=0),
        mean_variance=np.mean(scale**2, axis=0),
        information=information(loc, scale),
    )
