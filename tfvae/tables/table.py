"""Raw tables to features and back: an estimator of scikit-learn around a graph of Keras."""

import os
import re
import warnings
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from tfvae import _checks, _files, _keras_files
from tfvae._progress import progress
from tfvae.likelihoods import Mixed
from tfvae.tables import inverse, messages, remedies
from tfvae.tables.columns import CYCLES, ENCODINGS, IGNORE, KINDS, RISING, Column, Group
from tfvae.tables.kinds import Choices, KindError, check_kind, decide
from tfvae.tables.likelihood import likelihood_of
from tfvae.tables.model import TableModel
from tfvae.tables.sources import NEEDED, Source, source_of
from tfvae.tables.statistics import statistics_for
from tfvae.tables.values import as_text

# As pandas reads CSV.
MISSING_VALUES = (
    *("", "#N/A", "#NA", "<NA>", "N/A", "NA", "NULL"),
    *("NaN", "None", "n/a", "nan", "null"),
)
_UNNAMED = re.compile(r"Unnamed: \d+")


class Table(TransformerMixin, BaseEstimator):
    """Raw rows with columns of several kinds to features, float32 (n, D), and back.

    `fit` finds out of what kind each column is, and learns its numbers and categories:

    | kind | raw values | features, with encoding="one_hot" | "codes" |
    |---|---|---|---|
    | numeric | numbers | (v − m)/s | the same |
    | count | whole numbers from 0 | (log(1 + n) − m)/s | n |
    | ordinal | levels in order | (rank − m)/s | rank, from 0 |
    | boolean | two values | 0 or 1 | 0 or 1 |
    | categorical | texts or numbers | one-hot: categories, other, missing | index, S: other |
    | date | dates, texts | (seconds − m)/s; sine and cosine of cycles | (seconds − m)/s |

    m and s are mean and standard deviation of the rows of `fit` in which there is a value.
    "one_hot" suits any model of numbers. "codes" has one feature for each column, for likelihoods
    that know what a column is; missing values are NaN there.

    Missing values (None, NaN, NaT, pandas.NA, and the texts `missing_values`) are kept apart: an
    indicator is 1, and the other features of the column are neutral: 0, the mean of a boolean, no
    category. A column without missing values in `fit` has no indicator, and refuses them later. An
    `OutlierDetector` does best with indicators="nan": gaps are then no reason for a score.

    A new category gets the place "other" by default: a server must answer, and a model that never
    saw a 1 there finds the row unusual. A warning names it. With unknown="error" it is refused. New
    levels of ordinal and boolean columns always are. Columns with one value only are no features; a
    warning names them, and `inverse_transform` gives the value. Other columns, and their order, do
    not matter.

    Kinds are guessed so: numbers are numeric, boolean if they are 0 and 1, counts if they are whole
    from 0 or 1 on; texts are dates if they are all of one format, boolean if they are two words
    such as yes and no, else categorical. Free text is refused: more than 1000 different texts, or
    more than 20 if that is more than half of the number of rows. Whole numbers that rise by 1 from
    each of 20 or more rows to the next number the rows: the column is no feature, unless there is
    no other or its kind is given, and a warning names it. `summary` tells what was found.

    Args:
        kinds: for columns whose kind is not to be guessed: a kind; "ignore"; a list of levels in
            order; a format of dates such as "%d.%m.%Y", of %Y, %m, %d, %H, %M, %S.
        encoding: "one_hot" or "codes".
        unknown: what a new category becomes, "other" or "error".
        indicators: which columns may have missing values, as in scikit-learn's `MissingIndicator`:
            "missing-only", those with some in `fit`; "all"; "none": all may, no feature tells;
            "nan": all may, and the features are NaN, for models that take missing values.
        max_categories: number of categories of a column, the most frequent; the rest is "other".
        missing_values: texts that stand for no value.
        cycles: of dates, "year", "week", "day", as features: those that the dates run through at
            least once.
        verbose: 1 shows the progress of `fit`, 0 does not; "auto" does if it takes long.

    Attributes:
        columns_: what is known of each column, `Column`s.
        groups_: which features belong together, `Group`s with column, kind, names and `features`, a
            slice of the axis D.
        model_: the graph, a `TableModel`, which may be part of any Keras model.

    Example:
        >>> import tfvae
        >>> rows = {"price": [1.0, 3.0, float("nan")], "colour": ["red", "blue", "red"]}
        >>> table = tfvae.tables.Table()
        >>> x = table.fit_transform(rows)
        >>> for name, feature in zip(table.get_feature_names_out(), x.T):
        ...     print(f"{name:13} {feature}")
        price         [-1.  1.  0.]
        price missing [0. 0. 1.]
        colour=red    [1. 0. 1.]
        colour=blue   [0. 1. 0.]
        colour other  [0. 0. 0.]
        >>> table.transform({"price": [2.5], "colour": ["green"]})
        array([[0.5, 0. , 0. , 0. , 1. ]], dtype=float32)
    """

    def __init__(
        self,
        kinds: dict[str, Any] | None = None,
        *,
        encoding: str = "one_hot",
        unknown: str = "other",
        indicators: str = "missing-only",
        max_categories: int = 100,
        missing_values: tuple[str, ...] = MISSING_VALUES,
        cycles: tuple[str, ...] = tuple(CYCLES),
        verbose: str | int = "auto",
    ):
        self.kinds = kinds
        self.encoding = encoding
        self.unknown = unknown
        self.indicators = indicators
        self.max_categories = max_categories
        self.missing_values = missing_values
        self.cycles = cycles
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> "Table":
        """Learns kinds, numbers and categories from rows, which are read in pieces.

        Args:
            X: pandas.DataFrame, dict from name to values, array (n, columns), `CSV`, or the path of
                a CSV or Parquet file. Files are never in memory as a whole.
            y: is not looked at.

        Raises:
            ValueError: when the rows cannot be used, naming each column, the line and what to do.
            ImportError: when pyarrow is missing, for a Parquet file.
        """
        choices, source = self._choices(), source_of(X)
        kinds = self._checked_kinds(source)
        names = [name for name in source.names if kinds.get(name) != IGNORE]
        words, told = frozenset(self.missing_values), source.spelling
        statistics = {name: statistics_for(kinds.get(name), told, words) for name in names}
        with progress(source.total, self.verbose, source.unit_name) as advance:
            for chunk in source.chunks(names):
                for name, raw in chunk.columns.items():
                    declared = kinds.get(name)
                    if isinstance(declared, str) and "%" in declared and raw.dtype.kind == "f":
                        raw = np.array([as_text(one) for one in raw.tolist()], object)
                    statistics[name].add(raw, chunk.first_row)
                advance(chunk.progress)
        if not names or not statistics[names[0]].rows:
            raise ValueError(f"`X` must have a row and a column, received {len(names)} columns.")
        self._keep(self._decided(statistics, kinds, choices, source), source.names)
        return self

    def _keep(self, columns, names):
        arguments = {**self.get_params(), "kinds": list((self.kinds or {}).items())}
        listed = {n: list(v) if isinstance(v, tuple) else v for n, v in arguments.items()}
        self.model_ = TableModel(columns, self.encoding, tuple(self.missing_values), listed)
        if not self.model_.used_columns:
            raise ValueError("`X` must have a column that varies, received only constant ones.")
        self.feature_names_in_, self.n_features_in_ = np.array(names, object), len(names)
        for remark in messages.remarks(columns):
            warnings.warn(remark, stacklevel=3)

    def _choices(self):
        for name, value in (("missing_values", self.missing_values), ("cycles", self.cycles)):
            if isinstance(value, str) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"`{name}` must be a tuple of texts, received {value!r}.")
        return Choices(
            unknown=_checks.one_of("unknown", self.unknown, ("other", "error")),
            indicators=_checks.one_of(
                "indicators", self.indicators, ("missing-only", "all", "none", "nan")
            ),
            max_categories=_checks.positive_int("max_categories", self.max_categories),
            cycles=tuple(_checks.one_of("cycles", one, tuple(CYCLES)) for one in self.cycles),
            encoding=_checks.one_of("encoding", self.encoding, ENCODINGS),
        )

    def _checked_kinds(self, source: Source):
        if not isinstance(self.kinds, (dict, type(None))):
            raise ValueError(f"`kinds` must be a dict by name, received {self.kinds!r:.60}.")
        kinds = {}
        for name, kind in (self.kinds or {}).items():
            if str(name) not in source.names:
                raise ValueError(
                    f"{remedies.option('kinds')} must name columns, received {name!r}. "
                    f"{messages.near(name, source)}"
                )
            kinds[str(name)] = check_kind(name, kind, (*KINDS, IGNORE))
        for place, name in enumerate(source.names):
            if _UNNAMED.fullmatch(name) and name not in kinds:
                raise ValueError(
                    f"Each column must have a name, received none for column {place + 1}. If it is "
                    f"an index that pandas wrote: {remedies.kind(name, IGNORE)}."
                )
        return kinds

    def _decided(self, statistics, kinds, choices, source):
        hints, columns, problems = source.hints(), [], []
        for name, found in statistics.items():
            try:
                columns.append(
                    decide(name, found, kinds.get(name), hints.get(name), choices, source)
                )
            except KindError as problem:
                problems.append(str(problem))
        if problems:
            shown = problems[:20] + ([f"… and {len(problems) - 20} more"] * (len(problems) > 20))
            raise ValueError("\n".join(shown))
        if all(one.is_ignored for one in columns):  # A number of the row is better than nothing.
            return [one._replace(order=one.order and RISING) for one in columns]
        return columns

    def transform(self, X: Any) -> np.ndarray:
        """Features of rows, float32 (n, D).

        Args:
            X: as in `fit`, with all columns that became features.

        Raises:
            ValueError: when a column is missing, or a value cannot be used, naming column and line.
            sklearn.exceptions.NotFittedError: before `fit`.
        """
        check_is_fitted(self, "model_")
        source = source_of(X)
        needed = [column.name for column in self.model_.used_columns]
        missing = [name for name in needed if name not in source.names]
        if missing:
            raise ValueError(
                f"`X` must have the columns that were features in `fit`, received none of the name "
                f"{', '.join(map(repr, missing[:5]))}. {messages.near(missing[0], source)}"
            )
        pieces, new = [], {}
        with progress(source.total, self.verbose, source.unit_name) as advance:
            for chunk in source.chunks(needed):
                inputs = {
                    column.name: messages.prepared(
                        column, chunk, source, frozenset(self.missing_values)
                    )
                    for column in self.model_.used_columns
                }
                x = self.model_({name: tf.constant(one) for name, one in inputs.items()}).numpy()
                messages.check_features(self.model_, x, chunk, source)
                messages.count_new(self.model_, x, chunk, new)
                pieces.append(x)
                advance(chunk.progress)
        if not pieces or not len(pieces[0]):
            raise ValueError("`X` must have at least one row, received none.")
        if new:
            warnings.warn(messages.new_categories(new), stacklevel=2)
        return np.concatenate(pieces)

    def inverse_transform(self, x: Any) -> Any:
        """Raw rows of features, a pandas.DataFrame with the columns of `fit` that were used.

        Of one-hot features the greatest decides, of indicators and booleans whether they are above
        a half; whole numbers, ranks and counts are rounded. "other" has no name, and is missing.

        Args:
            x: features, (n, D), such as `vae.generate(n)`. They need not be exact.

        Raises:
            ValueError: when the shape is another one, or a number is infinite.
            ImportError: when pandas is missing.
        """
        check_is_fitted(self, "model_")
        pandas = _checks.package("pandas", "A DataFrame", NEEDED)
        x = np.asarray(x, "float64")
        if x.ndim != 2 or x.shape[1] != self.model_.num_features:
            raise ValueError(
                f"`x` must have the shape (n, {self.model_.num_features}), received {x.shape}."
            )
        wrong = np.isinf(x) if self.model_.keeps_gaps else ~np.isfinite(x)
        if wrong.any():
            row, place = np.argwhere(wrong)[0]
            raise ValueError(
                f"`x` must have finite features, received {x[row, place]} for "
                f"{self.get_feature_names_out()[place]!r} in row {row}."
            )
        return pandas.DataFrame(inverse.raw_columns(self.columns_, self.groups_, self.encoding, x))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the D features."""
        check_is_fitted(self, "model_")
        return np.array([name for group in self.groups_ for name in group.names], object)

    def likelihood(self) -> Mixed:
        """p(x|z) of the features: `tfvae.VHPVAE(4, likelihood=table.likelihood())`.

        | kind | encoding="codes", NaN is missing | "one_hot", features as `indicators` says |
        |---|---|---|
        | numeric, date | Student's t | Student's t, cycles Gaussian |
        | count | negative binomial | Student's t of log(1 + n) |
        | ordinal | categorical | Student's t of the rank |
        | boolean | Bernoulli | Bernoulli |
        | categorical | categorical | Bernoulli of each category: their sum may differ from 1 |
        """
        check_is_fitted(self, "model_")
        return likelihood_of(self.columns_, self.groups_, self.encoding)

    @property
    def columns_(self) -> tuple[Column, ...]:
        """What is known of each column."""
        return self.model_.columns

    @property
    def groups_(self) -> tuple[Group, ...]:
        """Which features belong together."""
        return self.model_.groups

    def summary(self, most: int | None = None) -> str:
        """What was found, a line for each column, at most for the first `most` of them."""
        check_is_fitted(self, "model_")
        return messages.summary(self.model_, most)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the table to a `.keras` file, which `Table.load` and Keras read.

        Raises:
            ValueError: when the name of the file ends otherwise.
        """
        check_is_fitted(self, "model_")
        if not os.fspath(path).endswith(".keras"):
            raise ValueError(f"`path` must end in .keras, received {os.fspath(path)!r}.")
        with _files.replacing(path) as partial:
            self.model_.save(partial)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Table":
        """The table of a `.keras` file.

        Raises:
            ValueError: when the file is missing or damaged, or holds something else.
        """
        model = _keras_files.loaded("`path`", path)
        if not isinstance(model, TableModel):
            raise ValueError(
                f"`path` must be the file of a Table, received one of a {type(model).__name__}. "
                "keras.saving.load_model reads it."
            )
        arguments = model.table_arguments
        kinds = {name: kind for name, kind in arguments["kinds"]} or None
        tuples = {name: tuple(arguments[name]) for name in ("missing_values", "cycles")}
        table = cls(**{**arguments, "kinds": kinds, **tuples})
        table.model_ = model
        names = [column.name for column in model.columns]
        table.feature_names_in_, table.n_features_in_ = np.array(names, object), len(names)
        return table
