"""Schedules of coefficients that Keras does not have."""

import keras
import tensorflow as tf

from tfvae import _checks


@keras.saving.register_keras_serializable(package="tfvae")
class Cyclical(keras.optimizers.schedules.LearningRateSchedule):
    """A coefficient that rises from `low` to `high` in every cycle anew: cyclical annealing.

        low + (high − low)·min(1, (t mod period)/(rising·period)) at training step t

    [F19] take 4 cycles, each rising for its first half.

    Args:
        period: training steps of a cycle.
        low: the number with which a cycle starts.
        high: the number at which it arrives.
        rising: the share of a cycle in which it rises, in (0, 1].

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> beta = tfvae.objectives.Cyclical(period=1000)
        >>> [float(beta(step)) for step in (0, 250, 500, 999, 1000)]
        [0.0, 0.5, 1.0, 1.0, 0.0]
        >>> vae = tfvae.BetaVAE(latent_dim=2, beta=beta)
    """

    def __init__(
        self, period: int, low: float = 0.0, high: float = 1.0, rising: float = 0.5
    ) -> None:
        finite = {"low": -float("inf"), "high": float("inf"), "low_open": True, "high_open": True}
        self.period = _checks.positive_int("period", period)
        self.low = _checks.number_in("low", low, **finite)
        self.high = _checks.number_in("high", high, **finite)
        self.rising = _checks.number_in("rising", rising, 0.0, 1.0, low_open=True)

    def __call__(self, step: tf.Tensor | int) -> tf.Tensor:
        """The number at training step `step`, float32."""
        passed = tf.cast(tf.cast(step, tf.int64) % self.period, tf.float32)
        share = tf.minimum(passed / (self.rising * self.period), 1.0)
        return self.low + (self.high - self.low) * share

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "period": self.period, "low": self.low, "high": self.high, "rising": self.rising
        }  # fmt: skip
