"""Finds the rows of a table that are unlike the others, and says why.

    tfvae score orders.csv --output=outliers.csv
    tfvae score orders.csv --output=outliers.csv --figure=outliers.png
    tfvae score orders.csv --new=today.csv --output=outliers.csv --export=serving/1

The first table, CSV or Parquet, trains `tfvae.applications.OutlierDetector`; kinds of columns are
found by `tfvae.tables.Table`, and gaps are allowed. OUTPUT has a line for each row of the table, or
of the new one, the most suspicious first: its number (1 is the first row after the head), its score
in nats (0 is usual), whether it is above the threshold, the share of training rows with a lower
score, and the columns that add most to the score, with what they add.
"""

import argparse
import csv
import os

from tfvae._checks import number, whole_number
from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """Tables, and what to do with their rows."""
    add = parser.add_argument
    add("table", help="CSV or Parquet file of the rows to learn from.")
    add("--output", required=True, help="CSV file to write.")
    add("--new", help="File of other rows to score; default: those of the table.")
    add("--ignore", default="", help="Columns to leave out, separated by commas: numbers, names.")
    add("--contamination", type=number, default=0.1, help="Share of the rows that are outliers.")
    add(
        "--false_positive_rate",
        type=number,
        help="Instead: share of usual rows above the threshold.",
    )
    add("--reasons", type=whole_number, default=3, help="Number of columns that are named.")
    add("--figure", help="PNG, PDF or SVG file: what made the most suspicious rows so.")
    add("--rows_in_figure", type=whole_number, default=6, help="Number of rows in the figure.")
    add("--export", help="Folder of a SavedModel of the score to write.")
    add("--seed", type=whole_number, default=0, help="Of all draws.")


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Trains, scores, writes, and prints what was found."""
    if options.export and os.path.exists(options.export):
        raise ValueError(f"--export must be a new folder, received {options.export}, which exists.")
    if options.figure:
        figure_format(options.figure)

    import numpy as np

    from tfvae import _files, plots, tables
    from tfvae.applications import OutlierDetector

    ignored = dict.fromkeys(filter(None, options.ignore.split(",")), "ignore")
    table = tables.Table(kinds=ignored)
    x = table.fit_transform(options.table)
    print(table.summary())
    scored = table.transform(options.new) if options.new else x
    detector = OutlierDetector(
        contamination=options.contamination,
        false_positive_rate=options.false_positive_rate,
        random_state=options.seed,
    ).fit(x)
    print(detector.threshold_report_)
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
    with _files.replacing(options.output) as partial, open(partial, "w", newline="") as file:
        csv.writer(file).writerows(lines)
    found = int(np.sum(scores > detector.threshold_))
    print(f"{found} of {len(scores)} rows are outliers. Written to {options.output}.")
    if options.figure:
        shown = order[: options.rows_in_figure]
        figure = plots.outlier_reasons(
            detector, scored[shown], table=table, titles=[f"row {row + 1}" for row in shown]
        )
        with _files.replacing(options.figure) as partial:
            figure.savefig(partial, format=figure_format(options.figure))
        print(f"Why the first {len(shown)} rows are suspicious is drawn in {options.figure}.")
    if options.export:
        detector.export(options.export, table=table)
        print(f"The score of raw columns is exported to {options.export}.")


def figure_format(path: str) -> str:
    """The format that a file's name ends in: "png", "pdf" or "svg".

    Raises:
        ValueError: when it ends otherwise.
    """
    ending = os.path.splitext(path)[1].lower().removeprefix(".")
    if ending not in ("png", "pdf", "svg"):
        raise ValueError(f"--figure must end in .png, .pdf or .svg, received {path}.")
    return ending
