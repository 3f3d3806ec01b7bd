"""Raw values of new rows for the graph, what is wrong with some of them, and what was found."""

import difflib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfvae.tables import remedies
from tfvae.tables.columns import Column, spelled
from tfvae.tables.model import TableModel
from tfvae.tables.sources import Chunk, Source
from tfvae.tables.values import as_text

# How files spell booleans, in small letters: 0 and 1 of what is read by other means.
TRUTH = ("false", "true")


def near(name: Any, source: Source) -> str:
    """Which columns there are, the nearest first."""
    close = difflib.get_close_matches(str(name), source.names, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(map(repr, source.names[:20])) + (", …" if len(source.names) > 20 else "")
    return f"{hint}There are {shown}."


def prepared(column: Column, chunk: Chunk, source: Source, words: frozenset[str]) -> np.ndarray:
    """Raw values of a column in the type that the graph takes.

    Args:
        column: what is known of it.
        chunk: the rows.
        source: tells where a row is, and how numbers are spelled.
        words: texts that stand for no value.

    Raises:
        ValueError: for text where a number belongs, naming column and line.
    """
    raw = chunk.columns[column.name]
    if column.kind == "date" and raw.dtype.kind == "M":
        return np.where(np.isnat(raw), np.nan, raw.astype("int64") / 1e6)
    if column.is_text:
        if raw.dtype.kind == "O":
            return raw
        if raw.dtype.kind == "f":
            return _texts(column, raw)
        raise ValueError(f"The column {column.name!r} must hold texts, received dates.")
    if raw.dtype.kind == "f":
        return raw
    if raw.dtype.kind == "M":
        raise ValueError(f"The column {column.name!r} must hold numbers, received dates.")
    texts = raw.tolist()
    gone = words.union([""]).intersection(texts)
    here = (
        [row for row, text in enumerate(texts) if text not in gone] if gone else range(len(texts))
    )
    texts = _truth_as_numbers(column, texts)
    values, wrong = source.spelling.numbers([texts[row] for row in here] if gone else texts)
    if wrong.any():
        row = here[int(np.flatnonzero(wrong)[0])]
        raise ValueError(
            f"The column {column.name!r} must hold numbers, as in `fit`, received "
            f"{texts[row]!r:.60} in {source.place(chunk.first_row + row)}."
        )
    numbers = np.full(len(texts), np.nan)
    numbers[here] = values
    return numbers


def _texts(column, numbers):
    """Numbers as the texts of a column. 0 and 1 are False and True, as it spells them."""
    spelled_truth = {one.lower(): one for one in column.levels if isinstance(one, str)}
    if not spelled_truth or not spelled_truth.keys() <= set(TRUTH):
        return np.array([as_text(one) for one in numbers.tolist()], object)
    known = {float(i): spelled_truth.get(word, word) for i, word in enumerate(TRUTH)}
    return np.array([known.get(one, as_text(one)) for one in numbers.tolist()], object)


def _truth_as_numbers(column, texts):
    """The words for False and True as 0 and 1, where the column had booleans in `fit`."""
    if column.kind != "boolean" or column.levels != (0.0, 1.0):
        return texts
    known = {word: str(i) for i, word in enumerate(TRUTH)}
    return [known.get(one.lower(), one) for one in texts]


def check_features(model: TableModel, x: np.ndarray, chunk: Chunk, source: Source) -> None:
    """Raises a ValueError for the first row with a value that is not allowed."""
    wrong = np.isinf(x)
    if not wrong.any():
        return
    row = int(np.flatnonzero(wrong.any(axis=1))[0])
    place = int(np.flatnonzero(wrong[row])[0])
    name = next(
        group.column
        for group in model.groups
        if group.features.start <= place < group.features.stop
    )
    column = next(one for one in model.columns if one.name == name)
    value = chunk.columns[name][row]
    where = source.place(chunk.first_row + row)
    is_missing = value in ("", *model.missing_values) if isinstance(value, str) else value != value
    if is_missing:
        raise ValueError(
            f"The column {name!r} must have a value, as in all rows of `fit`, received none in "
            f"{where}. A table that is learned with {remedies.option('indicators', 'all')} takes "
            "missing values in all columns."
        )
    if not isinstance(value, (str, np.datetime64)):
        value = float(value)
    raise ValueError(f"The column {name!r} {_expected(column)}, received {value!r:.60} in {where}.")


def _expected(column):
    if column.levels:
        hint = ' (unknown="other" takes others)' if column.kind == "categorical" else ""
        return f"must hold one of {', '.join(map(spelled, column.levels)):.200}{hint}"
    if column.kind == "date":
        return f"must hold dates of the format {column.date_format!r}"
    if column.kind == "numeric":
        return "must hold finite numbers, in deviations of `fit` below 3e38"
    return "must hold numbers from 0"


def cells(model: TableModel) -> list[list[str]]:
    """What is known of each column of a table, a line for each below a head."""
    lines = [["column", "kind", "features", "missing", "values"]]
    for column in model.columns:
        number = sum(len(names) for _, names in column.parts(model.encoding))
        missing = f"{column.missing:,} of {column.rows:,}"
        lines.append([column.name, column.kind, str(number), missing, _values(column)])
    return lines


def summary(model: TableModel, most: int | None = None) -> str:
    """What is known of the first `most` columns of a table, a line for each, in columns."""
    lines = cells(model)
    more = 0 if most is None else len(lines) - 1 - most
    lines = lines[: 1 + most] if more > 0 else lines
    widths = [max(len(line[place]) for line in lines) for place in range(4)]
    text = "\n".join(
        "  ".join([*(f"{text:{w}}" for text, w in zip(line, widths, strict=False)), line[4]])
        for line in lines
    )
    return text + (f"\n… and {more:,} more columns" if more > 0 else "")


def remarks(columns: Sequence[Column]) -> list[str]:
    """What a user should know of columns that have one value, or number the rows, or seem to."""
    told = []
    constant = [one.name for one in columns if one.is_constant]
    if constant:
        told.append(
            f"The columns {', '.join(map(repr, constant[:20]))} have one value only. They are "
            "no features, and later values of them are not looked at."
        )
    for column in columns:
        if column.is_row_number:
            told.append(
                f"The column {column.name!r} numbers the rows: it is no feature. "
                f"{remedies.kind(column.name, 'numeric')} makes it one."
            )
        elif column.order:
            told.append(
                f"The column {column.name!r} rises from row to row, as row numbers do. If it only "
                f"numbers the rows, leave it out: {remedies.kind(column.name, 'ignore')}."
            )
    return told


def count_new(
    model: TableModel, x: np.ndarray, chunk: Chunk, counts: dict[str, Counter[str]]
) -> None:
    """Adds the number of each category that `fit` did not see, by column, to `counts`.

    Of a column with more categories than are kept, no one knows which were seen: it is left out.
    """
    most = model.table_arguments.get("max_categories", 0)
    for group in model.groups:
        column = next(one for one in model.columns if one.name == group.column)
        if group.kind != "categorical" or not column.has_other or len(column.levels) >= most:
            continue
        size = len(column.levels)
        is_code = model.encoding == "codes"
        rows = x[:, group.start] == size if is_code else x[:, group.start + size] == 1.0
        if rows.any():
            found = Counter(spelled(one) for one in chunk.columns[column.name][rows].tolist())
            counts.setdefault(column.name, Counter()).update(found)


def new_categories(counts: dict[str, Counter[str]]) -> str:
    """What is new in which columns, and in how many rows."""
    told = []
    for name, found in counts.items():
        shown = [f"{value!r:.60} in {number:,} rows" for value, number in found.most_common(5)]
        shown += [f"{len(found) - 5:,} more values"] if len(found) > 5 else []
        told.append(f"the column {name!r} ({', '.join(shown)})".replace(" 1 rows", " 1 row"))
    return f"There are categories that were not seen in training, in {'; '.join(told)}."


def _values(column):
    if column.is_row_number:
        return "number of the row, no feature"
    if column.is_constant:
        return f"only {column.example!r:.40}"
    if column.levels:
        shown = ", ".join(spelled(one) for one in column.levels[:5])
        return shown + (f", … {len(column.levels)} levels" if len(column.levels) > 5 else "")
    if column.kind == "date":
        mean = np.datetime64(round(column.mean), "s")
        days = column.scale / 86400.0
        return f"{column.date_format}, mean {mean}, deviation {days:.4g} days"
    what = " of log(1 + n)" if column.kind == "count" else ""
    return f"mean {column.mean:.4g}, deviation {column.scale:.4g}{what}"
