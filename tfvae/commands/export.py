"""Exports the model of a training run for servers; see `tfvae.serving`.

    tfvae export --workdir=runs/pendulum --output=serving/pendulum/1

--output is a new or empty folder. The last part of its path is the version number for TF Serving.
--format=onnx writes encoder.onnx, decoder.onnx and score.onnx; --format=litert writes .tflite files
for devices. The folder also gets a model card with the report and the data of the run.

A SavedModel of a run on a table takes raw columns. The other formats take its features, which
`tfvae.tables.Table.load("runs/rows/table.keras").transform(rows)` makes.
"""

import argparse
import json
import os
import pathlib
from typing import Any

from ml_collections import config_dict

from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """--config, --workdir, --output and --format."""
    parsing.add_config(parser)
    add = parser.add_argument
    add("--output", required=True, help="New or empty folder for the exported files.")
    add(
        "--format",
        choices=["saved_model", "onnx", "litert"],
        default="saved_model",
        help="For TF Serving (the default), ONNX or LiteRT.",
    )


def run(options: argparse.Namespace) -> None:
    """Exports, and prints the folder."""
    write(options.config, options.workdir, options.output, options.format)
    print(f"{options.format} written to {options.output}")


def write(
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
    output: str | os.PathLike[str],
    format: str,
) -> None:
    """Writes the finished model of a run in one of the formats."""
    import tfvae
    from tfvae.experiments import finished

    exporters = {
        "saved_model": tfvae.export,
        "onnx": tfvae.export_onnx,
        "litert": tfvae.serving.export_litert,
    }
    model, table = finished.load(workdir), finished.table_of(workdir)
    more = {"table": table} if format == "saved_model" else {}
    with parsing.user_errors():
        exporters[format](model, output, **more, **card_entries(config, workdir))
    if table is not None and not more:
        print(
            f"The files take features. tfvae.tables.Table.load({str(workdir / finished.TABLE)!r})"
            ".transform(rows) makes them."
        )


def card_entries(config: config_dict.ConfigDict, workdir: pathlib.Path) -> dict[str, Any]:
    """Returns the model card's entries on a run: `metrics` (its report) and `data`."""
    report = workdir / "report.json"
    metrics = json.loads(report.read_text()) if report.exists() else None
    return {"metrics": metrics, "data": config.data.to_dict()}
