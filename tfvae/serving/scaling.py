"""Input scaling in the served graph: requests are in raw units, the model has its own."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike


class Scaling:
    """x_model = (x − offset)/scale, and its inverse, by feature or with one number for all.

    Args:
        offset: array that broadcasts to the shape of one example, raw units.
        scale: array that broadcasts to the shape of one example, raw units per unit of the model.
    """

    def __init__(self, offset: ArrayLike = 0.0, scale: ArrayLike = 1.0):
        self.offset = np.asarray(offset, "float32")
        self.scale = np.asarray(scale, "float32")

    @property
    def is_identity(self) -> bool:
        """Whether raw units are the units of the model."""
        return not np.any(self.offset) and bool(np.all(self.scale == 1.0))

    def to_model(self, x: tf.Tensor) -> tf.Tensor:
        """(x − offset)/scale."""
        return x if self.is_identity else (x - self.offset) / self.scale

    def to_raw(self, x: tf.Tensor) -> tf.Tensor:
        """offset + scale · x."""
        return x if self.is_identity else self.offset + self.scale * x

    def to_dict(self) -> dict[str, Any]:
        """Both arrays as lists."""
        return {"offset": self.offset.tolist(), "scale": self.scale.tolist()}


def scaling_of(given: Any, data_shape: tuple[int, ...], argument: str = "scaling") -> Scaling:
    """Converts a user's argument to a `Scaling`.

    Args:
        given: None, a pair (offset, scale), a Keras `Normalization` or `Rescaling` layer, or a
            fitted `StandardScaler` or `MinMaxScaler` of scikit-learn.
        data_shape: shape of one example.
        argument: the argument's name, for messages.

    Raises:
        ValueError: if `given` is anything else, does not fit the data or cannot be inverted.
    """
    offset, scale = _offset_and_scale(given, argument)
    try:
        scaling = Scaling(offset, scale)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{argument}` must consist of numbers, received {given!r}.") from error
    for name, value in (("offset", scaling.offset), ("scale", scaling.scale)):
        if not np.all(np.isfinite(value)) or (name == "scale" and not np.all(value)):
            wanted = "finite and not 0" if name == "scale" else "finite"
            raise ValueError(f"The {name} of `{argument}` must be {wanted}, received {value}.")
        if not _broadcasts(value.shape, data_shape):
            raise ValueError(
                f"The {name} of `{argument}` must broadcast to the shape of one example, "
                f"{data_shape}, received the shape {value.shape}."
            )
    return scaling


def _offset_and_scale(given: Any, argument: str) -> tuple[ArrayLike, ArrayLike]:
    if given is None:
        return 0.0, 1.0
    if isinstance(given, keras.layers.Normalization):
        return _of_normalization(given, argument)
    if isinstance(given, keras.layers.Rescaling):
        rate, shift = np.asarray(given.scale, "float64"), np.asarray(given.offset, "float64")
        return _inverse(rate, shift)
    if hasattr(given, "min_") and hasattr(given, "scale_"):  # MinMaxScaler: x · scale_ + min_
        return _inverse(given.scale_, given.min_)
    if hasattr(given, "mean_") and hasattr(given, "scale_"):  # StandardScaler; None: not used
        offset = 0.0 if given.mean_ is None or not given.with_mean else given.mean_
        return offset, 1.0 if given.scale_ is None else given.scale_
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return given
    raise ValueError(
        f"`{argument}` must be a pair (offset, scale), a Keras Normalization or Rescaling layer, "
        f"or a fitted StandardScaler or MinMaxScaler, received {given!r}. The model is given "
        "(x − offset)/scale."
    )


def _of_normalization(
    layer: keras.layers.Normalization, argument: str
) -> tuple[np.ndarray, np.ndarray]:
    if layer.mean is None or layer.invert:
        raise ValueError(
            f"`{argument}` must be an adapted Normalization layer without `invert=True`, received "
            f"{layer!r}. Call `layer.adapt(x)`."
        )
    mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(moment)) for moment in (layer.mean, layer.variance)
    )
    # The first axis is the batch axis, of length 1.
    mean, variance = (moment[0] if moment.ndim else moment for moment in (mean, variance))
    return mean, np.maximum(np.sqrt(variance), keras.config.epsilon())


def _inverse(rate: ArrayLike, shift: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns offset and scale of x · rate + shift."""
    rate, shift = np.asarray(rate, "float64"), np.asarray(shift, "float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        return -shift / rate, 1.0 / rate


def _broadcasts(shape: tuple[int, ...], data_shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, data_shape) == tuple(data_shape)
    except ValueError:
        return False
