"""Raw values of one column: numbers, dates or texts, whatever they came in."""

import datetime
import decimal
import numbers
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.tables import remedies

# What tf.strings.strip takes off. Python would take off more.
BLANKS = " \t\n\r\f\v"
_DATES = (np.datetime64, datetime.datetime, datetime.date)


class Spelling(NamedTuple):
    """How numbers are spelled in text."""

    decimal: str = "."
    thousands: str = ""

    def numbers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that texts spell, float64 (n,), and which texts spell none, bools (n,)."""
        texts = self._plain(texts)
        joined = "".join(texts)
        if joined.isascii() and "_" not in joined:
            try:
                values = np.fromiter(map(float, texts), "float64", len(texts))
                return values, np.isnan(values)
            except ValueError:
                pass  # Some are no numbers: one by one.
        values = np.array([_number(one) for one in texts], "float64")
        return values, np.isnan(values)

    def _plain(self, texts):
        texts = list(texts)
        if self.thousands:
            groups = re.compile(rf"[+-]?\d{{1,3}}({re.escape(self.thousands)}\d{{3}})+(?!\d)")
            texts = [one.replace(self.thousands, "") if groups.match(one) else one for one in texts]
        if self.decimal == ".":
            return texts
        # A point is no decimal sign here: 1.5 is no number.
        return [one.replace(".", "?").replace(self.decimal, ".") for one in texts]


def _number(text):
    try:
        return _checks.number(text)
    except ValueError:
        return np.nan


def raw_values(name: str, column: Any, first_row: int = 0) -> np.ndarray:
    """A column as one of three arrays (n,).

    - float64 for numbers and booleans, NaN where there is none;
    - datetime64[us] for dates, NaT where there is none;
    - objects that are texts without blanks around them, "" where there is none.

    Args:
        name: of the column.
        column: array, list, tensor or pandas.Series.
        first_row: number of the first row in its table, for messages.

    Raises:
        ValueError: for values of other types.
    """
    if hasattr(column, "isna"):
        column = _of_series(column)
    elif np.ma.isMaskedArray(column):
        column = _without_mask(column)
    array = column if isinstance(column, np.ndarray) else _array(column)
    if array.ndim != 1:
        raise ValueError(
            f"The column {name!r} must have one value in each row, received an array of the shape "
            f"{array.shape}."
        )
    kind = array.dtype.kind
    if kind in "biuf" or array.dtype.name == "bfloat16":
        return array.astype("float64")
    if kind == "M":
        return array.astype("datetime64[us]")
    if kind == "S":
        array, kind = array.astype(object), "O"
    if kind == "U":
        return stripped(array.tolist())
    if kind == "O":
        return _of_objects(name, array.tolist(), first_row)
    raise ValueError(
        f"The column {name!r} must hold numbers, texts or dates, received the type {array.dtype}. "
        "Convert it to numbers, or leave it out."
    )


def _without_mask(column):
    """A masked array as one with NaN, NaT or None in the place of masked values."""
    if column.dtype.kind in "biuf":
        return column.astype("float64").filled(np.nan)
    if column.dtype.kind == "M":
        return column.filled(np.datetime64("NaT"))
    return column.astype(object).filled(None)


def stripped(texts: Sequence[str]) -> np.ndarray:
    """Texts without blanks around them, as objects."""
    array = np.empty(len(texts), object)
    array[:] = [one.strip(BLANKS) for one in texts]
    return array


def _array(column):
    if hasattr(column, "numpy"):  # a tensor
        return np.asarray(column.numpy())
    values = list(column)
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _of_series(series):
    """A Series in types of NumPy."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return series.to_numpy()
    if getattr(dtype, "tz", None) is not None:
        return series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    if getattr(dtype, "kind", "O") in "biuf" and not hasattr(dtype, "categories"):
        return series.to_numpy(dtype="float64", na_value=np.nan)
    return series.to_numpy(dtype=object, na_value=None)


def _of_objects(name, values, first_row):
    if set(map(type, values)) == {str}:
        return stripped(values)
    gone = [_is_missing(one) for one in values]
    here = [one for one, missing in zip(values, gone, strict=True) if not missing]
    if all(isinstance(one, (numbers.Real, np.bool_, decimal.Decimal)) for one in here):
        return np.array(
            [np.nan if m else _float(v) for v, m in zip(values, gone, strict=True)], "float64"
        )
    if all(isinstance(one, _DATES) for one in here):
        return np.array(
            [
                np.datetime64("NaT") if m else np.datetime64(_without_zone(v), "us")
                for v, m in zip(values, gone, strict=True)
            ],
            "datetime64[us]",
        )
    texts = np.empty(len(values), object)
    for row, (value, missing) in enumerate(zip(values, gone, strict=True)):
        texts[row] = "" if missing else _text(name, value, first_row + row)
    return texts


def _is_missing(value):
    # pandas.NA and NaT compare with nothing, NaN not with itself.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64):
        return bool(np.isnat(value))
    if isinstance(value, decimal.Decimal):
        return value.is_nan()  # A signaling NaN cannot be compared.
    return isinstance(value, (float, np.floating)) and value != value


def _float(value):
    try:
        return float(value)
    except OverflowError:  # A whole number of more than 308 digits
        return np.inf if value > 0 else -np.inf


def _without_zone(date):
    if isinstance(date, datetime.datetime) and date.tzinfo is not None:
        return date.astimezone(datetime.UTC).replace(tzinfo=None)
    return date


def _text(name, value, row):
    if isinstance(value, str):
        return value.strip(BLANKS)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip(BLANKS)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"The column {name!r} must hold bytes that are text in UTF-8, received "
                f"{value!r:.60} in row {row}. Decode it: column.str.decode('cp1252')."
            ) from error
    if isinstance(value, (bool, np.bool_, numbers.Real, decimal.Decimal)):
        return as_text(_float(value)) if not isinstance(value, (bool, np.bool_)) else str(value)
    if isinstance(value, _DATES):
        return str(value)
    raise ValueError(
        f"The column {name!r} must hold numbers, texts or dates, received {value!r:.60} of the "
        f"type {type(value).__name__} in row {row}. Leave the column out: "
        f"{remedies.kind(name, 'ignore')}."
    )


def as_text(value: float) -> str:
    """A number as text: whole ones without a point; "" for NaN."""
    if value != value:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**63 else repr(value)
