"""Gaussian likelihood with a fixed, one learned, or a per-feature learned scale."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._fused import fused
from tfvae.likelihoods.base import flattened, sum_over_features
from tfvae.likelihoods.location_scale import LocationScale

tfd = tfp.distributions


def gaussian_log_prob(
    x: tf.Tensor, loc: tf.Tensor, log_scale: tf.Tensor, data_rank: int
) -> tf.Tensor:
    """Σ_i −½ ((x_i − μ_i)/σ_i)² − log σ_i − ½ log 2π, nats, summed over features.

    Args:
        x: data, (B, *data).
        loc: μ, (..., B, *data).
        log_scale: log σ, a scalar or (*data).
        data_rank: number of axes of one example.

    Returns:
        (..., B).
    """
    return sum_over_features(_log_prob(x, loc, log_scale), data_rank)


def _log_prob(x, loc, log_scale):
    """The terms of the sum, (..., B, *data)."""
    square = tf.math.squared_difference(x, loc) * tf.exp(-2.0 * log_scale)
    return -0.5 * square - (log_scale + 0.5 * math.log(2.0 * math.pi))


_fused_squared_error = fused(
    lambda x, loc: tf.reduce_sum(tf.math.squared_difference(x, loc), axis=-1)
)


@keras.saving.register_keras_serializable(package="tfvae")
class Gaussian(LocationScale):
    """p(x|z) = N(x; μ(z), diag σ²), with the decoder's outputs as μ.

    D = Σ_i ½ ((x_i − μ_i)/σ_i)² + log σ_i + ½ log 2π in nats, C = ‖x − μ‖².

    Args:
        scale: σ > 0 as a number (fixed), "learned" (one σ for all features, the default) or
            "per_feature" (one σ for each).
        missing: whether NaN is a missing value, see `Likelihood`.

    A learned σ is the maximum-likelihood one, σ² = mean of (x − μ)², as a moving average over
    training batches; the first step has the mean of x². Gradient descent reaches the same optimum
    hundreds of steps later, and until then D would belong to a wrong σ. With a learned σ the ELBO
    has no weight left to choose. σ is at least 1e-4 of a unit of the data.

    κ is the root-mean-square error per feature: κ² of the papers is N_x · kappa².

    Raises:
        ValueError: when `scale` is neither a positive number nor one of the two words.

    Example:
        >>> from tfvae.likelihoods import Gaussian
        >>> likelihood = Gaussian(scale=1.0)
        >>> likelihood.build((2,))
        >>> distortion, error = likelihood.distortion_and_error([[0.0, 3.0]], [[0.0, 0.0]])
        >>> round(float(distortion[0]), 4), float(error[0])  # 9/2 + log 2π
        (6.3379, 9.0)
    """

    kappa_unit = "RMSE per feature"

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent normal distributions, event shape *data."""
        return tfd.Independent(tfd.Normal(outputs, self.scale_like(outputs)), self.data_rank)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log N(x_i; μ_i, σ²)."""
        return _log_prob(x, outputs, tf.cast(self.log_scale, outputs.dtype))

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """−log N(x; μ, σ²) and ‖x − μ‖²."""
        if self.missing:
            return super().distortion_and_error(x, outputs)
        error = _fused_squared_error(
            flattened(x, self.data_rank), flattened(outputs, self.data_rank)
        )
        log_scale = tf.cast(self.log_scale, error.dtype)
        if self.scale == "per_feature":
            return -gaussian_log_prob(x, outputs, log_scale, self.data_rank), error
        # With one scale the density follows from the error, and the features are read once.
        normaliser = log_scale + 0.5 * math.log(2.0 * math.pi)
        return 0.5 * error * tf.exp(-2.0 * log_scale) + self.num_features * normaliser, error

    def residual(self, x: tf.Tensor, outputs: tf.Tensor, error: tf.Tensor) -> tf.Tensor | None:
        """(x − μ)², per feature or averaged over them, where the scale is learned."""
        if self.scale == "learned" and not self.missing:
            return error / self.num_features
        return super().residual(x, outputs, error)

    def error_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """(x_i − μ_i)²."""
        return tf.math.squared_difference(x, outputs)

    def fixed_error_weight(self) -> float:
        """1/(2σ²), since D = C/(2σ²) + const."""
        return 0.5 / self.scale**2
