"""A CSV or Parquet file of the user as the data of a run, by `tfvae.tables.Table`."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import config_dict

from tfvae import _checks, evaluation
from tfvae.datasets import own_files, raw_files, sources
from tfvae.evaluation import Line
from tfvae.presets.folder import RAW_ROWS
from tfvae.tables import CSV, Table, remedies
from tfvae.tables import sources as table_sources
from tfvae.tables.sources import PARQUET
from tfvae.tables.table import MISSING_VALUES

NAME = RAW_ROWS
ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
# What options of `tfvae score` are called here, and those of them that tell the form of a CSV file.
PREFIX = "--config.data.options."
OF_CSV = ("encoding", "separator", "decimal", "thousands")
# Columns that are printed. The report has all.
MOST_PRINTED = 40
# As the table of `tfvae.datasets.load` has it of other data sets.
SUMMARY = (
    "features of columns, by kind → one of the columns, if any; needs CSV or Parquet file, or "
    "folder with train and test"
)
_NEEDS = "a CSV or Parquet file, or a folder with one named train and one named test"


def fitted(config: config_dict.ConfigDict) -> Table:
    """Returns the table, which knows the kinds, the units and the categories of the columns.

    They are those of all rows of a file, or of the file named train in a folder.

    Raises:
        ValueError: if there is no such file, or it cannot be used; says which option helps.
    """
    options = _options(config)
    label = options["label_column"]
    try:
        kinds = remedies.kinds_of(options["ignore"], _several(options["kind"]))
    except ValueError as error:
        raise ValueError(f"{PREFIX}kind {error}, with ; between several.") from error
    table = Table(
        kinds={**kinds, **({label: "ignore"} if label else {})},
        indicators=options["indicators"] or "missing-only",
        missing_values=(*MISSING_VALUES, *remedies.listed(options["missing"])),
    )
    with remedies.as_options(PREFIX):
        source = _source(_files(config)[0], options)
        names = table_sources.source_of(source).names
        if label and label not in names:
            raise ValueError(_no_label_column(label, names))
        return table.fit(source)


def lines(table: Table) -> list[Line]:
    """The numbers of the report on the rows from which the table was learned.

    Those of columns by kind, of missing values, and of columns that are no features: with one value
    only, or with the number of the row.
    """
    columns = table.columns_
    kinds = Counter(column.kind for column in columns if not column.is_ignored)
    gaps = [column.missing for column in columns if column.missing]
    found = [
        Line("rows of the table", columns[0].rows),
        Line("columns", len(columns), ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())),
        Line("features", table.model_.num_features),
        Line("missing values", sum(gaps), f"in {len(gaps)} of {len(columns)} columns"),
    ]
    for name, which in {
        "constant columns": [one.name for one in columns if one.is_constant],
        "numbers of the row": [one.name for one in columns if one.is_row_number],
    }.items():
        if which:
            shown = ", ".join(which[:5]) + (", …" if len(which) > 5 else "")
            found.append(Line(name, len(which), shown))
    return found


def check_rows(table: Table, config: config_dict.ConfigDict) -> None:
    """Refuses the file of a run if rows have come or gone: the split would be another one.

    Raises:
        ValueError: if the number of rows is not the one of `fitted`.
    """
    first, *others = _files(config)
    if others:  # The splits are files.
        return
    source = table_sources.source_of(_source(first, _options(config)))
    rows = sum(len(next(iter(c.columns.values()))) for c in source.chunks(source.names[:1]))
    before = table.columns_[0].rows
    if rows != before:
        raise ValueError(
            f"--config.data.path must have the {before:,} rows of the training, received {first} "
            f"with {rows:,}: rows that were trained on would be among those of the test. Give new "
            "rows as a file of their own, or take back the one of the training."
        )


def told(table: Table, config: config_dict.ConfigDict) -> str:
    """What was understood of the columns, for the beginning of a run: numbers, then the columns."""
    label = _options(config)["label_column"]
    parts = [
        evaluation.table(f"Table {config.data.path}", lines(table)),
        table.summary(MOST_PRINTED),
    ]
    if label:
        parts.append(f"The column {label!r} holds the labels, and is no feature.")
    return "\n\n".join(parts)


def load(
    config: config_dict.ConfigDict,
    split: str,
    *,
    labels: bool | str,
    table: Table | None = None,
) -> tf.data.Dataset:
    """Returns batches of features, or of (features, labels), in the order of the rows.

    Args:
        config: config of the run. `data.options.label_column` names the column of the labels,
            which are numbered in alphabetical order.
        split: "train" or "test", with the slices of TFDS.
        labels: whether labels are given.
        table: what makes features of the rows; None: what `fitted` finds.

    Raises:
        ValueError: as `fitted`, and if labels are wanted and there is no column for them.
    """
    options = _options(config)
    if config.data.binarize:
        raise ValueError("--config.data.binarize must be False for a table, received True.")
    column = options["label_column"]
    if labels and not column:
        raise ValueError(
            "--config.data.options.label_column must name the column of the labels if "
            "--config.data.labels is True, received none."
        )
    table, files = table or fitted(config), _files(config)
    with remedies.as_options(PREFIX):
        parts = [{"x": table.transform(_source(file, options))} for file in files]
    if labels:
        for part, values in zip(parts, _labels(files, column, options), strict=True):
            part["label"] = values
    named = (
        dict(zip(own_files.SPLITS, parts, strict=True))
        if len(parts) == 2
        else own_files.split(parts[0], options["test_share"], options["data_seed"])
    )
    examples = sources.from_arrays(named, split, inputs="x").examples.batch(config.batch_size)
    if labels:
        return examples.map(lambda example: (example["x"], example["label"]))
    return examples.map(lambda example: example["x"])


def _options(config: config_dict.ConfigDict) -> dict[str, Any]:
    """The options, with the defaults of those that are missing."""
    known = {
        **dict.fromkeys(("label_column", "ignore", "kind", "missing", "indicators", *OF_CSV), ""),
        "test_share": 0.2,
        "data_seed": 0,
    }
    given = config.data.options.to_dict()
    for name in given:
        if name not in known:
            raise ValueError(
                f"--config.data.options must be among {', '.join(known)} for a table, received "
                f"{name!r}. Leave it out, or begin with a config such as vae:table."
            )
    return {**known, **given}


def _several(text: str) -> list[str]:
    """What semicolons separate."""
    return [one for one in text.split(";") if one]


def _source(file: str, options: dict[str, Any]) -> str | CSV:
    """A file with what the options say of CSV files."""
    given = {name: options[name] for name in OF_CSV if options[name]}
    return CSV(file, **given) if given and not file.lower().endswith(PARQUET) else file


def _files(config: config_dict.ConfigDict) -> list[str]:
    """The file, or those of the splits."""
    path = raw_files.require(config.data.path, needs=_NEEDS, source=own_files.SOURCE)
    if path.is_file():
        return [str(path)]
    found = []
    for name in own_files.SPLITS:
        files = [p for p in sorted(path.glob(f"{name}.*")) if p.suffix.lower() in ENDINGS]
        if len(files) != 1:
            raise ValueError(
                f"`path` must be {_NEEDS}, received {len(files)} files named {name} in "
                f"{str(path)!r}."
            )
        found.append(str(files[0]))
    return found


def _labels(files: list[str], column: str, options: dict[str, Any]) -> list[np.ndarray]:
    """The numbers of the labels of each file."""
    pandas = _checks.package("pandas", "The labels of a table", "tfvae[tables]")
    found = []
    for file in files:
        is_parquet = file.lower().endswith(PARQUET)
        rows = pandas.read_parquet(file) if is_parquet else _read_csv(file, options)
        if column not in rows:
            raise ValueError(_no_label_column(column, rows))
        if rows[column].isna().any():
            raise ValueError(
                f"The labels in {column!r} must be there in all rows, received a row of {file} "
                "without one."
            )
        found.append(rows[column].astype(str).to_numpy())
    _, numbers = np.unique(np.concatenate(found), return_inverse=True)
    return np.split(numbers.astype("int64"), np.cumsum([len(part) for part in found])[:-1])


def _no_label_column(received: str, names: Iterable[str]) -> str:
    return (
        f"{PREFIX}label_column must be one of {', '.join(map(str, names))}, received {received!r}."
    )


def _read_csv(file: str, options: dict[str, Any]) -> Any:
    import pandas

    # The separator is found by the head, as `Table` does.
    separator, encoding = options["separator"] or None, options["encoding"] or "utf-8"
    return pandas.read_csv(file, sep=separator, encoding=encoding, engine="python")
