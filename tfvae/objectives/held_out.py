"""Examples that are set aside in training: the error on them is that on data not seen."""

import keras
import tensorflow as tf

from tfvae import _replicas
from tfvae.networks import Standardize

# One example in so many.
ONE_IN = 10
# Where a larger share of a batch would be set aside, none is: data of a few different values.
LARGEST = 0.5
# Levels of a standard deviation that are told apart: no rounding of the data matters.
LEVELS = 128


@keras.saving.register_keras_serializable(package="tfvae")
class HeldOut(Standardize):
    """Sets one example in ten aside, the same ones in every epoch and order, in any unit.

    The example's own numbers decide, by a hash. They are standardised by mean and deviation of the
    first batch, and rounded to whole numbers b_j of 1/128. h = Σ_j b_j·(2j + 1) modulo 2³² is mixed
    by the last steps of MurmurHash3, and the example is set aside where it is divisible by 10. NaN,
    a missing value, has b = 0: what is there decides.
    """

    @property
    def observes_data(self) -> bool:
        """False: the objective itself lets it observe the first batch."""
        return False

    def is_set_aside(self, x: tf.Tensor) -> tf.Tensor:
        """Whether each example is set aside, (B, *data) -> bool (B,)."""

        def folded(bits, shift):
            shifted = tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32))
            return tf.bitwise.bitwise_xor(bits, shifted)

        rows = tf.reshape(self.call(tf.cast(x, tf.float32)), [tf.shape(x)[0], -1])
        rows = tf.where(tf.math.is_nan(rows), 0.0, rows)
        levels = tf.bitcast(tf.cast(tf.round(LEVELS * rows), tf.int32), tf.uint32)
        odd = tf.cast(2 * tf.range(tf.shape(levels)[1]) + 1, tf.uint32)
        mixed = tf.reduce_sum(levels * odd, axis=1)
        mixed = folded(mixed, 16) * tf.constant(0x85EBCA6B, tf.uint32)
        mixed = folded(mixed, 13) * tf.constant(0xC2B2AE35, tf.uint32)
        return tf.equal(folded(mixed, 16) % ONE_IN, 0)

    def divided(
        self, x: tf.Tensor, weights: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Weights to train with, and to measure the error with, for x (B, *data): both (B,).

        Where no example of the global batch is set aside, or more than half of its weight, both are
        the weights as they were.
        """
        self.observe(x)  # The first batch; later ones change nothing.
        weights = tf.ones(tf.shape(x)[:1]) if weights is None else weights
        aside = weights * tf.cast(self.is_set_aside(x), tf.float32)
        found, total = _replicas.total([tf.reduce_sum(aside), tf.reduce_sum(weights)])
        usable = (found > 0.0) & (found <= LARGEST * total)
        trained = tf.where(usable, weights - aside, weights)
        return trained, tf.where(usable, aside, weights)
