"""Likelihoods of a location that the decoder gives and a scale that is fixed or learned."""

import abc
import math

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae.likelihoods.base import Likelihood

LEARNED_SCALES = ("learned", "per_feature")
# In the unit of the data: keeps the density of features that never vary finite.
MINIMUM_SCALE = 1e-4
# α of the moving average of the residual, which a batch estimates well: a short memory.
MEMORY = 0.9
# The spread before any batch has been seen. As long as it is a guess it is kept with a minus sign.
UNKNOWN = -1.0


class LocationScale(Likelihood):
    """Base class: p(x|z) = Π_i f((x_i − μ_i(z))/s)/s, with the decoder's outputs as μ.

    C is Σ_i |x_i − μ_i|^p, p = `power`.

    Args:
        scale: s > 0 as a number (fixed), "learned" (one s for all features, the default) or
            "per_feature" (one s for each).

    A learned s is the maximum-likelihood one: s^q is the mean of `spread_of_features`, as a moving
    average over training batches; the first step has the mean of |x|^q. Gradient descent reaches
    the same optimum hundreds of steps later, and until then D would belong to a wrong s. s is at
    least 1e-4 of a unit of the data.

    Raises:
        ValueError: when `scale` is neither a positive number nor one of the two words.
    """

    outputs_are = "means"
    power: int = 2
    spread_power: int = 2
    """q: what is learned is s^q."""

    def __init__(self, scale: float | str = "learned", **kwargs):
        super().__init__(**kwargs)
        if scale not in LEARNED_SCALES:
            scale = _checks.number_in(
                "scale", scale, 0.0, math.inf, low_open=True, high_open=True,
                hint='Use a positive number, "learned" or "per_feature".',
            )  # fmt: skip
        self.scale = scale

    @property
    def is_learned(self) -> bool:
        """Whether the scale is learned."""
        return self.scale in LEARNED_SCALES

    def create_weights(self) -> None:
        """Creates s^q where it is learned."""
        if self.is_learned:
            self._spread = self.add_weight(
                shape=self.data_shape if self.scale == "per_feature" else (),
                initializer=keras.initializers.Constant(UNKNOWN),
                dtype="float32",
                trainable=False,
                aggregation="only_first_replica",
                name="spread",
            )

    @property
    def log_scale(self) -> tf.Tensor:
        """log s, a scalar, or (*data) when learned per feature; 0 before any batch was seen."""
        if not self.is_learned:
            return tf.constant(math.log(self.scale), tf.float32)
        spread = tf.maximum(tf.abs(self._spread.value), MINIMUM_SCALE**self.spread_power)
        return tf.math.log(spread) / self.spread_power

    def scale_like(self, outputs: tf.Tensor) -> tf.Tensor:
        """s in the shape and type of outputs (..., *data)."""
        return tf.broadcast_to(tf.exp(tf.cast(self.log_scale, outputs.dtype)), tf.shape(outputs))

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """μ."""
        return outputs

    @abc.abstractmethod
    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log f((x_i − μ_i)/s)/s of each feature, (..., B, *data), nats."""

    def error_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """|x_i − μ_i|^p."""
        return tf.abs(x - outputs) ** self.power

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """−log p(x|z) and Σ_i |x_i − μ_i|^p."""
        return self.sums_of_features(x, outputs)

    def spread_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """What has the mean s^q at the maximum of the likelihood, (..., B, *data)."""
        return self.error_of_features(x, outputs)

    def residual(self, x: tf.Tensor, outputs: tf.Tensor, error: tf.Tensor) -> tf.Tensor | None:
        """`spread_of_features` where the scale is learned: per feature, or averaged over them.

        With missing values it is of those that are there, and their share follows on a last axis.
        """
        if not self.is_learned:
            return None
        spread = self.spread_of_features(self.filled(x), outputs)
        if self.missing:
            there = tf.broadcast_to(~tf.math.is_nan(x), tf.shape(spread))
            there = tf.cast(there, spread.dtype)
            spread = tf.stack([tf.where(there > 0.0, spread, 0.0), there], axis=-1)
        if self.scale == "per_feature":
            return spread
        last = -1 if self.missing else 0
        return tf.reduce_mean(spread, axis=[axis + last for axis in range(-self.data_rank, 0)])

    def observe_batch(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """The first batch's mean of |x|^q is s^q for its own step, so that no unit is favoured."""
        if not self.is_learned:
            return
        sizes = self.sum_of_observed(tf.abs(x) ** self.spread_power, x)
        weights = tf.ones_like(sizes) if weights is None else weights
        numbers = self.num_observed(x)
        sums = [tf.reduce_sum(weights * sizes), tf.reduce_sum(weights * numbers)]
        guess = tf.math.divide(*_replicas.total(sums))
        usable = tf.math.is_finite(guess) & (guess > 0.0)
        spread = self._spread.value
        self._spread.assign(tf.where((spread == UNKNOWN) & usable, -guess, spread))

    def update(self, residual: tf.Tensor) -> None:
        """s^q ← (1 − α)·mean of the residual + α·s^q, α = 0.9; the first batch starts it."""
        spread, found = self._spread.value, tf.constant(True)
        if self.missing:
            residual, there = residual[..., 0], residual[..., 1]
            residual, found = tf.math.divide_no_nan(residual, there), there > 0.0
        average = (1.0 - MEMORY) * residual + MEMORY * spread
        average = tf.where(spread < 0.0, residual, average)
        self._spread.assign(tf.where(found, average, spread))

    @abc.abstractmethod
    def fixed_error_weight(self) -> float:
        """∂D/∂C for a fixed scale."""

    def error_weight(self, error: tf.Tensor) -> tf.Tensor:
        """∂D/∂C; N_x/(p·C) for a learned s: D is (N_x/p) log C + const where s has this C."""
        if self.is_learned:
            return self.mean_num_observed() / (self.power * error)
        return tf.constant(self.fixed_error_weight(), tf.float32)

    def nats_between(self, error: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """(N_x/p)·log of the ratio for a learned s, which follows C; ∂D/∂C times the difference."""
        if self.is_learned:
            return self.mean_num_observed() / self.power * tf.math.log(other / error)
        return self.fixed_error_weight() * (other - error)

    def bound(self, kappa: float | tf.Tensor) -> float | tf.Tensor:
        """κ² = N_x · kappa^p."""
        return self.mean_num_observed() * kappa**self.power

    def kappa_of(self, error: float | tf.Tensor) -> float | tf.Tensor:
        """(C / N_x)^(1/p), the error per feature, in the unit of the data."""
        return (error / self.mean_num_observed()) ** (1.0 / self.power)

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """C, mean over the batch."""
        return tf.reduce_mean(self.sum_of_observed(self.error_of_features(x, mean), x))
