"""What comes beside x: labels, a condition and a target, by one path for every method."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.models import accepted

NAMES = ("labels", "condition", "target")
# What a model reads beside x; the target is only explained.
INPUTS = ("labels", "condition")
# What stands for a label of a dataset that is out of range, where no error can be raised.
OUT_OF_RANGE = np.iinfo("int32").min


class Batch(NamedTuple):
    """A batch of data with all that comes beside it."""

    x: tf.Tensor
    """What the encoder reads, float32 (B, *data)."""
    target: tf.Tensor
    """What is explained, float32 (B, *target): x itself unless it comes beside."""
    labels: tf.Tensor | None = None
    """Observed categories, int32 (B, V)."""
    condition: tf.Tensor | None = None
    """c, (B, *condition)."""
    weights: tf.Tensor | None = None
    """One weight for each example, float32 (B,)."""


class Needs(NamedTuple):
    """What a model takes beside x."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    @property
    def without_labels_required(self) -> "Needs":
        """The same with labels optional: where categories are asked for."""
        required = tuple(name for name in self.required if name != "labels")
        return Needs(required, ("labels",) if "labels" in self.names else ())

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in the order of `NAMES`."""
        return tuple(name for name in NAMES if name in self.required + self.optional)


def parts(y: Any, needs: Needs, purpose: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """`y` by name, for the things that the model takes and `purpose` asks for.

    Args:
        y: None; a dict of some of `NAMES`; or one thing alone, where the model takes only one, or
            `purpose` asks for only one.
        needs: what the model takes.
        purpose: what the caller can use.

    Returns:
        A dict, without what is missing though optional.

    Raises:
        ValueError: when a required thing is missing.
    """
    wanted = [name for name in needs.names if name in purpose]
    if not wanted:
        return {}
    if y is None:
        found = {}
    elif isinstance(y, dict):
        found = {name: y[name] for name in wanted if y.get(name) is not None}
    elif len(needs.names) == 1 or len(wanted) == 1:
        found = {wanted[0]: y}
    else:
        raise ValueError(
            f"`y` must be a dict with the keys {_listed(wanted)} for this model, which needs "
            f"several things beside x, received {_kind(y)}. Give y={_example(wanted)}."
        )
    if isinstance(y, dict) and len(found) < len(wanted):
        # An exported signature hands in all of its inputs, x and z among them.
        strange = [name for name in y if name not in (*NAMES, "x", "z")]
        if strange:
            raise ValueError(
                f"`y` must have the keys {_listed(wanted)} for this model, received "
                f"{_listed(strange)} in their place. Give y={_example(wanted)}."
            )
    missing = [name for name in wanted if name in needs.required and name not in found]
    if missing:
        given = f"a dict with the keys {_listed(list(y))}" if isinstance(y, dict) else _kind(y)
        raise ValueError(
            f"`y` must give {_listed(missing)} for this model, received {given}. Give y="
            f"{_example(wanted) if len(needs.names) > 1 else wanted[0]}, or a dataset of (x, y)."
        )
    return {name: accepted.entries_of(name, value) for name, value in found.items()}


def arrays(
    y: Any, needs: Needs, num_examples: int, purpose: tuple[str, ...] = NAMES
) -> dict[str, np.ndarray]:
    """`parts` as NumPy arrays with a row for each of the examples of an array x.

    Raises:
        ValueError: as `parts`, or when a thing has another number of rows.
    """
    found = {name: np.asarray(value) for name, value in parts(y, needs, purpose).items()}
    for name, value in found.items():
        check_rows(name, value, num_examples)
    return found


def check_rows(name: str, value: np.ndarray, num_examples: int) -> None:
    """Raises a ValueError unless an array has a row for each example."""
    if value.ndim == 0 or len(value) != num_examples:
        raise ValueError(
            f"`{name}` must have one row for each of the {num_examples} examples of `x`, received "
            + ("a single value." if value.ndim == 0 else f"{len(value)} rows.")
        )


def _listed(names):
    return " and ".join(repr(name) for name in names)


def _example(names):
    return "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"


def _kind(y):
    if y is None or isinstance(y, (bool, int, float, str)):
        return repr(y)
    shape = getattr(y, "shape", None)
    kind = "an array" if isinstance(y, np.ndarray) else f"a {type(y).__name__}"
    return kind if shape is None else f"{kind} of shape {tuple(shape)}"


def split(inputs: Any) -> tuple[Any, Any]:
    """x and y of `x`, `(x, y)` or `[x, y]`."""
    if isinstance(inputs, (tuple, list)) and len(inputs) == 2:
        return inputs[0], inputs[1]
    if isinstance(inputs, (tuple, list, dict)):
        raise ValueError(
            f"`x` must be one array, or a pair (x, y), received a {type(inputs).__name__} of "
            f"{len(inputs)}. A dataset gives x, (x, y) or (x, y, sample weight), each an array: "
            "numpy.asarray(x) makes one of a list."
        )
    return inputs, None


def split_shape(shape: Any) -> tuple[tuple, Any]:
    """The shapes of x and of y from `x_shape` or `(x_shape, y_shape)`."""
    if len(shape) == 2 and isinstance(shape[0], (tuple, list)):
        return tuple(shape[0]), shape[1]
    return tuple(shape), None


def labels_of(values: Any, num_categories: tuple[int, ...], unknown: int | None) -> tf.Tensor:
    """Labels as int32 (B, V), checked.

    Raises:
        ValueError: when the shape is not (B,) or (B, V), or a label of an array is out of range.
        tf.errors.InvalidArgumentError: when a label of a dataset is out of range. Compiled by XLA,
            which drops assertions, it becomes `OUT_OF_RANGE`, for the guard of the step to see.
    """
    number = len(num_categories)
    values = tf.convert_to_tensor(values)
    if values.shape.rank == 1 and number == 1:
        values = values[:, tf.newaxis]
    if values.shape.rank != 2 or values.shape[1] != number:
        hint = " One-hot labels become whole numbers by np.argmax(labels, axis=-1)."
        raise ValueError(
            f"`labels` must be whole numbers of shape (B,{f' {number}' if number > 1 else ''}), "
            f"received the shape {tuple(values.shape)}." + (hint if values.shape.rank == 2 else "")
        )
    if not (values.dtype.is_integer or values.dtype.is_floating or values.dtype.is_bool):
        raise ValueError(
            f"`labels` must be whole numbers, received {values.dtype.name}. Names become numbers "
            "by np.unique(names, return_inverse=True)[1]."
        )
    labels = tf.cast(values, tf.int32)
    allowed = (labels >= 0) & (labels < tf.constant(num_categories))
    if unknown is not None:
        allowed |= labels == unknown
    # The cast cuts fractions off, and the high bits of whole numbers.
    allowed &= tf.cast(labels, values.dtype) == values
    extra = "" if unknown is None else f", or {unknown} where unknown"
    message = f"`labels` must lie from 0 to S − 1, S = {list(num_categories)}{extra}."
    if not tf.inside_function() and hasattr(labels, "numpy"):
        if not np.all(allowed):
            wrong = values.numpy()[~allowed.numpy()]
            hint = "Labels are whole numbers"
            if unknown is None and wrong.min() < 0:
                hint += "; Labels(S, unknown=-1) allows missing ones"
            elif values.numpy().min() >= 1:
                hint += " that start at 0: labels - 1"
            raise ValueError(f"{message[:-1]}, received {wrong.min()} to {wrong.max()}. {hint}.")
        return labels
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(allowed), [message, labels])]):
        return tf.where(allowed, labels, OUT_OF_RANGE)


def check_weights(weights: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Sample weights as float32 (B,).

    Raises:
        ValueError: when there is more than one number for an example.
    """
    if (weights.shape.rank or 1) > 1 and weights.shape[1:].num_elements() != 1:
        raise ValueError(
            f"`sample_weight` must hold one number for each example, received the shape "
            f"{tuple(weights.shape)}. Sum or average them first."
        )
    return tf.reshape(tf.cast(weights, tf.float32), [size])


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of what Keras hands to a step."""
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    if isinstance(x, (tuple, list)):  # `predict((x, y))`
        x, inner = split(x)
        y = inner if y is None else y
    if isinstance(weights, dict):  # Keras hands the weights of arrays to each part of y.
        weights = next(iter(weights.values()))
    return x, y, weights
