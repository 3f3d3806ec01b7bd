"""Raw columns of a table as inputs of signatures, in the place of x."""

import keyword
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.tables import Column, Table, TableModel

# Inputs that signatures have of their own.
_TAKEN = ("x", "z", "labels", "condition", "target", "seed", "count", "image_bytes")


class RawColumns:
    """The columns of a table by the names of inputs, and x of them.

    A name of an input consists of letters, digits and underscores, as TensorFlow needs it: other
    signs of a column's name become underscores, and names that are taken get column_ in front. A
    column whose name can stay keeps it. Of others that would have one name, the later get _2, _3, …

    Args:
        table: the graph of a fitted table.
    """

    def __init__(self, table: TableModel):
        self.table = table
        kept = {one.name for one in table.used_columns if _plain(one.name) == one.name}
        names = {}
        for column in sorted(table.used_columns, key=lambda one: one.name not in kept):
            names[column.name] = _free(column.name, names.values())
        self._columns: dict[str, Column] = {names[one.name]: one for one in table.used_columns}

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    @property
    def names(self) -> dict[str, str]:
        """Names of columns by the names of inputs."""
        return {name: column.name for name, column in self._columns.items()}

    def specs(self) -> list[tf.TensorSpec]:
        """string (B,) or float64 (B,) of each column."""
        return [
            tf.TensorSpec((None,), tf.string if column.is_text else tf.float64, name)
            for name, column in self._columns.items()
        ]

    def x(self, given: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Features, float32 (B, D), of columns by the names of inputs."""
        return self.table({self._columns[name].name: value for name, value in given.items()})

    def usual(self, name: str) -> np.ndarray:
        """A value of the training data, (1,)."""
        column = self._columns[name]
        if column.is_text:
            return np.array([str(column.example).encode()], object)
        return np.array([column.example], "float64")

    def meaning(self, name: str) -> str:
        """What a column is, for the card."""
        column = self._columns[name]
        text = f"the column {column.name}, {column.kind}"
        if name != column.name:
            text = f"the column {column.name} (an input must have another name), {column.kind}"
        if column.kind == "date":
            text += f", as {column.date_format}"
        if column.takes_missing:
            text += f"; {'an empty text' if column.is_text else 'NaN'}: missing"
        return text

    def resources(self) -> list[Any]:
        """What a SavedModel has to hold beside variables."""
        return self.table.lookup_tables


def raw_columns_of(
    table: Any, data_shape: tuple[int, ...], columns: list[str] | None = None
) -> RawColumns:
    """The raw columns of a table that a user gives.

    Args:
        table: a fitted `tfvae.tables.Table`.
        data_shape: shape of the x that it has to make.
        columns: names of the features; None: any.

    Raises:
        ValueError: when it is not a fitted table that makes x of this shape.
    """
    if not isinstance(table, Table) or not hasattr(table, "model_"):
        raise ValueError(
            f"`table` must be a fitted tfvae.tables.Table, received {table!r:.60}. Call table.fit."
        )
    made = (table.model_.num_features,)
    if made != tuple(data_shape):
        raise ValueError(
            f"`table` must make the features that the model was built for, {data_shape}, "
            f"received one that makes {made}. Give the table of the training data."
        )
    names = table.get_feature_names_out().tolist()
    if columns not in (None, names):
        raise ValueError(
            f"`table` must make the features {columns!r:.200}, with which the model was "
            f"trained, received one that makes {names!r:.200}."
        )
    return RawColumns(table.model_)


def _plain(name):
    """A name that TensorFlow takes for an input."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not re.match("[A-Za-z]", plain) or plain in _TAKEN or keyword.iskeyword(plain):
        plain = f"column_{plain}"
    return plain


def _free(name, others):
    """A name for an input that none of the others has."""
    plain = _plain(name)
    # TensorFlow tells names of operations apart by more than case.
    known = {one.lower() for one in others}
    numbered, number = plain, 2
    while numbered.lower() in known:
        numbered, number = f"{plain}_{number}", number + 1
    return numbered
