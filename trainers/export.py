"""Exports the model of a training run for servers; see `tfvae.serving`.

    python -m trainers.export --workdir=runs/pendulum --output=serving/pendulum/1

--output is a new or empty folder. The last part of its path is the version number for TF Serving.
--format=onnx writes encoder.onnx, decoder.onnx and score.onnx; --format=litert writes .tflite files
for devices. The folder also gets a model card with the report and the data of the run.
"""

import json
import os
import pathlib
from typing import Any

from absl import flags
from ml_collections import config_dict

from trainers import cli

flags.adopt_module_key_flags(cli)
OUTPUT = flags.DEFINE_string("output", None, "New or empty folder for the exported files.")
FORMAT = flags.DEFINE_enum(
    "format", "saved_model", ["saved_model", "onnx", "litert"], "For TF Serving, ONNX or LiteRT."
)
flags.mark_flag_as_required("output")


def main(config: config_dict.ConfigDict, workdir: pathlib.Path) -> None:
    """Exports, and prints the folder."""
    write(config, workdir, OUTPUT.value, FORMAT.value)
    print(f"{FORMAT.value} written to {OUTPUT.value}")


def write(
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
    output: str | os.PathLike[str],
    format: str,
) -> None:
    """Writes the finished model of a run in one of the formats."""
    import tfvae
    from trainers import training

    exporters = {
        "saved_model": tfvae.export,
        "onnx": tfvae.export_onnx,
        "litert": tfvae.serving.export_litert,
    }
    model = training.load(workdir)
    try:
        exporters[format](model, output, **card_entries(config, workdir))
    except (ImportError, ValueError) as error:
        raise cli.UserError(error) from error


def card_entries(config: config_dict.ConfigDict, workdir: pathlib.Path) -> dict[str, Any]:
    """Returns the model card's entries on a run: `metrics` (its report) and `data`."""
    report = workdir / "report.json"
    metrics = json.loads(report.read_text()) if report.exists() else None
    return {"metrics": metrics, "data": config.data.to_dict()}


if __name__ == "__main__":
    cli.run(main)
