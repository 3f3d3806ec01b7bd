"""What data may be: arrays of numbers, or batches of them. All else is refused with the remedy."""

import itertools
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

NO_DATASET = (
    "`fit`, `evaluate`, `predict` and the functions of tfvae.evaluation take datasets; any other "
    "method takes one batch: next(iter(dataset))."
)


def check_numbers(name: str, value: Any) -> None:
    """Raises a ValueError unless `value` is an array of numbers, all of which are meant."""
    problem = _problem(value)
    if problem:
        received, remedy = problem
        raise ValueError(f"`{name}` must be an array of numbers, received {received}. {remedy}")


def check_entries(name: str, value: Any) -> None:
    """As `check_numbers`, but for text, which a layer may embed: what lies beside x."""
    problem = _structure_problem(value)
    if problem:
        received, remedy = problem
        raise ValueError(f"`{name}` must be an array, received {received}. {remedy}")


def _problem(value):
    """What is wrong with an array, and what to do; None: nothing."""
    if value is None or isinstance(value, (str, bytes, dict, set)):
        kind = repr(value) if value is None or isinstance(value, str) else type(value).__name__
        hint = "np.column_stack(list(x.values()))" if isinstance(value, dict) else "np.asarray(x)"
        return f"{kind:.60}", f"Load the data, and make one array of them: {hint}."
    problem = _structure_problem(value)
    if problem:
        return problem
    if tf.is_tensor(value):
        dtype = value.dtype
        is_real = dtype.is_floating or dtype.is_integer or dtype.is_bool
        found = dtype.name
    else:
        dtype = getattr(value, "dtype", None)
        dtype = dtype if isinstance(dtype, np.dtype) else np.asarray(value).dtype
        is_real, found = dtype.kind in "biuf" or dtype.name == "bfloat16", str(dtype)
    if is_real:
        single = not tf.is_tensor(value) and np.ndim(value) == 0
        remedy = "An array has a batch axis and feature axes: np.reshape(x, (1, 1))."
        return ("a single number", remedy) if single else None
    columns = getattr(value, "columns", None)
    if columns is None:
        remedy = (
            "numpy.lib.recfunctions.structured_to_unstructured(x) makes columns of its fields."
            if getattr(dtype, "names", None)
            else "Numbers of another type are converted by x.astype('float32')."
        )
    else:
        strange = [str(n) for n, kind in value.dtypes.items() if kind.kind not in "biuf"]
        remedy = (
            f"Convert or drop the columns {', '.join(map(repr, strange[:5]))}: "
            "pandas.get_dummies(x) makes numbers of names, x.astype('float32') one type of all."
            if strange
            else "Its columns are numbers of several kinds: x.astype('float32') makes one of them."
        )
    return f"the dtype {found}", remedy


def _structure_problem(value):
    if isinstance(value, (tf.data.Dataset, keras.utils.PyDataset, types.GeneratorType)):
        return f"a {type(value).__name__}", NO_DATASET
    if isinstance(value, tf.SparseTensor):
        return "a SparseTensor", "tf.sparse.to_dense(x) makes an array of it."
    if hasattr(value, "toarray"):
        return f"a sparse {type(value).__name__}", "x.toarray() makes an array of it."
    if isinstance(value, tf.RaggedTensor):
        return (
            "a RaggedTensor, whose examples differ in length",
            "x.to_tensor(shape=(None, length)) pads or cuts them to one length.",
        )
    if np.ma.is_masked(value):
        return (
            f"a masked array with {np.ma.count_masked(value)} masked values, which would be used "
            "like all others",
            "Fill them, as by x.filled(x.mean()), or leave their rows out: np.ma.compress_rows(x).",
        )
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "is_complex", getattr(dtype, "kind", None) == "c"):
        return (
            "complex numbers, whose imaginary parts would be lost",
            "Both parts as features: np.stack([x.real, x.imag], axis=-1).",
        )
    return None


def looked_at(x: Any) -> tuple[Any, Any]:
    """The first element of a dataset or generator, and the data with it still in their place.

    Raises:
        ValueError: when there is none.
    """
    if isinstance(x, types.GeneratorType):
        first = next(x, None)
        # Keras knows a generator by its type, and takes tuples only.
        again = (_tuple(one) for one in itertools.chain([first], x))
    elif isinstance(x, keras.utils.PyDataset):
        first, again = (x[0] if x.num_batches != 0 else None), x
    else:
        first, again = next(iter(x.take(1)), None), x
    if first is None:
        raise ValueError("`x` must hold at least one example, received none.")
    return first, again


def _tuple(element):
    return element if isinstance(element, tuple) else (element,)


def check_specification(spec: Any) -> None:
    """Raises a ValueError for the x of a dataset that cannot be one array of a batch."""
    if isinstance(spec, tf.TensorSpec):
        return
    if isinstance(spec, tf.SparseTensorSpec):
        kind, remedy = "sparse tensors", "dataset.map(tf.sparse.to_dense) makes arrays of them."
    elif isinstance(spec, tf.RaggedTensorSpec):
        kind = "ragged tensors, whose examples differ in length"
        remedy = "dataset.map(lambda x: x.to_tensor(shape=(None, length))) pads or cuts them."
    else:
        kind = f"a {type(spec).__name__} of {len(spec)}" if hasattr(spec, "__len__") else repr(spec)
        remedy = "A dataset gives x, (x, y) or (x, y, sample weight); join parts by tf.concat."
    raise ValueError(f"`x` must be one array in each batch of a dataset, received {kind}. {remedy}")


def check_batched(shape: tuple, dataset: Any = None) -> None:
    """Raises a ValueError for elements that are single examples, whose rows would be examples.

    Args:
        shape: of x in an element of a dataset or generator.
        dataset: the tf.data.Dataset, whose way to its elements tells more than their shape.
    """
    if len(shape) > 1 and shape[0] is None:
        return
    single = len(shape) < 2 or looks_like_image(shape)
    if isinstance(dataset, tf.data.Dataset):
        batched = _is_batched(dataset)
        if batched or (len(shape) == 1 and shape[0] is None):
            return  # The shape alone says what is missing.
        single = single or batched is False
    if single:
        remedy = (
            "Give dataset.batch(32)."
            if isinstance(dataset, tf.data.Dataset)
            else "Give an axis of examples, x[None], or yield many at a time."
        )
        shape = tuple(shape)
        raise ValueError(
            f"`x` must come in batches, (batch, *shape_of_one_example), received elements of the "
            f"shape {shape}, which look like single examples. {remedy} If they are batches, call "
            f"build((None, {', '.join(map(str, shape[1:]))})) first."
        )


def looks_like_image(shape: tuple) -> bool:
    """Whether (height, width, channels) is the shape of a usual image, not of several vectors."""
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3, 4):
        return False
    height, width, channels = shape
    return min(height, width) >= 8 and (height == width or (channels == 1 and height >= 24))


def _is_batched(dataset):
    """Whether a tf.data pipeline makes batches; None where it does not tell.

    There is no public way to ask; `_inputs` is what every dataset has to define.
    """
    name = type(dataset).__name__.lower()
    if "unbatch" in name or "tensorslice" in name:
        return False
    if any(word in name for word in ("batch", "window", "group")):
        return True
    found = {_is_batched(one) for one in dataset._inputs()}
    return True if True in found else False if False in found else None
