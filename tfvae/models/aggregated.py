"""The aggregated posterior q(z) = (1/n) Σ_i q(z|x_i) beside the prior: densities and draws."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

from tfvae import _progress, _seeds

# Pairs of a latent and a posterior whose densities are held at a time.
PAIRS = 2**23
# Importance samples of all latents of a chunk that a hierarchical prior holds at a time.
ROWS = 2**16
QUANTILE = 0.99


class Fit(NamedTuple):
    """How far a prior is from the aggregated posterior."""

    divergence: float
    """KL(q(z) ‖ p(z)), nats."""
    standard_error: float
    """Of the divergence, nats; NaN for one latent."""
    share: float
    """The share of prior samples that lie where data are."""


class Draws(NamedTuple):
    """Latents of the aggregated posterior and of the prior; noise where the prior makes z of it."""

    encodings: np.ndarray
    """One draw of each q(z|x_i), (n, N_z)."""
    aggregated: np.ndarray
    """Draws of q(z), (m, N_z)."""
    prior: np.ndarray
    """Draws of p(z), (m, N_z)."""
    is_near: np.ndarray
    """Which draws of p(z) lie where data are, (m,) bool."""


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
        _log_sum(part**2 @ (-0.5 * precision.T) + part @ (loc * precision).T + constant)
        for part in np.split(z, range(rows, len(z), rows))
    ]
    return np.concatenate(parts) - math.log(len(loc))


def _log_sum(values):
    """log Σ exp of each row of finite values, which are overwritten: (m, n) -> (m,)."""
    # In place: SciPy's `logsumexp` makes several arrays as large as this one.
    top = np.max(values, axis=1, keepdims=True)
    values -= top
    return np.log(np.sum(np.exp(values, out=values), axis=1)) + top[:, 0]


def of_posteriors(
    loc: np.ndarray, scale: np.ndarray, num_samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """One draw of each q(z|x_i), (n, N_z), and other draws of q(z), (num_samples, N_z)."""

    def drawn(which):
        return loc[which] + scale[which] * generator.normal(size=(len(which), loc.shape[1]))

    encodings = drawn(np.arange(len(loc)))
    return encodings, drawn(generator.integers(len(loc), size=num_samples)).astype("float32")


def reach(encodings: np.ndarray, aggregated: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The measure of how near to data a latent lies: points (…, N_z) -> numbers (…).

    The distance from the nearest encoding over the 99% quantile of that distance among draws of
    q(z): a latent lies where data are if it is at most 1.

    Args:
        encodings: one draw of each q(z|x_i), (n, N_z).
        aggregated: other draws of q(z), (m, N_z).
    """
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=1).fit(encodings)

    def distances(z):
        if not np.size(z):
            return np.zeros(np.shape(z)[:-1])
        found = nearest.kneighbors(np.reshape(z, [-1, encodings.shape[1]]))[0]
        return np.reshape(found, np.shape(z)[:-1])

    unit = np.quantile(distances(aggregated), QUANTILE)
    return lambda z: distances(z) / unit


def draws(
    model: Any,
    loc: np.ndarray,
    scale: np.ndarray,
    num_samples: int,
    generator: np.random.Generator,
) -> Draws:
    """Draws `num_samples` latents from each of q(z) and p(z).

    Which draws of p(z) lie where data are, `reach` tells.

    Args:
        model: a model of the library.
        loc: μ of all examples, (n, N_z), as `posterior_moments` gives them.
        scale: σ of all examples, (n, N_z).
        num_samples: m.
        generator: of all draws.
    """
    encodings, aggregated = of_posteriors(loc, scale, num_samples, generator)
    prior = _prior_draws(model.prior, aggregated.shape, generator)
    return Draws(encodings, aggregated, prior, reach(encodings, aggregated)(prior) <= 1.0)


def prior_fit(
    model: Any,
    loc: np.ndarray,
    scale: np.ndarray,
    *,
    num_samples: int,
    num_importance_samples: int,
    seed: Any,
    verbose: str | int = 0,
) -> Fit:
    """See `tfvae.evaluation.prior_fit`; `loc` and `scale` are those of `draws`."""
    generator = _seeds.generator(seed)
    z = draws(model, loc, scale, num_samples, generator)
    log_q = log_aggregated_posterior(z.aggregated, loc, scale)
    log_p = _mean_log_prior(model, z.aggregated, num_importance_samples, generator, verbose)
    several = num_samples > 1
    error = np.std(log_q - log_p, ddof=1) / math.sqrt(num_samples) if several else math.nan
    return Fit(float(np.mean(log_q - log_p)), float(error), float(np.mean(z.is_near)))


def log_prior(model: Any, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """log p(z) in nats, or a draw of its bound, (n, N_z) and (2,) -> (n,)."""
    return model.prior.log_prob(z, seed=seed)


def _mean_log_prior(model, z, num_importance_samples, generator, verbose):
    """log p(z), (m,); of a prior with a bound F by the mean of exp F, which is unbiased."""
    if not model.prior.posterior_is_over_z:
        return -0.5 * np.sum(z.astype("float64") ** 2 + math.log(2.0 * math.pi), axis=1)
    own = getattr(model.prior, "num_importance_samples", None)
    times = 1 if own is None else -(-num_importance_samples // own)
    rows = max(1, ROWS // (own or 1))
    parts = np.split(z, range(rows, len(z), rows))
    found = []
    with _progress.progress(times * len(parts), verbose, "chunk") as add:
        for part in parts:
            drawn = []
            for _ in range(times):
                seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
                drawn.append(model.log_prior(part, seed).numpy().astype("float64"))
                add(1)
            found.append(logsumexp(drawn, axis=0) - math.log(times))
    return np.concatenate(found)


def _prior_draws(prior, shape, generator):
    """Draws of what the posterior is over: of p(z), or noise."""
    if not prior.posterior_is_over_z:
        return generator.normal(size=shape).astype("float32")
    seed = tf.constant(generator.integers(2**31, size=2), tf.int32)
    frames = math.prod(prior.sequence_shape)
    z = np.asarray(prior.sample(-(-shape[0] // frames), seed=seed))
    return z.reshape(-1, shape[1])[: shape[0]]
