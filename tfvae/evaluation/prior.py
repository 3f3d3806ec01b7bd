"""How well the prior is learned: the divergence from its optimum, and where its samples lie."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import logsumexp
from sklearn.neighbors import NearestNeighbors

from tfvae import _checks, _progress, _seeds
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.data import posterior_moments

# Pairs of a latent and a posterior whose densities are held at a time.
PAIRS = 2**23
# Importance samples of all latents of a chunk that a hierarchical prior holds at a time.
ROWS = 2**16
QUANTILE = 0.99


def log_aggregated_posterior(z: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """log q(z) = log (1/n) Σ_i N(z; μ_i, diag σ_i²) in nats, exact over all n, in float64.

    Args:
        z: (m, N_z).
        loc: μ, (n, N_z).
        scale: σ, (n, N_z).

    Returns:
        (m,).
    """
    center = np.mean(loc, axis=0, dtype="float64")
    z, loc, precision = z - center, loc - center, 1.0 / np.square(scale, dtype="float64")
    # −½ Σ_j (z_j − μ_ij)²/σ_ij² as two matrix products.
    constant = -0.5 * np.sum(loc**2 * precision + np.log(2.0 * np.pi / precision), axis=1)
    rows = max(1, PAIRS // len(loc))
    parts = [
        logsumexp(part**2 @ (-0.5 * precision.T) + part @ (loc * precision).T + constant, axis=1)
        for part in np.split(z, range(rows, len(z), rows))
    ]
    return np.concatenate(parts) - math.log(len(loc))


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

    title = "Fit of the prior"

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        error = f"nats ± {self.standard_error:.2g}"
        return [
            Line("KL(aggregated posterior ‖ prior)", self.divergence, error),
            Line("prior samples where data are", self.share),
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

    A prior sample lies where data are if its nearest encoding, one draw of each q(z|x_i), is no
    farther than the 99% quantile of that distance among new draws of q(z). Of a prior that makes z
    of noise, both numbers are of the noise.

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
        ValueError: if the data are empty or of the wrong shape, or a condition is missing.

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
    first, second = (int(one) for one in _seeds.stateless(seed))
    generator = np.random.default_rng([first % 2**32, second % 2**32])

    def draws(which):
        return loc[which] + scale[which] * generator.normal(size=(len(which), loc.shape[1]))

    encodings = draws(np.arange(len(loc)))
    z = draws(generator.integers(len(loc), size=num_samples)).astype("float32")
    log_ratio = log_aggregated_posterior(z, loc, scale) - _log_prior(
        model.prior, z, count, generator, verbose
    )
    nearest = NearestNeighbors(n_neighbors=1).fit(encodings)
    own = nearest.kneighbors(z)[0][:, 0]
    of_prior = nearest.kneighbors(_samples(model.prior, z.shape, generator))[0][:, 0]
    return PriorFit(
        divergence=float(np.mean(log_ratio)),
        standard_error=float(np.std(log_ratio, ddof=1) / math.sqrt(num_samples))
        if num_samples > 1
        else float("nan"),
        share=float(np.mean(of_prior <= np.quantile(own, QUANTILE))),
        num_samples=num_samples,
    )


def _log_prior(prior, z, num_importance_samples, generator, verbose):
    """log p(z), (m,); of a prior with a bound F by the mean of exp F, which is unbiased."""
    if not prior.posterior_is_over_z:
        return -0.5 * np.sum(z.astype("float64") ** 2 + math.log(2.0 * math.pi), axis=1)
    own = getattr(prior, "num_importance_samples", None)
    times = 1 if own is None else -(-num_importance_samples // own)
    rows = max(1, ROWS // (own or 1))

    @tf.function(reduce_retracing=True)
    def log_prob(z, seed):
        return prior.log_prob(z, seed=seed)

    parts = np.split(z, range(rows, len(z), rows))
    found = []
    with _progress.progress(times * len(parts), verbose, "chunk") as add:
        for part in parts:
            drawn = []
            for _ in range(times):
                seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
                drawn.append(log_prob(part, seed).numpy().astype("float64"))
                add(1)
            found.append(logsumexp(drawn, axis=0) - math.log(times))
    return np.concatenate(found)


def _samples(prior, shape, generator):
    """Samples of what the posterior is over: of p(z), or noise."""
    if not prior.posterior_is_over_z:
        return generator.normal(size=shape)
    seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
    frames = math.prod(prior.sequence_shape)
    z = np.asarray(prior.sample(-(-shape[0] // frames), seed=seed))
    return z.reshape(-1, shape[1])[: shape[0]]
