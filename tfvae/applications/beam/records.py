"""The input of a model from a record, and the record's id and seed."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfvae._checks import number


class Source(NamedTuple):
    """Where an input comes from, and what it is."""

    columns: Sequence[str]
    """Names of columns."""
    shape: tuple[int, ...]
    """Of one record."""
    dtype: str
    """"float32", "int32", or "string" for bytes."""


def values_of(record: Mapping[str, Any], source: Source) -> np.ndarray | bytes:
    """The input for a record: an array of the source's shape and dtype, or bytes.

    Args:
        record: dict from column to value.
        source: of the input.

    Raises:
        ValueError: when the record does not fit.
    """
    columns, shape, dtype = source
    parts = [column_of(record, column) for column in columns]
    if dtype == "string":
        return _bytes_of(columns, parts)
    arrays = [_numbers(*named, dtype) for named in zip(columns, parts, strict=True)]
    if len(arrays) == 1 and arrays[0].shape == shape:
        return arrays[0]
    count = sum(array.size for array in arrays)
    if count != math.prod(shape) or any(array.ndim > 1 for array in arrays):
        received = ", ".join(f"{c} {a.shape}" for c, a in zip(columns, arrays, strict=True))
        raise ValueError(
            f"the values must have the shape {shape}, or be as many in a row, received "
            f"{count} in {received or 'no column'}"
        )
    return np.concatenate([array.ravel() for array in arrays]).reshape(shape)


def _bytes_of(columns, parts):
    values = [_alone(part) for part in parts]
    if len(values) != 1 or not isinstance(values[0], bytes):
        kinds = ", ".join(type(value).__name__ for value in values)
        raise ValueError(
            f"{', '.join(columns)} must be one column of bytes, received {kinds or 'none'}"
        )
    return values[0]


def column_of(record: Mapping[str, Any], column: str) -> Any:
    """A column of a record, or a ValueError that lists the columns of the record."""
    if column not in record:
        raise ValueError(f"there is no column {column!r}; there are {', '.join(map(str, record))}")
    return record[column]


def _alone(value):
    """The element of a list of one, as features of tf.train.Example are."""
    return value[0] if isinstance(value, (list, tuple, np.ndarray)) and len(value) == 1 else value


def id_of(column: str, value: Any) -> str:
    """An id as text, the same for 7 in Parquet, "7" in CSV and b"7" in TFRecord."""
    value = _alone(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    is_id = isinstance(value, (str, int, np.integer)) and not isinstance(value, bool)
    if not is_id or value == "":
        raise ValueError(f"the id, {column}, must be text or a whole number, received {value!r}")
    return str(value)


def content_id(values: Mapping[str, np.ndarray | bytes]) -> str:
    """32 digits of the SHA-256 of a record's inputs."""
    digest = hashlib.sha256()
    for value in values.values():
        digest.update(value if isinstance(value, bytes) else value.tobytes())
    return digest.hexdigest()[:32]


def _numbers(column, value, dtype):
    """A column of one record as finite float32, or as int32."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "SUO":
            # NumPy takes 1_000 for a number, and drops zero bytes at the end of text.
            texts = np.asarray(value, "object")
            array = [number(v) if isinstance(v, (str, bytes)) else v for v in texts.ravel()]
            array = np.asarray(array, "float64").reshape(texts.shape)
        elif array.dtype.kind not in "biuf":
            raise TypeError(f"received {array.dtype}")
        array = array.astype("float64")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{column} must be numbers: {error}") from error
    with np.errstate(over="ignore"):
        array = array if dtype == "int32" else array.astype("<f4")
    for position in np.argwhere(~np.isfinite(array))[:1].tolist():
        place = f"{column}{position}" if position else column
        raise ValueError(f"the values must be finite in float32, which {place} is not")
    if dtype == "int32":
        if np.any(array != np.round(array)) or np.any(np.abs(array) >= 2**31):
            raise ValueError(f"{column} must be whole numbers in int32, received {value!r}")
        array = array.astype("<i4")
    return array


def seed_of(seed: int, name: str) -> list[int]:
    """Two whole numbers of 32 bits, from the seed of the call and the id of a record."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.frombuffer(digest[:8], "<i4").tolist()
