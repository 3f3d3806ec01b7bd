"""Likelihoods that forgive outliers: Laplace and Student's t."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.likelihoods.location_scale import LocationScale

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class Laplace(LocationScale):
    """p(x|z) = Π_i exp(−|x_i − μ_i(z)|/b)/(2b), with the decoder's outputs as μ.

    D = Σ_i |x_i − μ_i|/b_i + log 2b_i in nats, C = ‖x − μ‖₁. μ is drawn to the median of x given z.

    Args:
        scale: b > 0 as a number (fixed), "learned" (one b for all features, the default) or
            "per_feature" (one b for each).
        missing: whether NaN is a missing value, see `Likelihood`.

    A learned b is the maximum-likelihood one, the mean of |x − μ|, found as a Gaussian finds σ².

    κ is the mean absolute error per feature: κ² of the papers is N_x · kappa.

    Raises:
        ValueError: when `scale` is neither a positive number nor one of the two words.

    Example:
        >>> from tfvae.likelihoods import Laplace
        >>> likelihood = Laplace(scale=1.0)
        >>> likelihood.build((2,))
        >>> distortion, error = likelihood.distortion_and_error([[0.0, 3.0]], [[0.0, 0.0]])
        >>> round(float(distortion[0]), 4), float(error[0])  # 3 + 2 log 2
        (4.3863, 3.0)
    """

    kappa_unit = "mean absolute error per feature"
    power = 1
    spread_power = 1

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent Laplace distributions, event shape *data."""
        return tfd.Independent(tfd.Laplace(outputs, self.scale_like(outputs)), self.data_rank)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """−|x_i − μ_i|/b − log 2b."""
        log_scale = tf.cast(self.log_scale, outputs.dtype)
        return -tf.abs(x - outputs) * tf.exp(-log_scale) - (log_scale + math.log(2.0))

    def fixed_error_weight(self) -> float:
        """1/b, since D = C/b + const."""
        return 1.0 / self.scale


def student_t_log_prob(
    x: tf.Tensor, loc: tf.Tensor, log_scale: tf.Tensor, degrees_of_freedom: float
) -> tf.Tensor:
    """log St(x; ν, μ, s) of each number, nats; all shapes broadcast."""
    nu = degrees_of_freedom
    square = tf.math.squared_difference(x, loc) * tf.exp(-2.0 * log_scale)
    normaliser = math.lgamma(0.5 * nu) - math.lgamma(0.5 * (nu + 1.0))
    normaliser += 0.5 * math.log(nu * math.pi)
    return -0.5 * (nu + 1.0) * tf.math.log1p(square / nu) - (log_scale + normaliser)


@keras.saving.register_keras_serializable(package="tfvae")
class StudentT(LocationScale):
    """p(x|z) = Π_i St(x_i; ν, μ_i(z), s), Student's t with the decoder's outputs as μ.

    D = Σ_i ½ (ν + 1) log(1 + r_i²/ν) + log s_i + ½ log νπ + log Γ(ν/2) − log Γ((ν + 1)/2) in nats,
    r_i = (x_i − μ_i)/s_i. C = ‖x − μ‖₁: squares would be those of a few outliers.

    Args:
        degrees_of_freedom: ν > 1; the smaller, the heavier the tails.
        scale: s > 0 as a number (fixed), "learned" (one s for all features, the default) or
            "per_feature" (one s for each).
        missing: whether NaN is a missing value, see `Likelihood`.

    A learned s follows the step of the EM algorithm in each batch, s² = mean of w·(x − μ)² with
    w = (ν + 1)/(ν + r²), as a moving average (C. Liu & D. B. Rubin, ML estimation of the t
    distribution using EM and its extensions, Statistica Sinica 1995). Its fixed point is the
    maximum of the likelihood.

    κ is the mean absolute error per feature: κ² of the papers is N_x · kappa.

    Raises:
        ValueError: when `scale` is neither a positive number nor one of the two words, or ν ≤ 1.

    Example:
        >>> from tfvae.likelihoods import StudentT
        >>> likelihood = StudentT(degrees_of_freedom=3.0, scale=1.0)
        >>> likelihood.build((2,))
        >>> distortion, error = likelihood.distortion_and_error([[0.0, 3.0]], [[0.0, 0.0]])
        >>> round(float(distortion[0]), 4), float(error[0])  # 2 log(1 + 9/3) + 2·1.0009
        (4.7744, 3.0)
    """

    kappa_unit = "mean absolute error per feature"
    power = 1

    def __init__(self, degrees_of_freedom: float = 4.0, scale: float | str = "learned", **kwargs):
        super().__init__(scale=scale, **kwargs)
        self.degrees_of_freedom = _checks.number_in(
            "degrees_of_freedom", degrees_of_freedom, 1.0, math.inf, low_open=True, high_open=True,
            hint="Below 1 no mean error exists; a large one makes a Gaussian.",
        )  # fmt: skip

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent Student-t distributions, event shape *data."""
        scale = self.scale_like(outputs)
        return tfd.Independent(
            tfd.StudentT(self.degrees_of_freedom, outputs, scale), self.data_rank
        )

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log St(x_i; ν, μ_i, s)."""
        log_scale = tf.cast(self.log_scale, outputs.dtype)
        return student_t_log_prob(x, outputs, log_scale, self.degrees_of_freedom)

    def spread_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """w·(x_i − μ_i)², w = (ν + 1)/(ν + r_i²)."""
        square = tf.math.squared_difference(x, outputs)
        ratio = square * tf.exp(-2.0 * tf.cast(self.log_scale, square.dtype))
        return square * (self.degrees_of_freedom + 1.0) / (self.degrees_of_freedom + ratio)

    def fixed_error_weight(self) -> float:
        """1/(s·E|t|), t ~ St(ν, 0, 1): ∂D/∂C where the errors are those of the scale s.

        E|t| = 2 sqrt(ν/π) Γ((ν + 1)/2)/(Γ(ν/2)(ν − 1)). Errors of k·s·t have dD/dk = N_x at k = 1.
        """
        nu = self.degrees_of_freedom
        mean = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu)
        mean = 2.0 * math.sqrt(nu / math.pi) * math.exp(mean) / (nu - 1.0)
        return 1.0 / (self.scale * mean)
