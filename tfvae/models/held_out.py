"""Examples that are set aside in training: the error on them is that on data not seen."""

import tensorflow as tf

from tfvae import _replicas
from tfvae.models.beside import Batch

# One example in so many.
ONE_IN = 10
# Where a larger share of a batch would be set aside, none is: data of a few different values.
LARGEST = 0.5


def is_set_aside(x: tf.Tensor) -> tf.Tensor:
    """Whether each example is set aside, (B, *data) -> bool (B,).

    The example's own numbers decide, by a hash: the same examples in every epoch and order, on any
    number of replicas. h = Σ_j b_j·(2j + 1) modulo 2³², with the bits b_j of each float32, is mixed
    by the last steps of MurmurHash3, and the example is set aside where it is divisible by 10.
    """

    def folded(bits, shift):
        shifted = tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32))
        return tf.bitwise.bitwise_xor(bits, shifted)

    rows = tf.reshape(tf.cast(x, tf.float32), [tf.shape(x)[0], -1])
    bits = folded(tf.bitcast(rows, tf.uint32), 16)  # Round numbers have no low bits.
    odd = tf.cast(2 * tf.range(tf.shape(bits)[1]) + 1, tf.uint32)
    mixed = tf.reduce_sum(bits * odd, axis=1)
    mixed = folded(mixed, 16) * tf.constant(0x85EBCA6B, tf.uint32)
    mixed = folded(mixed, 13) * tf.constant(0xC2B2AE35, tf.uint32)
    return tf.equal(folded(mixed, 16) % ONE_IN, 0)


def divided(batch: Batch) -> tuple[Batch, Batch]:
    """The batch with weights to train with, and with weights to measure the error with.

    Where no example of the global batch is set aside, or more than half of its weight, both are the
    weights as they were.
    """
    size = tf.shape(batch.x)[:1]
    weights = tf.ones(size) if batch.weights is None else batch.weights
    aside = weights * tf.cast(is_set_aside(batch.x), tf.float32)
    found, total = _replicas.total([tf.reduce_sum(aside), tf.reduce_sum(weights)])
    usable = (found > 0.0) & (found <= LARGEST * total)
    trained, measured = tf.where(usable, weights - aside, weights), tf.where(usable, aside, weights)
    return batch._replace(weights=trained), batch._replace(weights=measured)
