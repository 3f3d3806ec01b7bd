"""Gaussian likelihood with a fixed, one learned, or a per-feature learned scale."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _replicas
from tfvae._fused import fused
from tfvae.likelihoods.base import Likelihood, flattened, sum_over_features

tfd = tfp.distributions

LEARNED_SCALES = ("learned", "per_feature")
# In the unit of the data: keeps the density of features that never vary finite.
MINIMUM_SCALE = 1e-4
# α of the moving average of the squared error, which a batch estimates well: a short memory.
MEMORY = 0.9
# σ² before any batch has been seen. As long as σ² is a guess it is kept with a minus sign.
UNKNOWN = -1.0


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
    square = tf.math.squared_difference(x, loc) * tf.exp(-2.0 * log_scale)
    normaliser = log_scale + 0.5 * math.log(2.0 * math.pi)
    return sum_over_features(-0.5 * square - normaliser, data_rank)


_fused_squared_error = fused(
    lambda x, loc: tf.reduce_sum(tf.math.squared_difference(x, loc), axis=-1)
)


@keras.saving.register_keras_serializable(package="tfvae")
class Gaussian(Likelihood):
    """p(x|z) = N(x; μ(z), diag σ²), with the decoder's outputs as μ.

    D = Σ_i ½ ((x_i − μ_i)/σ_i)² + log σ_i + ½ log 2π in nats, C = ‖x − μ‖².

    Args:
        scale: σ > 0 as a number (fixed), "learned" (one σ for all features, the default) or
            "per_feature" (one σ for each).

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
    outputs_are = "means"

    def __init__(self, scale: float | str = "learned", **kwargs):
        super().__init__(**kwargs)
        if scale not in LEARNED_SCALES:
            scale = _checks.number_in(
                "scale", scale, 0.0, math.inf, low_open=True, high_open=True,
                hint='Use a positive number, "learned" or "per_feature".',
            )  # fmt: skip
        self.scale = scale

    def create_weights(self) -> None:
        """Creates σ² where it is learned."""
        if self.scale in LEARNED_SCALES:
            self._variance = self.add_weight(
                shape=self.data_shape if self.scale == "per_feature" else (),
                initializer=keras.initializers.Constant(UNKNOWN),
                dtype="float32",
                trainable=False,
                aggregation="only_first_replica",
                name="variance",
            )

    @property
    def log_scale(self) -> tf.Tensor:
        """log σ, a scalar, or (*data) when learned per feature; 0 before any batch was seen."""
        if self.scale not in LEARNED_SCALES:
            return tf.constant(math.log(self.scale), tf.float32)
        variance = tf.abs(self._variance.value)
        return 0.5 * tf.math.log(tf.maximum(variance, MINIMUM_SCALE**2))

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent normal distributions, event shape *data."""
        scale = tf.exp(tf.cast(self.log_scale, outputs.dtype))
        return tfd.Independent(
            tfd.Normal(outputs, tf.broadcast_to(scale, tf.shape(outputs))), self.data_rank
        )

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """μ."""
        return outputs

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """−log N(x; μ, σ²) and ‖x − μ‖²."""
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
        if self.scale not in LEARNED_SCALES:
            return None
        if self.scale == "per_feature":
            return tf.math.squared_difference(x, outputs)
        return error / self.num_features

    def observe_batch(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """The first batch's mean of x² is σ² for its own step, so that no unit is favoured."""
        if self.scale in LEARNED_SCALES:
            squares = tf.reduce_mean(tf.reshape(tf.square(x), [tf.shape(x)[0], -1]), axis=1)
            weights = tf.ones_like(squares) if weights is None else weights
            sums = [tf.reduce_sum(weights * squares), tf.reduce_sum(weights)]
            guess = tf.math.divide(*_replicas.total(sums))
            usable = tf.math.is_finite(guess) & (guess > 0.0)
            variance = self._variance.value
            self._variance.assign(tf.where((variance == UNKNOWN) & usable, -guess, variance))

    def update(self, residual: tf.Tensor) -> None:
        """σ² ← (1 − α)·mean (x − μ)² + α·σ², α = 0.9; the first batch starts it."""
        variance = self._variance.value
        average = (1.0 - MEMORY) * residual + MEMORY * variance
        self._variance.assign(tf.where(variance < 0.0, residual, average))

    def error_weight(self, error: tf.Tensor) -> tf.Tensor:
        """1/(2σ²), since D = C/(2σ²) + const; a learned σ² is C/N_x, or has this mean."""
        if self.scale in LEARNED_SCALES:
            return self.num_features / (2.0 * error)
        return tf.constant(0.5 / self.scale**2, tf.float32)

    def bound(self, kappa: float | tf.Tensor) -> float | tf.Tensor:
        """κ² = N_x · kappa²."""
        return self.num_features * kappa**2

    def kappa_of(self, error: float | tf.Tensor) -> float | tf.Tensor:
        """sqrt(C / N_x), the root-mean-square error per feature, in the unit of the data."""
        return (error / self.num_features) ** 0.5

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """The squared error, mean over the batch."""
        return tf.reduce_mean(
            sum_over_features(tf.math.squared_difference(x, mean), self.data_rank)
        )
