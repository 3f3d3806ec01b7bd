"""Bernoulli likelihood, for binary data and for grey values in [0, 1]."""

import functools
import math
import operator

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._fused import fused
from tfvae.likelihoods.base import Likelihood, flattened, sum_over_features

tfd = tfp.distributions

# Factors 1 + exp(−|l|) that are multiplied before their logarithm is taken.
MOST_FACTORS = 8


def bernoulli_log_prob(x: tf.Tensor, logits: tf.Tensor, data_rank: int) -> tf.Tensor:
    """Σ_i x_i l_i − log(1 + exp l_i), nats: log Bernoulli(x; σ(l)), summed over features.

    For x in (0, 1) it is minus the cross-entropy between x and σ(l).

    Args:
        x: data in [0, 1], (B, *data).
        logits: l, (..., B, *data).
        data_rank: number of axes of one example.

    Returns:
        (..., B).
    """
    return sum_over_features(_log_prob(x, logits), data_rank)


def _log_prob(x, logits):
    """The terms of the sum, (..., B, *data)."""
    return x * logits - tf.math.softplus(logits)


@tf.custom_gradient
def _few_logarithms(x, logits):
    """`bernoulli_log_prob` of flat data, with a logarithm for every eight features.

    log(1 + exp l) = max(l, 0) + log(1 + exp(−|l|)), and logarithms of factors in (1, 2] add up to
    that of their product.
    """
    size = logits.shape[-1]
    number = math.gcd(size, MOST_FACTORS)
    factors = tf.split(1.0 + tf.exp(-tf.abs(logits)), number, axis=-1)
    product = functools.reduce(operator.mul, factors)
    linear = tf.reduce_sum(x * logits - tf.nn.relu(logits), axis=-1)

    def gradients(upstream):
        return None, upstream[..., tf.newaxis] * (x - tf.sigmoid(logits))

    return linear - tf.reduce_sum(tf.math.log(product), axis=-1), gradients


_fused_log_prob = fused(
    lambda x, logits: bernoulli_log_prob(x, logits, data_rank=1), for_xla=_few_logarithms
)


@keras.saving.register_keras_serializable(package="tfvae")
class Bernoulli(Likelihood):
    """p(x|z) = Π_i Bernoulli(x_i; σ(l_i(z))), with the decoder's outputs as logits l.

    D = C = −Σ_i [x_i log σ(l_i) + (1 − x_i) log(1 − σ(l_i))], the cross-entropy, in nats. Grey
    values in [0, 1] are allowed; D is then the customary cross-entropy, not the density of a
    normalised distribution over [0, 1].

    κ is the mean cross-entropy per feature in nats: κ² of the papers is N_x · kappa. For grey
    values it cannot fall below their own entropy.

    Args:
        missing: whether NaN is a missing value, see `Likelihood`.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.likelihoods import Bernoulli
        >>> likelihood = Bernoulli()
        >>> likelihood.build((3,))
        >>> x, logits = tf.constant([[0.0, 1.0, 1.0]]), tf.zeros([1, 3])
        >>> distortion, error = likelihood.distortion_and_error(x, logits)
        >>> round(float(distortion[0]), 4)  # 3 log 2
        2.0794
    """

    support = (0.0, 1.0)
    outputs_are = "logits"

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent Bernoulli distributions, event shape *data."""
        return tfd.Independent(tfd.Bernoulli(logits=outputs, dtype=outputs.dtype), self.data_rank)

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """σ(l)."""
        return tf.sigmoid(outputs)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """x_i l_i − log(1 + exp l_i)."""
        return _log_prob(x, outputs)

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The cross-entropy, twice."""
        if self.missing:
            return self.sums_of_features(x, outputs)
        distortion = -_fused_log_prob(
            flattened(x, self.data_rank), flattened(outputs, self.data_rank)
        )
        return distortion, distortion

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """The cross-entropy between x and the mean."""
        x, mean = (tf.clip_by_value(one, 0.0, 1.0) for one in (x, mean))  # rounding aside
        entropy = -tf.math.xlogy(x, mean) - tf.math.xlogy(1.0 - x, 1.0 - mean)
        return tf.reduce_mean(self.sum_of_observed(entropy, x))
