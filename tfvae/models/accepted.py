"""What data may be: arrays of numbers, or batches of them. All else is refused with the remedy."""

import decimal
import itertools
import numbers
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

NO_DATASET = (
    "`fit`, `evaluate`, `predict` and the functions of tfvae.evaluation take datasets; any other "
    "method takes one batch: next(iter(dataset))."
)


def numbers_of(name: str, value: Any, columns: list | None = None, missing: bool = False) -> Any:
    """`value`, an array of numbers, all of which are meant; a table becomes an array.

    Args:
        name: of the argument, for messages.
        value: array, tensor or table (pandas.DataFrame).
        columns: the names that the columns of a table must have, in their order; None: any.
        missing: whether a value that is missing becomes NaN.

    Raises:
        ValueError: for all else.
    """
    value = without_names(name, value, columns, missing)
    problem = _problem(value)
    if problem:
        received, remedy = problem
        raise ValueError(f"`{name}` must be an array of numbers, received {received}. {remedy}")
    return value


def without_names(name: str, value: Any, columns: list | None, missing: bool = False) -> Any:
    """A table with these columns as an array, an array of Python objects as one of numbers.

    Anything else is given back as it is. Where values may be missing, pandas.NA and None become
    NaN, and so does what is masked in a masked array.

    Raises:
        ValueError: when a table has other columns, or a value is missing (pandas.NA, None).
    """
    found = columns_of(value)
    if None not in (found, columns) and found != columns:
        place, (new, old) = next(
            (place, pair)
            for place, pair in enumerate(itertools.zip_longest(found, columns))
            if pair[0] != pair[1]
        )
        raise ValueError(
            f"`{name}` must have the {len(columns)} columns of the table that `fit` was given, in "
            f"their order, received {len(found)}, and {new!r} in place {place}, where {old!r} was. "
            "Give x[model.columns]; x.to_numpy() if these are the same features under other names."
        )
    return _plain(name, value, missing)


def entries_of(name: str, value: Any) -> Any:
    """As `numbers_of`, but for text, which a layer may embed: what lies beside x."""
    value = _plain(name, value)
    problem = _structure_problem(value)
    if problem:
        received, remedy = problem
        raise ValueError(f"`{name}` must be an array, received {received}. {remedy}")
    return value


def columns_of(value: Any) -> list | None:
    """The names of a table's columns, as a `.keras` file can hold them; None for an array."""
    names = getattr(value, "columns", None) if hasattr(value, "isna") else None
    return None if names is None else [n if isinstance(n, (str, int)) else str(n) for n in names]


def _plain(name, value, missing=False):
    """See `without_names`."""
    if missing and np.ma.is_masked(value) and value.dtype.kind in "biuf":
        return value.astype(np.result_type(value.dtype, "float32")).filled(np.nan)
    is_table = hasattr(value, "isna")
    dtype = getattr(value, "dtype", None)
    if dtype == np.longdouble and isinstance(value, np.ndarray):
        return value.astype("float64")  # Keras knows no longer one.
    if not is_table and getattr(dtype, "kind", None) != "O":
        return value
    if is_table:
        columns = value.items() if hasattr(value, "columns") else [(name, value)]
        # NaN of a NumPy type is a number, which the steps refuse.
        gaps = [
            repr(column)
            for column, one in columns
            if not (isinstance(one.dtype, np.dtype) and one.dtype.kind in "biuf")
            and one.isna().any()
        ]
        if gaps and missing:
            value = value.astype(object).where(value.notna(), np.nan)
        elif gaps:
            raise ValueError(
                f"`{name}` must have a number everywhere, received missing values in "
                f"{', '.join(gaps[:5])}. Fill them, as by x.fillna(x.mean()), leave their rows "
                "out: x.dropna(), or give the likelihood `missing=True`."
            )
    array = np.asarray(value)
    if missing and array.dtype == object:
        array = np.where(array == None, np.nan, array)  # noqa: E711
    kinds = (numbers.Real, np.bool_, decimal.Decimal)
    if array.dtype == object and all(isinstance(one, kinds) for one in array.flat):
        return array.astype("float64")
    # The message on a table of other things names its columns.
    return value if array.dtype.kind not in "biuf" else array


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
        if not isinstance(dtype, np.dtype):
            # One row tells the type of a table; all would be copied.
            dtype = np.asarray(value.iloc[:1] if hasattr(value, "iloc") else value).dtype
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

    There is no public way to ask; `_inputs` is what a tf.data.Dataset has to define.
    """
    name = type(dataset).__name__.lower()
    if "unbatch" in name or "tensorslice" in name:
        return False
    if any(word in name for word in ("batch", "window", "group")):
        return True
    found = {_is_batched(one) for one in dataset._inputs()}
    return True if True in found else False if False in found else None
