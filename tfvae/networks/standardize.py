"""The unit of the data, taken off before a network and put on behind another."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _replicas

# A deviation below this share of the mean is only rounding, and says nothing.
LEAST_SHARE = 1e-6


@keras.saving.register_keras_serializable(package="tfvae")
class Standardize(keras.layers.Layer):
    """(x − m)/s with the mean m and the standard deviation s of all numbers of the first batch.

    The first layer of the networks that a model makes for itself; with `inverse`, m + s·y, the last
    one of a decoder that gives means. Data in other units then train the same way: initial weights
    and learning rates are made for numbers of unit size. m and s are one number each, so features
    keep their relative scales. Any encoder may begin with this layer, and any decoder of means may
    end with it: models let it observe the first global batch of their training, x before an encoder
    and the target behind a decoder. That batch should be like the others: shuffle. Until then, and
    for batches without spread, m = 0 and s = 1. m and s stay when a model is trained on. Let the
    layer `observe` data before you train a network with it outside of a model. NaN, a missing
    value, does not count.

    Args:
        inverse: whether the unit is put on.

    Example:
        >>> import tensorflow as tf, tfvae
        >>> layer = tfvae.networks.Standardize()
        >>> layer.observe(tf.constant([[10.0, 30.0], [30.0, 10.0]]))
        >>> layer(tf.constant([[40.0, 0.0]])).numpy()
        array([[ 2., -2.]], dtype=float32)
    """

    observes_data = True
    """Whether models let the layer observe the first batch."""

    def __init__(self, inverse: bool = False, **kwargs):
        super().__init__(**{"autocast": False, **kwargs})
        self._inverse = _checks.true_or_false("inverse", inverse)

    @property
    def inverse(self) -> bool:
        """Whether the unit is put on."""
        return self._inverse

    def build(self, input_shape: Any) -> None:
        """Creates m, s, and whether they are known."""
        self.mean = _replicas.shared_scalar(self, "mean", 0.0)
        self.deviation = _replicas.shared_scalar(self, "deviation", 1.0)
        self.known = _replicas.shared_scalar(self, "known", 0.0)

    def observe(self, values: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Takes m and s from a batch, (B, …) with weights (B,), unless they are known.

        All replicas of a distribution strategy take part.
        """
        if not self.built:
            self.build(values.shape)

        def moments():
            wide = tf.reshape(tf.cast(values, tf.float32), [tf.shape(values)[0], -1])
            share = tf.ones(tf.shape(wide)[:1]) if weights is None else tf.cast(weights, tf.float32)
            there = (share[:, tf.newaxis] > 0.0) & ~tf.math.is_nan(wide)
            wide, there = tf.where(there, wide, 0.0), tf.cast(there, tf.float32)

            each = tf.reshape(there * share[:, tf.newaxis], [-1, 1])
            total, mean, variance = _replicas.moments(each, tf.reshape(wide, [-1, 1]))
            # Without a number that counts there is no mean.
            mean = tf.where(total > 0.0, mean, np.nan)[0]
            deviation = tf.sqrt(variance[0])
            usable = (deviation > LEAST_SHARE * tf.abs(mean)) & tf.math.is_finite(deviation)
            wanted = usable & (self.known.value == 0.0)
            new = (mean, deviation, tf.ones([]))
            for weight, value in zip((self.mean, self.deviation, self.known), new, strict=True):
                weight.assign(tf.where(wanted, value, weight.value))
            return tf.constant(0)

        if _replicas.several():  # No branch may hold a reduction.
            moments()
        else:
            tf.cond(self.known.value > 0.0, lambda: tf.constant(0), moments)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(x − m)/s, or m + s·y; in float32 at least, then in the layer's own precision."""
        wide = tf.cast(inputs, "float64" if inputs.dtype == tf.float64 else "float32")
        mean, deviation = (tf.cast(one.value, wide.dtype) for one in (self.mean, self.deviation))
        if self.inverse:
            return mean + deviation * wide
        return tf.cast((wide - mean) / deviation, self.compute_dtype)

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        """The shape of the inputs."""
        exact = "float64" if inputs.dtype == "float64" else "float32"
        return keras.KerasTensor(inputs.shape, exact if self.inverse else self.compute_dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        config.pop("autocast", None)
        return {**config, "inverse": self.inverse}


def standardizing(
    model: keras.Model, encoders: Sequence[keras.layers.Layer], decoder: keras.layers.Layer
) -> list[Standardize]:
    """All layers of a model that observe its data: `Standardize` and `Columns`.

    Raises:
        ValueError: when one stands elsewhere than in an encoder, or inverse in the decoder: what it
            would be given there is not what it observes.
    """

    def found(layer, inverse=None):
        every = layer._flatten_layers()
        layers = (one for one in every if getattr(one, "observes_data", False))
        return [one for one in layers if inverse is None or one.inverse == inverse]

    known = [*(one for each in encoders for one in found(each, False)), *found(decoder, True)]
    ids = {id(one) for one in known}
    for one in found(model):
        if id(one) not in ids:
            raise ValueError(
                f"`{type(one).__name__}` must stand in an encoder, and with `inverse` in the "
                f"decoder, received {one.name!r} elsewhere, where it would take off another unit "
                "than that of its inputs. keras.layers.Normalization serves there."
            )
    return known
