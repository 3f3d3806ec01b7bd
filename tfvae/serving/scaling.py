"""Input scaling as a part of the served graph: requests in raw units, the model in its own."""

import keras
import numpy as np
import tensorflow as tf


class Scaling:
    """x_model = (x − offset)/scale, and back; each number that of a feature, or one for all.

    Args:
        offset: array that broadcasts to the shape of one example, raw units.
        scale: likewise, raw units for one unit of the model.
    """

    def __init__(self, offset=0.0, scale=1.0):
        self.offset = np.asarray(offset, "float32")
        self.scale = np.asarray(scale, "float32")

    @property
    def is_identity(self) -> bool:
        """Whether raw units are the model's."""
        return not np.any(self.offset) and bool(np.all(self.scale == 1.0))

    def to_model(self, x: tf.Tensor) -> tf.Tensor:
        """(x − offset)/scale."""
        return x if self.is_identity else (x - self.offset) / self.scale

    def to_raw(self, x: tf.Tensor) -> tf.Tensor:
        """offset + scale · x."""
        return x if self.is_identity else self.offset + self.scale * x

    def to_dict(self) -> dict:
        """Both arrays as lists."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}


def scaling_of(given, data_shape: tuple[int, ...]) -> Scaling:
    """The `Scaling` that a user means.

    Args:
        given: None, a pair (offset, scale), a Keras `Normalization` or `Rescaling` layer, or a
            fitted `StandardScaler` or `MinMaxScaler` of scikit-learn.
        data_shape: of one example.

    Raises:
        ValueError: when it is none of them, does not fit the data or cannot be undone.
    """
    offset, scale = _offset_and_scale(given)
    try:
        scaling = Scaling(offset, scale)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`scaling` must consist of numbers, received {given!r}.") from error
    for name, value in (("offset", scaling.offset), ("scale", scaling.scale)):
        if not np.all(np.isfinite(value)) or (name == "scale" and not np.all(value)):
            raise ValueError(
                f"The {name} of `scaling` must be finite{' and not 0' if name == 'scale' else ''}, "
                f"received {value}."
            )
        if not _broadcasts(value.shape, data_shape):
            raise ValueError(
                f"The {name} of `scaling` has the shape {value.shape}, which does not broadcast to "
                f"that of one example, {data_shape}."
            )
    return scaling


def _offset_and_scale(given):
    if given is None:
        return 0.0, 1.0
    if isinstance(given, keras.layers.Normalization):
        return _of_normalization(given)
    if isinstance(given, keras.layers.Rescaling):
        rate, shift = np.asarray(given.scale, "float64"), np.asarray(given.offset, "float64")
        return _inverse(rate, shift)
    if hasattr(given, "min_") and hasattr(given, "scale_"):  # MinMaxScaler: x · scale_ + min_
        return _inverse(given.scale_, given.min_)
    if hasattr(given, "mean_") and hasattr(given, "scale_"):  # StandardScaler; None: left out
        offset = 0.0 if given.mean_ is None or not given.with_mean else given.mean_
        return offset, 1.0 if given.scale_ is None else given.scale_
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return given
    raise ValueError(
        "`scaling` must be a pair (offset, scale), so that the model is given (x − offset)/scale, "
        "a Keras Normalization or Rescaling layer, or a fitted StandardScaler or MinMaxScaler, "
        f"received {given!r}."
    )


def _of_normalization(layer):
    if layer.mean is None or layer.invert:
        raise ValueError(
            "A Normalization layer as `scaling` must be adapted (`layer.adapt(x)`) and must not "
            "have `invert=True`."
        )
    mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(moment)) for moment in (layer.mean, layer.variance)
    )
    # The first axis, of length 1, is that of the batch.
    mean, variance = (moment[0] if moment.ndim else moment for moment in (mean, variance))
    return mean, np.maximum(np.sqrt(variance), keras.config.epsilon())


def _inverse(rate, shift):
    """Offset and scale of x · rate + shift."""
    rate, shift = np.asarray(rate, "float64"), np.asarray(shift, "float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        return -shift / rate, 1.0 / rate


def _broadcasts(shape, data_shape):
    try:
        return np.broadcast_shapes(shape, data_shape) == tuple(data_shape)
    except ValueError:
        return False
