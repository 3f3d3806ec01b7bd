"""Diagonal Gaussians whose densities take few passes over the samples."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class _Normal(tfd.Normal):
    """`tfd.Normal`, with one division a scale in place of several a sample.

    With K samples of B examples, TFP's density divides K·B·N numbers twice, and its gradient does
    so four times. A sample's own density is that of its noise, and needs neither.
    """

    def _log_prob(self, x):
        scale = tf.convert_to_tensor(self.scale)
        noise = (x - self.loc) * tf.math.reciprocal(scale)
        return _log_density(noise, scale)

    def _sample_and_log_prob(self, sample_shape, seed, **kwargs):
        loc, scale = tf.convert_to_tensor(self.loc), tf.convert_to_tensor(self.scale)
        shape = tf.concat([sample_shape, self.batch_shape_tensor()], axis=0)
        noise = tf.random.stateless_normal(shape, tfp.random.sanitize_seed(seed), dtype=self.dtype)
        return loc + scale * noise, _log_density(noise, scale)


def _log_density(noise, scale):
    """log N(μ + σ·ε; μ, σ²)."""
    return -0.5 * tf.square(noise) - (tf.math.log(scale) + HALF_LOG_TWO_PI)


def diagonal_gaussian(loc: tf.Tensor, scale: tf.Tensor) -> tfd.Distribution:
    """N(loc, diag scale²) over the last axis.

    `experimental_sample_and_log_prob` gives the density of a sample without a division.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.distributions import diagonal_gaussian
        >>> normal = diagonal_gaussian(tf.zeros([5, 2]), tf.ones([5, 2]))
        >>> z, log_prob = normal.experimental_sample_and_log_prob(3, seed=(0, 0))
        >>> z.shape, log_prob.shape
        (TensorShape([3, 5, 2]), TensorShape([3, 5]))
    """
    return tfd.Independent(_Normal(loc, scale), 1)


def is_diagonal_gaussian(distribution: tfd.Distribution) -> bool:
    """Whether a distribution is one as `diagonal_gaussian` gives, with μ and σ of its own."""
    is_product = isinstance(distribution, tfd.Independent)
    return is_product and isinstance(distribution.distribution, tfd.Normal)
