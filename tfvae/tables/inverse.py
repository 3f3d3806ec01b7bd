"""From features back to raw columns: for rows that a model made."""

import numpy as np

from tfvae.tables.columns import Column, Group


def raw_columns(
    columns: tuple[Column, ...], groups: tuple[Group, ...], encoding: str, x: np.ndarray
) -> dict[str, np.ndarray]:
    """Raw values by name of the column, each (n,).

    Args:
        columns: what is known of each column.
        groups: which features belong to which column.
        encoding: "one_hot" or "codes".
        x: features, (n, D), float64. NaN is a missing value.
    """
    features = {}
    for group in groups:
        features.setdefault(group.column, {})[group.kind] = x[:, group.features]
    return {
        column.name: _raw(column, features.get(column.name, {}), encoding, len(x))
        for column in columns
        if not column.is_row_number
    }


def _raw(column, features, encoding, rows):
    if column.is_constant:
        values = np.full(rows, (column.levels and 0.0) or column.mean)
        missing = np.zeros(rows, bool)
    elif column.kind == "categorical" and encoding == "one_hot":
        scores = features["categorical"]
        values = np.argmax(np.where(np.isnan(scores), -np.inf, scores), axis=1).astype("float64")
        missing = np.isnan(scores).all(axis=1)
    else:
        values = features[column.kind][:, 0]
        missing = np.isnan(values)
        values = np.where(missing, 0.0, values)
        standard = ("numeric", "date") if encoding == "codes" else ("numeric", "date", "count",
                                                                      "ordinal")  # fmt: skip
        if column.kind in standard:
            values = column.mean + column.scale * values
    if "missing" in features:
        missing = missing | (features["missing"][:, 0] > 0.5)
    return _typed(column, values, missing, encoding)


def _typed(column, values, missing, encoding):
    """In the type of the raw values; `values` are v of `Column.mean`, or indices of levels."""
    if column.levels:
        index = np.clip(np.round(values), 0, None).astype(int)
        # What is neither a level nor missing is another category, which has no name.
        missing = missing | (index >= len(column.levels)) & (column.kind == "categorical")
        index = np.minimum(index, len(column.levels) - 1)
        if column.kind == "boolean" and not column.is_text and column.levels == (0.0, 1.0):
            return _with_gaps(index == 1, missing, None)
        levels = np.array(column.levels, object if column.is_text else "float64")
        return _with_gaps(levels[index], missing, None if column.is_text else np.nan)
    if column.kind == "date":
        # float32 features tell years to seconds; midnights are known to be midnights.
        unit = 86400.0 if column.is_whole else 1.0
        seconds = np.clip(np.round(values / unit) * unit, -6e10, 2.5e11).astype("int64")
        dates = seconds.astype("datetime64[s]")
        return _with_gaps(dates, missing, np.datetime64("NaT"))
    if column.kind == "count" and (encoding == "one_hot" or column.is_constant):
        values = np.expm1(values)
    if column.kind == "count":
        values = np.maximum(values, 0.0)
    if column.is_whole:
        values = np.round(values)
    if column.is_whole and not missing.any() and np.all(np.abs(values) < 2.0**53):
        return values.astype("int64")
    return _with_gaps(values, missing, np.nan)


def _with_gaps(values, missing, gap):
    if not missing.any():
        return values
    values = values.astype(object) if gap is None else values.copy()
    values[missing] = gap
    return values
