"""The first look at what `fit`, `evaluate` and `predict` are given: its kind, shapes and values."""

import types
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfvae.models import accepted, beside, structure


class Look(NamedTuple):
    """What was found."""

    data: Any
    """The data for Keras: what was given; a generator starts with the element that was seen."""
    shape: tuple | None = None
    """The shape of x with its batch axis; None where only a step will tell."""
    beside_shapes: dict[str, tuple] | None = None
    """Shapes of what comes beside x; None where only a step will tell."""
    values: Any = None
    """x itself, or that of a first batch; None where shapes told all."""
    target: Any = None
    """What the model explains, of the same examples."""
    columns: list | None = None
    """The names of the columns of a table."""


def first_look(
    model, x: Any, y: Any = None, purpose: tuple[str, ...] = beside.NAMES, values: bool = False
) -> Look:
    """Looks at the data; at the first batch of a dataset only where its specification does not do.

    Args:
        model: of the library.
        x: array, dataset or generator.
        y: what comes beside an array.
        purpose: what beside x the caller can use.
        values: whether values of x are asked for where a dataset's may be in raw units.

    Raises:
        ValueError: when the data cannot be used.
    """
    if isinstance(x, (list, tuple)):
        raise ValueError(
            f"`x` must be an array or a dataset, received a {type(x).__name__} of {len(x)} "
            "elements. `numpy.asarray(x)` makes an array of it."
        )
    if isinstance(x, (types.GeneratorType, keras.utils.PyDataset)):
        element, x = accepted.looked_at(x)
        return _of_batch(model, x, element, purpose)
    if isinstance(x, tf.data.Dataset):
        return _of_dataset(model, x, purpose, values)
    if hasattr(x, "shape") or x is None or isinstance(x, (str, bytes, dict, set)):
        columns = accepted.columns_of(x)
        x = accepted.numbers_of("x", x, model.columns, model.takes_missing)
        return _of_arrays(model, x, x, y, purpose)._replace(columns=columns)
    return Look(x)  # A loader that Keras knows.


def _of_arrays(model, data, x, y, purpose):
    found = beside.parts(y, model.needs, purpose)
    if purpose == beside.NAMES:
        _check_unused(model, x, y)
    shapes = {name: tuple(np.shape(value)) for name, value in found.items()}
    target = x if model.target == "x" else found.get("target")
    return Look(data, tuple(x.shape), shapes, x, target)


def _of_batch(model, data, element, purpose):
    x, y, _ = beside.unpack(element)
    x = accepted.numbers_of("x", x, model.columns, model.takes_missing)
    x = x if hasattr(x, "shape") else np.asarray(x)
    if not model.built:
        accepted.check_batched(tuple(x.shape), data)
    look = _of_arrays(model, data, x, y, purpose)
    free = {name: (None, *shape[1:]) for name, shape in look.beside_shapes.items()}
    return look._replace(shape=(None, *x.shape[1:]), beside_shapes=free)


def _of_dataset(model, data, purpose, values):
    spec = data.element_spec
    x, y = (*spec, None)[:2] if isinstance(spec, tuple) else (spec, None)
    if isinstance(x, tuple) and len(x) == 2:
        x, y = x[0], x[1] if y is None else y
    accepted.check_specification(x)
    found = beside.parts(y, model.needs, purpose)
    shapes = {name: getattr(one, "shape", None) for name, one in found.items()}
    known = all(
        shape is not None and shape.rank is not None and None not in shape[1:]
        for shape in (x.shape, *shapes.values())
    )
    raw = values and (x.dtype.is_integer or structure.is_bounded(model))
    if not known or raw or (purpose == beside.NAMES and _like_target(model, x, y)):
        element, _ = accepted.looked_at(data)
        return _of_batch(model, data, element, purpose)
    accepted.numbers_of("x", tf.zeros([], x.dtype) if x.dtype != tf.string else "text")
    if not model.built:
        accepted.check_batched(tuple(x.shape), data)
    size = 0 if int(data.cardinality()) == 0 else None
    return Look(data, (size, *x.shape[1:]), {n: tuple(s) for n, s in shapes.items()})


def _like_target(model, x, y):
    """Whether y, not asked for, has the shape of x and is no label: a target, by its looks."""
    if isinstance(y, dict):
        y = y.get("target")
    if (model.needs.names and "target" in model.needs.names) or y is None:
        return False
    shape, dtype = getattr(y, "shape", None), getattr(y, "dtype", None)
    if shape is None or dtype is None or len(shape) != len(x.shape) or len(shape) < 2:
        return False
    same = all(
        a is None or b is None or a == b for a, b in zip(shape[1:], x.shape[1:], strict=True)
    )
    return same and (len(shape) > 2 or "float" in str(dtype))


def _check_unused(model, x, y):
    """Raises a ValueError for clean data beside noisy ones, which the model would not look at."""
    if isinstance(y, dict) and "target" not in model.needs.names:
        y = y.get("target")
    elif model.needs.names:
        return
    if y is None or y is x or not _like_target(model, x, y) or np.array_equal(x, y):
        return
    raise ValueError(
        f"`y` must be None or equal to `x` for a {type(model).__name__} that explains x, received "
        f"other data of the same shape, {tuple(y.shape)}, which would be ignored. To explain y by "
        f'x, make the model with target="y"; to train on y itself, call fit(y).'
    )
