"""Finds the rows of a table that are unlike the others, and says why.

    tfvae score orders.csv --output=outliers.csv
    tfvae score orders.csv --output=outliers.csv --figure=outliers.png
    tfvae score orders.csv --new=today.csv --output=outliers.csv --export=serving/1

The first table, CSV or Parquet, trains `tfvae.applications.OutlierDetector`; kinds of columns are
found by `tfvae.tables.Table`. A gap adds nothing to a score, unless --indicators says otherwise.
Columns that only number the rows are left out.

OUTPUT has a line for each row of the table, or of the new one, the most suspicious first: its
number (1 is the first row after the head), its score in nats (0 is usual), whether it is above the
threshold, the share of training rows with a lower score, and the columns that add most to the
score, with what they add. A category that the table does not have counts as odd.
"""

import argparse
import csv
import os
from typing import TYPE_CHECKING

from tfvae._checks import number, number_in, positive_int, whole_number
from tfvae.commands import outputs, parsing

if TYPE_CHECKING:
    from tfvae import tables
    from tfvae.applications import OutlierDetector

# Of `plots.outlier_reasons`.
FIGURES = (".png", ".pdf", ".svg")
# A share of fewer rows than these says nothing.
FEW_ROWS = 20


def add_arguments(parser: parsing.Parser) -> None:
    """Tables, and what to do with their rows."""
    add = parser.add_argument
    add("table", help="CSV or Parquet file of the rows to learn from.")
    add("--output", required=True, help="CSV file to write; an earlier one is replaced.")
    add("--new", help="File of other rows to score; default: those of the table.")
    add("--ignore", default="", help="Columns to leave out, separated by commas; default: none.")
    add("--kind", type=_kind, action="append", default=[], metavar="COLUMN=KIND",
        help="Kind of a column: numeric, count, ordinal, boolean, categorical, date, a format of "
        "dates such as %%d.%%m.%%Y, or levels in order such as S,M,L; may be repeated. Default: "
        "found from the values.")  # fmt: skip
    add("--missing", default="", metavar="A,B",
        help="Texts that stand for a gap, such as ? or -999, separated by commas; default: empty "
        "cells and NA, NaN, null, None in their usual spellings.")  # fmt: skip
    add("--indicators", choices=["nan", "none", "missing-only", "all"], default="nan",
        help="Whether gaps may be a reason for a score. nan, the default: no, they are missing; "
        "none: no, they are the mean of the column; missing-only: yes, in columns with gaps in "
        "the table; all: yes, in any column.")  # fmt: skip
    add("--encoding", default="utf-8", help="Of a CSV file, such as cp1252.")
    add("--separator", help="Of the cells of a CSV file; default: , ; | or a tab, as it fits.")
    add("--decimal", choices=[".", ","], help="Sign of decimals; default: found from the numbers.")
    add("--thousands", choices=["", ".", ",", " ", "'"],
        help="Sign between groups of digits; default: found from the numbers.")  # fmt: skip
    add("--contamination", type=number, default=0.1, help="Share of the rows that are outliers.")
    add(
        "--false_positive_rate",
        type=number,
        help="Instead: share of usual rows above the threshold; default: --contamination decides.",
    )
    add("--reasons", type=whole_number, default=3, help="Number of columns that are named.")
    add("--figure", help="PNG, PDF or SVG file: what made the most suspicious rows so; "
        "default: no figure.")  # fmt: skip
    add("--rows_in_figure", type=whole_number, default=6, help="Number of rows in the figure.")
    add("--export", help="New folder for a SavedModel of the score; default: none is written.")
    add("--seed", type=whole_number, default=0, help="Of all draws.")


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Trains, scores, writes, and prints what was found."""
    check(options)

    import numpy as np

    from tfvae import _files
    from tfvae.applications import OutlierDetector
    from tfvae.tables import remedies

    with parsing.plain_warnings(), remedies.as_options():
        table = table_of(options)
        x = table.fit_transform(source(options.table, options))
        print(table.summary())
        scored = table.transform(source(options.new, options)) if options.new else x
    detector = OutlierDetector(
        contamination=options.contamination,
        false_positive_rate=options.false_positive_rate,
        random_state=options.seed,
    )
    with parsing.plain_warnings():
        detector.fit(x)
    print(detector.threshold_report_)
    if len(x) < FEW_ROWS or np.isinf(detector.threshold_report_.high):
        parsing.warn(
            f"{len(x)} rows are too few to tell which of them are outliers. Scores and threshold "
            "may be chance. Give more rows."
        )
    names, parts = detector.contributions_by_column(scored, table)
    scores = parts.sum(axis=1)  # They add up to it.
    shares = detector.share_below(scores)
    lines = [["row", "score", "is_outlier", "share_below"]]
    for i in range(1, options.reasons + 1):
        lines[0] += [f"reason_{i}", f"nats_{i}"]
    order = np.argsort(-scores, kind="stable")
    for row in order:
        line = [row + 1, f"{scores[row]:.6g}", int(scores[row] > detector.threshold_)]
        line.append(f"{shares[row]:.4f}")
        for column in np.argsort(-parts[row], kind="stable")[: options.reasons]:
            line += [names[column], f"{parts[row, column]:.4g}"]
        lines.append(line)
    with (
        _files.replacing(options.output) as partial,
        open(partial, "w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(lines)
    found = int(np.sum(scores > detector.threshold_))
    print(f"{found} of {len(scores)} rows are outliers. Written to {options.output}.")
    if options.figure:
        draw(options, detector, table, scored, order[: options.rows_in_figure])
    if options.export:
        detector.export(options.export, table=table)
        print(f"The score of raw columns is exported to {options.export}.{renamed(table)}")


def check(options: argparse.Namespace) -> None:
    """Looks at all arguments, before anything is read.

    Raises:
        ValueError: when one is out of range, or a file cannot be read or written.
    """
    number_in("--contamination", options.contamination, 0.0, 0.5, low_open=True)
    if options.false_positive_rate is not None:
        number_in(
            "--false_positive_rate", options.false_positive_rate, 0.0, 1.0,
            low_open=True, high_open=True,
        )  # fmt: skip
    for name in ("reasons", "rows_in_figure"):
        positive_int(f"--{name}", getattr(options, name))
    inputs = {"TABLE": options.table, "--new": options.new}
    for name, path in inputs.items():
        if path is not None and not os.path.isfile(path):
            raise ValueError(f"{name} must be a file, received {path}, which does not exist.")
    outputs.check_file("--output", options.output, inputs)
    if options.figure:
        outputs.check_file(
            "--figure", options.figure, {**inputs, "--output": options.output}, FIGURES
        )
    if options.export:
        outputs.check_new_folder("--export", options.export)


def table_of(options: argparse.Namespace) -> "tables.Table":
    """The table that the options describe."""
    from tfvae import tables
    from tfvae.tables import remedies
    from tfvae.tables.table import MISSING_VALUES

    return tables.Table(
        kinds=remedies.kinds_of(options.ignore, options.kind),
        indicators=options.indicators,
        missing_values=(*MISSING_VALUES, *remedies.listed(options.missing)),
    )


def source(path: str, options: argparse.Namespace) -> "str | tables.CSV":
    """A file of rows, with what the options say of CSV files."""
    from tfvae import tables
    from tfvae.tables.sources import PARQUET

    if path.lower().endswith(PARQUET):
        return path
    return tables.CSV(
        path,
        separator=options.separator,
        decimal=options.decimal,
        thousands=options.thousands,
        encoding=options.encoding,
    )


def draw(options, detector: "OutlierDetector", table: "tables.Table", scored, rows) -> None:
    """Writes the figure of these rows."""
    from tfvae import _files, plots

    titles = [f"row {row + 1}" for row in rows]
    figure = plots.outlier_reasons(detector, scored[rows], table=table, titles=titles)
    ending = os.path.splitext(options.figure)[1].lower().removeprefix(".")
    with _files.replacing(options.figure) as partial:
        figure.savefig(partial, format=ending)
    print(f"Why the first {len(rows)} rows are suspicious is drawn in {options.figure}.")


def renamed(table: "tables.Table") -> str:
    """Which inputs of an exported model have other names than their columns."""
    from tfvae.serving.raw_columns import raw_columns_of

    names = raw_columns_of(table, (table.model_.num_features,)).names
    changed = [f"{own!r} is {name}" for name, own in names.items() if name != own]
    return f" Inputs with other names: {', '.join(changed)}." if changed else ""


def _kind(text: str) -> str:
    from tfvae.tables import remedies

    try:
        remedies.kinds_of("", [text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
