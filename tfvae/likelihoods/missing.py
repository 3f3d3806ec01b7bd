"""Missing values: what is there of each feature, and what stands in for what is not."""

import tensorflow as tf

from tfvae import _replicas

# Values of a feature, or examples, after which means follow the latest ones with this memory.
LARGEST_COUNT = 1e6


def observed_mean(x: tf.Tensor) -> tf.Tensor:
    """The mean of each feature over the values that are there, (B, *data) -> (1, *data); else 0."""
    there = ~tf.math.is_nan(x)
    total = tf.reduce_sum(tf.where(there, x, 0.0), axis=0, keepdims=True)
    number = tf.reduce_sum(tf.cast(there, x.dtype), axis=0, keepdims=True)
    return tf.math.divide_no_nan(total, number)


class Observed:
    """The mean of each feature over all values seen in training, and the share that was there.

    Args:
        layer: owner of the weights.
        data_shape: shape of one example.
    """

    def __init__(self, layer, data_shape: tuple[int, ...]):
        def weight(name, shape, value):
            return layer.add_weight(
                shape=shape,
                initializer=value,
                dtype="float32",
                trainable=False,
                aggregation="only_first_replica",
                name=name,
            )

        self._mean = weight("observed_mean", data_shape, "zeros")
        self._number = weight("observed_number", data_shape, "zeros")
        self._share = weight("observed_share", (), "ones")
        self._examples = weight("observed_examples", (), "zeros")

    def filled(self, x: tf.Tensor) -> tf.Tensor:
        """(..., *data) with the mean of the feature in place of NaN."""
        x = tf.convert_to_tensor(x)
        return tf.where(tf.math.is_nan(x), tf.cast(self._mean.value, x.dtype), x)

    def share(self) -> tf.Tensor:
        """The share of the values that was there, a scalar; 1 before any batch was seen."""
        # Of a batch without any value nothing follows, and nothing may be divided by 0.
        return tf.maximum(self._share.value, 1e-6)

    def count(self, x: tf.Tensor, weights: tf.Tensor | None) -> None:
        """Takes a batch (B, *data) with weights (B,) into account; all replicas take part."""
        there = tf.cast(~tf.math.is_nan(x), tf.float32)
        if weights is None:
            weights = tf.ones(tf.shape(x)[:1])
        there *= tf.reshape(weights, [-1] + [1] * (x.shape.rank - 1))
        total, number, examples = _replicas.total(
            [
                tf.reduce_sum(there * tf.where(tf.math.is_nan(x), 0.0, x), axis=0),
                tf.reduce_sum(there, axis=0),
                tf.reduce_sum(weights),
            ]
        )
        seen = tf.minimum(self._number.value + number, LARGEST_COUNT)
        # m + (Σ x − n m)/N: m moves by the share of the new values among all.
        change = tf.math.divide_no_nan(total - number * self._mean.value, seen)
        self._mean.assign_add(change)
        self._number.assign(seen)
        seen = tf.minimum(self._examples.value + examples, LARGEST_COUNT)
        share = examples * (
            tf.math.divide_no_nan(tf.reduce_mean(number), examples) - self._share.value
        )
        self._share.assign_add(tf.math.divide_no_nan(share, seen))
        self._examples.assign(seen)
