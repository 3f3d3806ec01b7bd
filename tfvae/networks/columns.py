"""The first layer of an encoder of a table with columns of several kinds."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _replicas
from tfvae.networks.standardize import LEAST_SHARE


@keras.saving.register_keras_serializable(package="tfvae")
class Columns(keras.layers.Layer):
    """Prepares the columns of a table, (B, columns) -> (B, width), for the layers behind it.

    A number becomes (x − m)/s, a count (log(1 + x) − m)/s with the mean m and the standard
    deviation s of its own column in the first batch, and a category a one-hot vector. First all
    numbers and counts, then the vectors, each in the order of the columns. A category outside of 0
    to S − 1, such as −1 for a missing one, becomes a vector of zeros. NaN does not count in m, s.

    Models let the layer observe the first global batch of their training, as `Standardize`. Until
    then, and for columns that do not vary, s = 1.

    Args:
        kinds: for each column "number", "count", or S ≥ 2, the number of its categories.

    Raises:
        ValueError: when a kind is none of these.

    Example:
        >>> import tensorflow as tf, tfvae
        >>> layer = tfvae.networks.Columns(["number", 3])
        >>> layer.observe(tf.constant([[10.0, 0.0], [30.0, 2.0]]))
        >>> layer(tf.constant([[40.0, 2.0], [20.0, -1.0]])).numpy()
        array([[2., 0., 0., 1.],
               [0., 0., 0., 0.]], dtype=float32)
    """

    observes_data = True
    inverse = False

    def __init__(self, kinds: Sequence[str | int], **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self._kinds = tuple(_checked_kind(kind) for kind in kinds)
        if not self._kinds:
            raise ValueError("`kinds` must have one kind for each column, received none.")
        self._numbers = [i for i, kind in enumerate(self._kinds) if isinstance(kind, str)]
        self._is_count = np.array([self._kinds[i] == "count" for i in self._numbers], bool)

    @property
    def kinds(self) -> tuple[str | int, ...]:
        """What each column is."""
        return self._kinds

    def build(self, input_shape: Any) -> None:
        """Creates m, s, and which are known."""
        if len(input_shape) != 2 or input_shape[1] not in (None, len(self._kinds)):
            raise ValueError(
                f"`kinds` must have one kind for each column of a table (batch, columns), received "
                f"{len(self._kinds)} for the shape {tuple(input_shape)}."
            )
        size = len(self._numbers)
        self.mean = _replicas.shared_vector(self, "mean", np.zeros(size))
        self.deviation = _replicas.shared_vector(self, "deviation", np.ones(size))
        self.known = _replicas.shared_vector(self, "known", np.zeros(size))

    def _numeric(self, x):
        """Numbers and logarithms of counts, float32 (B, numbers and counts)."""
        places = tf.constant(self._numbers, tf.int32)  # There may be none.
        x = tf.gather(tf.cast(x, tf.float32), places, axis=1)
        return tf.where(self._is_count, tf.math.log1p(tf.maximum(x, 0.0)), x)

    def observe(self, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Takes m and s of each column from a batch, (B, columns) with weights (B,), if unknown.

        All replicas of a distribution strategy take part.
        """
        if not self.built:
            self.build(values.shape)
        numbers = self._numeric(values)
        share = tf.ones(tf.shape(numbers)[:1]) if weights is None else weights
        there = ~tf.math.is_nan(numbers)
        numbers = tf.where(there, numbers, 0.0)
        share = tf.cast(there, tf.float32) * share[:, tf.newaxis]
        _, mean, variance = _replicas.moments(share, numbers)
        deviation = tf.sqrt(variance)
        varies = (deviation > LEAST_SHARE * tf.abs(mean)) & tf.math.is_finite(deviation)
        unknown = (self.known.value == 0.0) & tf.math.is_finite(mean)
        self.mean.assign(tf.where(unknown, mean, self.mean.value))
        self.deviation.assign(tf.where(unknown & varies, deviation, self.deviation.value))
        self.known.assign(tf.where(unknown & varies, 1.0, self.known.value))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(B, width)."""
        parts = [(self._numeric(inputs) - self.mean.value) / self.deviation.value]
        for index, kind in enumerate(self._kinds):
            if not isinstance(kind, str):
                codes = tf.cast(tf.round(inputs[:, index]), tf.int32)
                parts.append(tf.one_hot(codes, kind, dtype=tf.float32))
        return tf.cast(tf.concat(parts, axis=1), self.compute_dtype)

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """(B, width)."""
        width = len(self._numbers) + sum(kind for kind in self._kinds if not isinstance(kind, str))
        return keras.KerasTensor((inputs.shape[0], width), self.compute_dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        config.pop("autocast", None)
        return {**config, "kinds": list(self._kinds)}


def _checked_kind(kind):
    is_word = isinstance(kind, str) and kind in ("number", "count")
    is_size = isinstance(kind, (int, np.integer)) and not isinstance(kind, bool) and kind >= 2
    if not (is_word or is_size):
        raise ValueError(
            '`kinds` must be "number", "count" or a number of categories ≥ 2 for each column, '
            f"received {kind!r:.60}."
        )
    return kind if is_word else int(kind)
