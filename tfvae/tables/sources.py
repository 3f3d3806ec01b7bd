"""Tables of any form, read in pieces: DataFrame, arrays by name, array, CSV, Parquet."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.tables import remedies
from tfvae.tables.csv_files import CSV
from tfvae.tables.values import Spelling, raw_values, stripped

# Rows that are in memory as texts at a time.
CHUNK = 16384
# What the name of a Parquet file ends in.
PARQUET = (".parquet", ".pq")
NEEDED = "'tfvae[tables]'"
_OBJECT = np.dtype(object)


class Chunk(NamedTuple):
    """Some rows of a table."""

    first_row: int
    """Number of the first row, from 0."""
    columns: dict[str, np.ndarray]
    """Raw values by name of the column, see `raw_values`."""
    progress: int
    """How much of the source's `total` they are."""


class Source:
    """A table that can be read several times.

    Args:
        names: of its columns.
        total: length in the unit of progress; None: not known.
    """

    spelling = Spelling()
    unit_name = "row"

    def __init__(self, names: list[str], total: int | None):
        self.names, self.total = names, total

    def chunks(self, names: list[str]) -> Iterator[Chunk]:
        """The rows, with these columns."""
        raise NotImplementedError

    def place(self, row: int) -> str:
        """Where a row is, for messages."""
        return f"row {row}"

    def hints(self) -> dict[str, Any]:
        """What the types of columns tell of their kinds, by name."""
        return {}


class _Columns(Source):
    """Columns in memory, by name."""

    def __init__(self, columns: dict[str, Any]):
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The columns must have one length, received {lengths}.")
        super().__init__(list(columns), next(iter(lengths.values()), 0))
        self._columns = columns

    def chunks(self, names):
        # A column of objects gets one type for all its rows.
        whole = {
            name: raw_values(name, self._columns[name])
            for name in names
            if getattr(self._columns[name], "dtype", _OBJECT) == _OBJECT
        }
        for start in range(0, self.total, CHUNK):
            rows = slice(start, start + CHUNK)
            columns = {
                name: whole[name][rows] if name in whole else self._values(name, rows)
                for name in names
            }
            yield Chunk(start, columns, min(CHUNK, self.total - start))

    def _values(self, name, rows):
        column = self._columns[name]
        part = column.iloc[rows] if hasattr(column, "iloc") else column[rows]
        return raw_values(name, part, rows.start)

    def hints(self):
        found = {}
        for name, column in self._columns.items():
            dtype = getattr(column, "dtype", None)
            if getattr(dtype, "kind", None) == "b":
                found[name] = "boolean"
            elif getattr(dtype, "ordered", False):
                found[name] = list(dtype.categories)
            elif hasattr(dtype, "categories"):
                found[name] = "categorical"
        return found


class _CSV(Source):
    """A CSV file."""

    unit_name = "MB"

    def __init__(self, file: CSV):
        self._file, (names, self.spelling) = file, file.look()
        super().__init__(names, file.size)

    def chunks(self, names):
        places = [self.names.index(name) for name in names]
        for first, records, progress in self._file.records(len(self.names), CHUNK):
            cells = list(zip(*records, strict=True))
            columns = {
                name: stripped(cells[place]) for name, place in zip(names, places, strict=True)
            }
            yield Chunk(first, columns, progress)

    def place(self, row):
        return f"line {self._file.line(row)} of {self._file.name}"


class _Parquet(Source):
    """A Parquet file."""

    def __init__(self, path: str):
        self._path = path
        _checks.package("pyarrow", "A Parquet file", NEEDED)
        parquet = _checks.package("pyarrow.parquet", "A Parquet file", NEEDED)
        with self._readable():
            # Not all writers add checksums of the pages.
            self._file = parquet.ParquetFile(path, page_checksum_verification=True)
        super().__init__(self._file.schema_arrow.names, self._file.metadata.num_rows)

    def chunks(self, names):
        first = 0
        for batch in self._batches(names):
            columns = {
                name: raw_values(name, _of_arrow(batch.column(place)), first)
                for place, name in enumerate(batch.schema.names)
            }
            yield Chunk(first, columns, batch.num_rows)
            first += batch.num_rows

    def _batches(self, names):
        with self._readable():
            batches = self._file.iter_batches(CHUNK, columns=names)
        while True:
            with self._readable():
                batch = next(batches, None)
            if batch is None:
                return
            yield batch

    @contextlib.contextmanager
    def _readable(self):
        """Has one error for all that pyarrow meets in a damaged file."""
        try:
            yield
        except (OSError, ValueError) as error:
            if not os.path.exists(self._path):
                raise
            raise ValueError(
                f"`rows` must be a whole Parquet file, received {self._path!r}, which cannot be "
                f"read: {str(error).strip()}. Take another copy."
            ) from error

    def place(self, row):
        return f"row {row} of {self._path}"

    def hints(self):
        schema = self._file.schema_arrow
        return {field.name: "boolean" for field in schema if str(field.type) == "bool"}


