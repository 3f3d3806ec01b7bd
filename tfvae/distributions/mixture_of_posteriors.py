"""Mixtures of diagonal Gaussians with many components, without a (B, K, N_z) tensor."""

import math

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

tfd = tfp.distributions

# Components whose log-densities are held at a time.
CHUNK = 2048


def diagonal_gaussian_log_probs(z: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """log N(z_b; μ_k, diag(σ_k)²) of every point under every component.

    The square is expanded, Σ_d (z − μ)²/σ² = z²·σ⁻² − 2 z·(μσ⁻²) + Σ_d μ²σ⁻², into matrix products
    that need no tensor of size B × K × N_z. The expansion cancels when σ ≪ |z|; float64 prevents
    this, and costs little beside the networks.

    Args:
        z: points, (..., N_z).
        loc: component means μ, (K, N_z).
        scale: component standard deviations σ, (K, N_z).

    Returns:
        Log-densities in nats, (..., K), in the dtype of `z`.
    """
    size = loc.shape[-1]
    z64, loc64, scale64 = (tf.cast(v, tf.float64) for v in (z, loc, scale))
    # Centring on the components' mean keeps the terms that cancel small.
    centre = tf.stop_gradient(tf.reduce_mean(loc64, axis=0))
    z64, loc64 = z64 - centre, loc64 - centre
    precision = 1.0 / tf.square(scale64)
    weighted = loc64 * precision
    flat = tf.reshape(z64, [-1, size])
    quadratic = tf.matmul(
        tf.concat([tf.square(flat), -2.0 * flat], axis=-1),
        tf.concat([precision, weighted], axis=-1),
        transpose_b=True,
    )
    constant = tf.reduce_sum(
        loc64 * weighted + 2.0 * tf.math.log(scale64) + math.log(2.0 * math.pi), axis=-1
    )
    log_probs = tf.cast(-0.5 * (quadratic + constant), z.dtype)
    return tf.reshape(log_probs, tf.concat([tf.shape(z)[:-1], tf.shape(loc)[:1]], axis=0))


class MixtureOfPosteriors(tfd.MixtureSameFamily):
    """p(z) = Σ_k π_k N(z; μ_k, diag(σ_k)²), a mixture of diagonal Gaussian posteriors.

    It is the VampPrior [TW18] if μ_k, σ_k are the posterior of pseudo-input u_k and π_k = 1/K. It
    is an aggregated posterior if they come from encoded training examples. `log_prob` of B points
    holds (B, 2048) numbers at a time (see `diagonal_gaussian_log_probs`), and a sample draws from
    one component only: K may be 10⁵. Moments come from `tfd.MixtureSameFamily`.

    Args:
        loc: means μ, (K, N_z).
        scale: standard deviations σ > 0, (K, N_z).
        logits: unnormalised log π, (K,). None: equal weights.

    Raises:
        ValueError: when `loc` and `scale` do not have one shape (K, N_z).

    Example:
        >>> from tfvae.distributions import MixtureOfPosteriors
        >>> p = MixtureOfPosteriors(loc=[[-1.0], [1.0]], scale=[[0.5], [0.5]])
        >>> p.log_prob([[0.0], [1.0]]).shape
        TensorShape([2])
    """

    def __init__(
        self,
        loc: ArrayLike | tf.Tensor,
        scale: ArrayLike | tf.Tensor,
        logits: ArrayLike | tf.Tensor | None = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "MixtureOfPosteriors",
    ) -> None:
        parameters = dict(locals())
        loc = tf.convert_to_tensor(loc)
        scale = tf.convert_to_tensor(scale, dtype=loc.dtype)
        if loc.shape.rank != 2 or not loc.shape.is_compatible_with(scale.shape):
            raise ValueError(
                f"`loc` and `scale` must have one shape (K, N_z), received {loc.shape} and "
                f"{scale.shape}. Give a row for each component."
            )
        logits = tf.zeros_like(loc[:, 0]) if logits is None else logits
        logits = tf.convert_to_tensor(logits, dtype=loc.dtype)
        super().__init__(
            mixture_distribution=tfd.Categorical(logits=logits),
            components_distribution=tfd.Independent(tfd.Normal(loc, scale), 1),
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            name=name,
        )
        self._parameters = self._no_dependency(parameters)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {
            "loc": tfp.util.ParameterProperties(event_ndims=2),
            "scale": tfp.util.ParameterProperties(event_ndims=2),
            "logits": tfp.util.ParameterProperties(event_ndims=1),
        }

    def _log_prob(self, z):
        components = self.components_distribution.distribution
        log_weights = tf.math.log_softmax(self.mixture_distribution.logits)
        number = components.loc.shape[0]
        found = []
        for first in range(0, number, CHUNK):
            part = slice(first, first + CHUNK)
            with tf.control_dependencies(found[-1:]):  # One at a time, or memory grows with K.
                log_probs = diagonal_gaussian_log_probs(
                    tf.identity(z), components.loc[part], components.scale[part]
                )
                found.append(tf.reduce_logsumexp(log_probs + log_weights[part], axis=-1))
        return found[0] if len(found) == 1 else tf.reduce_logsumexp(tf.stack(found), axis=0)

    def _sample_n(self, n, seed=None):
        components = self.components_distribution.distribution
        which_seed, noise_seed = tfp.random.split_seed(seed, n=2, salt="mixture")
        which = self.mixture_distribution.sample(n, seed=which_seed)
        shape = [n, components.loc.shape[1]]
        noise = tf.random.stateless_normal(shape, noise_seed, dtype=components.dtype)
        z = tf.gather(components.loc, which) + tf.gather(components.scale, which) * noise
        return tf.stop_gradient(z)  # As of any mixture: which component it is has no gradient.
