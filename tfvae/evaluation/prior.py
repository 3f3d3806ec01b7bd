"""How well the prior is learned: the divergence from its optimum, and where its samples lie."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks, _seeds
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel, aggregated
from tfvae.models.data import posterior_moments


@dataclasses.dataclass(frozen=True, repr=False)
class PriorFit(Report):
    """The divergence of the aggregated posterior from the prior, and the share of good samples."""

    divergence: float
    """KL(q(z) ‖ p(z)), nats."""
    standard_error: float
    """Of the divergence, from the latents that were drawn, nats."""
    share: float
    """The share of prior samples that lie where data are; 0.99 for the aggregated posterior."""
    num_samples: int
    """Number of latents that were drawn from each of q(z) and p(z)."""
    is_of_noise: bool = False
    """Whether z stands for the noise of which the prior makes the latents."""

    title = "Fit of the prior"

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        unit = "nats, of the noise" if self.is_of_noise else "nats"
        return [
            Line("KL(aggregated posterior ‖ prior)", self.divergence, unit),
            Line("standard error of the KL", self.standard_error, "nats"),
            Line("prior samples where data are", self.share, "share; of the posterior: 0.99"),
        ]


def prior_fit(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    num_samples: int = 4000,
    num_importance_samples: int = 2048,
    batch_size: int = 512,
    seed: Any = 0,
    verbose: str | int = "auto",
) -> PriorFit:
    """Measures how far the prior is from the aggregated posterior, its optimum [K19].

        KL(q(z) ‖ p(z)) = E_{z ~ q(z)}[log q(z) − log p(z)], q(z) = (1/n) Σ_i q(z|x_i)

    log q(z) is exact over all n examples. log p(z) is exact, or for a hierarchical prior a bound
    with many importance samples of ζ: the divergence is then slightly too large. Where few examples
    have posteriors that do not overlap, the divergence also measures that a smooth prior does not
    remember them; compare it between priors on the same data.

    Which prior samples lie where data are, `distance_to_data` tells. Of a prior that makes z
    of noise, both numbers are of the noise. Steps of sequences count one by one, and categories
    are no part of z. A posterior of another kind counts as the diagonal Gaussian of its moments.

    `tfvae.callbacks.PriorFitMonitor` measures both in training, `tfvae.plots.prior_fit` shows them.

    Args:
        model: a model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        y: the condition beside an array, for a model with one.
        num_samples: number of latents drawn from q(z), and of samples of p(z).
        num_importance_samples: K, of a prior whose density is a bound.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of all draws.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: if the data are empty or of the wrong shape, an encoding is not finite, or a
            condition is missing.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 3))
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> fit = tfvae.evaluation.prior_fit(vae, x, num_samples=100)
        >>> fit.divergence > 0.0, 0.0 <= fit.share <= 1.0
        (True, True)
    """
    num_samples = _checks.positive_int("num_samples", num_samples)
    count = _checks.positive_int("num_importance_samples", num_importance_samples)
    loc, scale = posterior_moments(model, data, y, batch_size=batch_size)
    fit = aggregated.prior_fit(
        model,
        loc,
        scale,
        num_samples=num_samples,
        num_importance_samples=count,
        seed=seed,
        verbose=verbose,
    )
    return PriorFit(*fit, num_samples=num_samples, is_of_noise=not model.prior.posterior_is_over_z)


def distance_to_data(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    z: ArrayLike,
    *,
    y: Any = None,
    num_samples: int = 4000,
    batch_size: int = 512,
    seed: Any = 0,
) -> np.ndarray:
    """How far latents lie from data; at most 1: where data are.

        min_i ‖z − z_i‖ / Q, z_i ~ q(z|x_i)

    Q is the 99% quantile of the same distance among new draws of the aggregated posterior q(z).

    Args:
        model: a model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        z: latents, (…, N_z), such as prior samples or a path of `tfvae.geometry.LatentGraph`; of a
            prior that makes z of noise, the noise, (…, noise_per_latent·N_z).
        y: the condition beside an array, for a model with one.
        num_samples: number of draws from q(z).
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of all draws.

    Returns:
        float64 array (…).

    Raises:
        ValueError: if the data are empty or of the wrong shape, a condition is missing, or z has
            another number of latents or is not finite.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 3))
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> tfvae.evaluation.distance_to_data(vae, x, [[0.0, 0.0], [9.0, 9.0]]) < 1.0
        array([ True, False])
    """
    num_samples = _checks.positive_int("num_samples", num_samples)
    loc, scale = posterior_moments(model, data, y, batch_size=batch_size)
    z = np.asarray(z, "float64")
    if z.ndim == 0 or z.shape[-1] != loc.shape[1] or not np.all(np.isfinite(z)):
        raise ValueError(
            f"`z` must hold finite latents, (…, {loc.shape[1]}), received the shape {z.shape} with "
            f"{_checks.span_of(z)}. Give latents of this model, with the axis of the latents last."
        )
    drawn = aggregated.of_posteriors(loc, scale, num_samples, _seeds.generator(seed))
    return aggregated.reach(*drawn)(z)