def _of_arrow(array):
    """A column of a batch; texts and what has gaps as objects."""
    if str(array.type).startswith(("timestamp", "date")):
        return array.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    if array.null_count or str(array.type) in ("string", "large_string"):
        values = np.empty(len(array), object)
        values[:] = array.to_pylist()
        return values
    return array.to_numpy(zero_copy_only=False)


def source_of(rows: Any) -> Source:
    """The table that a user gives.

    Args:
        rows: pandas.DataFrame, dict from name to values, array (n, columns), `CSV`, or the path of
            a CSV or Parquet file.

    Raises:
        ValueError: when it is anything else, has no columns, or two of one name.
        ImportError: when a package is missing that reads the file.
    """
    source = _source(rows)
    names = source.names
    if not names:
        raise ValueError("`rows` must have at least one column, received none.")
    places = {}
    for place, name in enumerate(names):
        if name in places:
            raise ValueError(
                f"`rows` must have columns of different names, received {name!r} as the columns "
                f"{places[name] + 1} and {place + 1}. Rename one."
            )
        places[name] = place
    return source


def _source(rows):
    if isinstance(rows, CSV):
        return _CSV(rows)
    if isinstance(rows, (str, pathlib.PurePath)):
        path = os.fspath(rows)
        if path.lower().endswith(PARQUET):
            return _Parquet(path)
        if path.lower().endswith((".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")):
            return _CSV(CSV(path))
        raise ValueError(
            f"`rows` must be the path of a .csv or .parquet file, received {path!r}. "
            f"{remedies.csv() or 'Rename it: .csv'} reads a CSV file of another name."
        )
    if hasattr(rows, "isna") and hasattr(rows, "columns"):
        names = [str(name) for name in rows.columns]
        if len(set(names)) < len(names):
            return Source(names, len(rows))  # What is wrong with it is said for all sources.
        return _Columns({name: rows.iloc[:, place] for place, name in enumerate(names)})
    if isinstance(rows, Mapping):
        return _Columns({str(name): _one_axis(name, value) for name, value in rows.items()})
    if hasattr(rows, "toarray"):
        raise ValueError("`rows` must not be sparse. x.toarray() makes an array of it.")
    if getattr(getattr(rows, "dtype", None), "names", None):
        return _Columns({name: rows[name] for name in rows.dtype.names})
    if isinstance(rows, (np.ndarray, list, tuple)) or hasattr(rows, "numpy"):
        return _Columns(_of_array(rows))
    raise ValueError(
        "`rows` must be a DataFrame, a dict from name to values, an array (n, columns), or the "
        f"path of a CSV or Parquet file, received a {type(rows).__name__}. rows.to_pandas() or "
        "dict(zip(names, columns)) may make one of it."
    )


def _one_axis(name, value):
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        raise ValueError(
            f"The column {str(name)!r} must have a value for each row, received {value!r:.60}. "
            "Give [value] for a single row."
        )
    return value


def _of_array(rows):
    if isinstance(rows, (list, tuple)):
        array = np.asarray(rows, object)
    else:
        array = rows if np.ma.isMaskedArray(rows) else np.asarray(rows)
    if array.ndim != 2:
        raise ValueError(
            f"`rows` must have the axes (n, columns), received an array of the shape {array.shape}."
            " A single row needs a batch axis: rows[None]."
        )
    return {f"x{place}": array[:, place] for place in range(array.shape[1])}
