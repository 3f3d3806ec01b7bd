"""Likelihoods of counts: Poisson and negative binomial."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.likelihoods.base import Likelihood
from tfvae.likelihoods.missing import observed_mean

tfd = tfp.distributions

DISPERSIONS = ("per_feature", "decoder")
# log r lies between plus and minus this: a Poisson distribution in all but name, or hardly a count
# that is not 0. It keeps gradients finite.
LARGEST_LOG_DISPERSION = 10.0


class Counts(Likelihood):
    """Base class of counts: whole numbers from 0, of which the decoder gives log means."""

    outputs_are = "logits"
    support = (0.0, math.inf)
    whole = True

    def column_kinds(self, data_shape: tuple[int, ...]) -> tuple[str, ...] | None:
        """The word "count" for each column of a table."""
        return ("count",) * data_shape[0] if len(data_shape) == 1 else None

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """−log p(x|z), twice."""
        return self.sums_of_features(x, outputs)


@keras.saving.register_keras_serializable(package="tfvae")
class Poisson(Counts):
    """p(x|z) = Π_i λ_i^x_i exp(−λ_i)/x_i!, with the decoder's outputs as log λ.

    D = C = Σ_i λ_i − x_i log λ_i + log x_i!, in nats. x holds whole numbers from 0.

    κ is −log p per feature in nats: κ² of the papers is N_x · kappa. It cannot fall below what a
    Poisson distribution has at its own mean, about ½ log 2πx for large counts x.

    Args:
        missing: whether NaN is a missing value, see `Likelihood`.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.likelihoods import Poisson
        >>> likelihood = Poisson()
        >>> likelihood.build((2,))
        >>> x, log_rates = tf.constant([[0.0, 3.0]]), tf.zeros([1, 2])
        >>> distortion, error = likelihood.distortion_and_error(x, log_rates)
        >>> round(float(distortion[0]), 4)  # 2 + log 3!
        3.7918
    """

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent Poisson distributions, event shape *data; samples are floats."""
        return tfd.Independent(tfd.Poisson(log_rate=outputs), self.data_rank)

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """λ."""
        return tf.exp(outputs)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """x_i log λ_i − λ_i − log x_i!."""
        return x * outputs - tf.exp(outputs) - tf.math.lgamma(x + 1.0)

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """−log p(x) with λ = mean."""
        error = mean - tf.math.xlogy(x, mean) + tf.math.lgamma(x + 1.0)
        return tf.reduce_mean(self.sum_of_observed(error, x))


@keras.saving.register_keras_serializable(package="tfvae")
class NegativeBinomial(Counts):
    """p(x|z) = Π_i NB(x_i; μ_i(z), r_i): counts that vary more than Poisson ones.

    log NB(x; μ, r) = log Γ(x + r) − log Γ(r) − log x! + r log r/(r + μ) + x log μ/(r + μ), with
    mean μ and variance μ + μ²/r. D = C = −Σ_i log NB, in nats. x holds whole numbers from 0.

    Args:
        dispersion: r > 0 as a number (fixed); "per_feature" (default): a weight of the likelihood
            for each feature, trained with the networks, and the decoder gives log μ, (..., *data);
            "decoder": a function of z, and the decoder gives log μ and log r, (..., *data, 2).
        missing: whether NaN is a missing value, see `Likelihood`.

    log r is kept in [−10, 10].

    κ is −log p per feature in nats: κ² of the papers is N_x · kappa.

    Raises:
        ValueError: when `dispersion` is neither a positive number nor one of the two words.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.likelihoods import NegativeBinomial
        >>> likelihood = NegativeBinomial(dispersion=1.0)  # geometric
        >>> likelihood.build((2,))
        >>> x, log_means = tf.constant([[0.0, 3.0]]), tf.zeros([1, 2])
        >>> distortion, error = likelihood.distortion_and_error(x, log_means)
        >>> round(float(distortion[0]), 4)  # log 2 + 4 log 2
        3.4657
    """

    def __init__(self, dispersion: float | str = "per_feature", **kwargs):
        super().__init__(**kwargs)
        if dispersion not in DISPERSIONS:
            dispersion = _checks.number_in(
                "dispersion", dispersion, 0.0, math.inf, low_open=True, high_open=True,
                hint='Use a positive number, "per_feature" or "decoder".',
            )  # fmt: skip
        self.dispersion = dispersion

    def create_weights(self) -> None:
        """Creates log r where it is learned per feature."""
        if self.dispersion == "per_feature":
            self._log_dispersion = self.add_weight(
                shape=self.data_shape, initializer="zeros", dtype="float32", name="log_dispersion"
            )

    def decoder_output_shape(self, data_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(*data), or (*data, 2) where the decoder gives the dispersion."""
        return (*data_shape, 2) if self.dispersion == "decoder" else data_shape

    def moments(self, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """log μ and log r, both in the shape (..., *data) or one that broadcasts to it."""
        if self.dispersion == "decoder":
            log_mean, log_dispersion = tf.unstack(outputs, axis=-1)
        elif self.dispersion == "per_feature":
            log_mean, log_dispersion = outputs, tf.cast(self._log_dispersion.value, outputs.dtype)
        else:
            return outputs, tf.constant(math.log(self.dispersion), outputs.dtype)
        limit = LARGEST_LOG_DISPERSION
        return log_mean, tf.clip_by_value(log_dispersion, -limit, limit)

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent negative binomial distributions, event shape *data; samples are floats."""
        return tfd.Independent(_of_moments(*self.moments(outputs)), self.data_rank)

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """μ."""
        return tf.exp(self.moments(outputs)[0])

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log NB(x_i; μ_i, r_i)."""
        return _of_moments(*self.moments(outputs)).log_prob(x)

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """−log p(x) with μ = mean, and r that gives the batch its variances, unless r is fixed."""
        if self.dispersion in DISPERSIONS:
            center = observed_mean(x)
            variance = observed_mean(tf.math.squared_difference(x, center))
            # Var x = μ + μ²/r. Counts that vary less than Poisson ones have the largest r.
            excess = tf.maximum(variance - center, 1e-6)
            log_dispersion = tf.math.log(tf.maximum(center**2 / excess, 1e-6))
            limit = LARGEST_LOG_DISPERSION
            log_dispersion = tf.clip_by_value(log_dispersion, -limit, limit)
        else:
            log_dispersion = tf.constant(math.log(self.dispersion), x.dtype)
        log_mean = tf.math.log(tf.maximum(mean, 1e-6))
        error = -_of_moments(log_mean, log_dispersion).log_prob(x)
        return tf.reduce_mean(self.sum_of_observed(error, x))


def _of_moments(log_mean, log_dispersion):
    """The negative binomial distribution of log μ and log r."""
    return tfd.NegativeBinomial(
        total_count=tf.exp(log_dispersion),
        logits=log_mean - log_dispersion,
        require_integer_total_count=False,
    )
