"""The graph from raw columns to features: what is saved and served."""

import types
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.tables import dates
from tfvae.tables.columns import CYCLES, ENCODINGS, Column, Group, groups_of, has_gaps

# Python's own numbers would become float32.
_ZERO, _NAN, _INFINITY = (np.float64(one) for one in (0.0, "nan", "inf"))


@keras.saving.register_keras_serializable(package="tfvae")
class TableModel(keras.Model):
    """Raw columns by name, each (B,), to features, float32 (B, D): a fitted `Table` as a graph.

    `Table.fit` makes it. It has no weights; what was learned is its config. Text columns are
    strings; numbers may have any type and become float64. A missing number is NaN, a missing text
    one of `missing_values` or "". Dates are texts, or numbers of seconds since 1970.

    A value that is not allowed, such as a text that is no date or a new category where there is no
    place for it, makes the features of its column infinite in this row. No model has an answer for
    that.

    Args:
        columns: what is known of each column, `Column`s or their dicts.
        encoding: "one_hot" or "codes", see `Table`.
        missing_values: texts that stand for no value.
        table: arguments of the `Table`, for `Table.load`.

    Raises:
        ValueError: when `encoding` is unknown, or a column is missing in a call.

    Example:
        >>> import tensorflow as tf, tfvae
        >>> table = tfvae.tables.Table().fit({"size": [1.0, 3.0], "colour": ["red", "blue"]})
        >>> model = table.model_
        >>> model({"size": tf.constant([5.0]), "colour": tf.constant(["red"])}).numpy()
        array([[3., 0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        columns: Sequence[Column | Mapping[str, Any]],
        encoding: str = "one_hot",
        missing_values: Sequence[str] = (),
        table: Mapping[str, Any] | None = None,
        **kwargs,
    ):
        # Keras would make float32 of numbers, and a second of today has more digits.
        super().__init__(**{"autocast": False, "dtype": "float32", **kwargs})
        # Keras would put lists and dicts of its own in the place of these.
        self._own = types.SimpleNamespace(
            columns=tuple(_column(one) for one in columns),
            words=tuple(missing_values),
            table=dict(table or {}),
        )
        self.encoding = _checks.one_of("encoding", encoding, ENCODINGS)
        self._own.groups = tuple(groups_of(self.columns, self.encoding))
        self._lookups = [
            _lookup(column.levels, self.missing_values) if column.is_text else None
            for column in self.used_columns
        ]
        self.built = True  # There are no weights: Keras warns of saving what has none yet.

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is known of each column."""
        return self._own.columns

    @property
    def groups(self) -> tuple[Group, ...]:
        """Which features belong together."""
        return self._own.groups

    @property
    def missing_values(self) -> tuple[str, ...]:
        """Texts that stand for no value."""
        return self._own.words

    @property
    def table_arguments(self) -> dict[str, Any]:
        """Arguments of the `Table`."""
        return self._own.table

    @property
    def lookup_tables(self) -> list[Any]:
        """Tables of TensorFlow from texts to numbers, which a SavedModel has to hold."""
        return [one.lookup_table for one in self._lookups if one is not None]

    @property
    def used_columns(self) -> tuple[Column, ...]:
        """The columns that a call needs."""
        return tuple(one for one in self.columns if one.parts(self.encoding))

    @property
    def keeps_gaps(self) -> bool:
        """Whether features are NaN where a value is missing."""
        return has_gaps(self.columns, self.encoding)

    @property
    def num_features(self) -> int:
        """D."""
        return sum(len(group.names) for group in self.groups)

    def call(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Features, float32 (B, D); see the class."""
        missing = [one.name for one in self.used_columns if one.name not in inputs]
        if missing:
            raise ValueError(
                f"`inputs` must have all columns of the table, received none of the name "
                f"{', '.join(map(repr, missing[:5]))}."
            )
        features = []
        for column, lookup in zip(self.used_columns, self._lookups, strict=True):
            values = _read(column, _as_rows(inputs[column.name]), lookup)
            encode = _as_features if self.encoding == "one_hot" else _as_code
            features.append(tf.cast(encode(column, *values), tf.float32))
        return tf.concat(features, axis=1)

    def compute_output_spec(self, inputs: Mapping[str, Any]) -> keras.KerasTensor:
        """(B, D)."""
        return keras.KerasTensor((None, self.num_features), "float32")

    def build(self, input_shape: Any = None) -> None:
        """Nothing to make."""
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """What was learned, and the arguments of the table."""
        config = super().get_config()
        config.pop("autocast", None)
        return {
            **config,
            "columns": [
                {n: list(v) if isinstance(v, tuple) else v for n, v in one._asdict().items()}
                for one in self.columns
            ],
            "encoding": self.encoding,
            "missing_values": list(self.missing_values),
            "table": self.table_arguments,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "TableModel":
        """The model of a config."""
        return cls(**config)


def _column(given):
    if isinstance(given, Column):
        return given
    plain = dict(given)
    return Column(**{**plain, "levels": tuple(plain["levels"]), "cycles": tuple(plain["cycles"])})


def _lookup(levels, words):
    """From a text to 0: unknown, 1 to S: its level, above: it stands for no value."""
    words = [one for one in words if one and one not in levels]
    # Keras adds the token of the unknown to the vocabulary, where it must not be a category.
    unknown = "unknown"
    while unknown in levels or unknown in words:
        unknown += "?"
    return keras.layers.StringLookup(
        vocabulary=[*levels, *words, *([] if levels or words else [unknown + "?"])],
        num_oov_indices=1,
        oov_token=unknown,
    )


def _as_rows(value):
    """(B,) of what may be (B, 1), as Keras gives it."""
    value = tf.convert_to_tensor(value)
    return tf.reshape(value, [-1]) if value.shape.rank != 1 else value


def _read(column, raw, lookup):
    """A number for each row, float64, whether it is missing, and whether it is allowed.

    The number is the value, or the index of the level, S for another than the known ones.
    """
    size = len(column.levels)
    if raw.dtype == tf.string:
        if not column.is_text:
            raise ValueError(
                f"The column {column.name!r} must be numbers, received texts. Convert them."
            )
        text = tf.strings.strip(raw)
        index = lookup(text)
        missing = (index > size) | (text == "")
        if column.kind == "date":
            values, allowed = dates.seconds(text, column.date_format)
        else:
            values, allowed = tf.cast((index + size) % (size + 1), tf.float64), index > 0
    else:
        if column.is_text and column.kind != "date":
            raise ValueError(
                f"The column {column.name!r} must be texts, received {raw.dtype.name}."
            )
        values = tf.cast(raw, tf.float64)
        missing = tf.math.is_nan(values)
        allowed = tf.abs(values) < _INFINITY
        if column.levels:
            same = values[:, tf.newaxis] == tf.constant(column.levels, tf.float64)
            known = tf.reduce_any(same, axis=1)
            allowed &= known if not column.has_other else True
            values = tf.where(known, tf.cast(tf.argmax(same, axis=1), tf.float64), np.float64(size))
    if column.kind == "categorical" and column.has_other and raw.dtype == tf.string:
        allowed = tf.ones_like(missing)
    if column.kind == "count":
        allowed &= values >= 0.0
    if column.is_constant:  # Its value is not looked at.
        allowed = tf.ones_like(missing)
    allowed = (allowed | missing) if column.takes_missing else (allowed & ~missing)
    return values, missing, allowed


def _as_features(column, values, missing, allowed):
    """Features of a column, (B, features), infinite where not allowed.

    Where the value is missing they are NaN or neutral.
    """
    here = ~missing
    parts = []
    if not column.is_constant:
        if column.kind == "categorical":
            size = len(column.levels) + column.has_other
            index = tf.cast(tf.where(missing, np.float64(size), values), tf.int32)
            depth = size + column.has_indicator
            parts.append(tf.one_hot(index, depth, dtype=tf.float64))
        elif column.kind == "boolean":
            parts.append(tf.where(here, values, np.float64(column.mean))[:, tf.newaxis])
        else:
            if column.kind == "count":
                values = tf.math.log1p(tf.maximum(values, 0.0))
            standard = (values - column.mean) / column.scale
            parts.append(tf.where(here, standard, _ZERO)[:, tf.newaxis])
        for cycle in column.cycles:
            angle = values * (2.0 * np.pi / CYCLES[cycle])
            both = tf.stack([tf.sin(angle), tf.cos(angle)], axis=1)
            parts.append(tf.where(here[:, tf.newaxis], both, _ZERO))
    if column.has_indicator and (column.kind != "categorical" or column.is_constant):
        parts.append(tf.cast(missing, tf.float64)[:, tf.newaxis])
    features = tf.concat(parts, axis=1)
    if column.keeps_gaps:
        features = tf.where(missing[:, tf.newaxis], _NAN, features)
    return tf.where(allowed[:, tf.newaxis], features, _INFINITY)


def _as_code(column, values, missing, allowed):
    """One number of a column, (B, 1): NaN where missing, infinite where not allowed."""
    if column.kind in ("numeric", "date"):
        values = (values - column.mean) / column.scale
    values = tf.where(missing, _NAN, values)
    return tf.where(allowed, values, _INFINITY)[:, tf.newaxis]
