"""Exports the model of a training run for servers; see `tfvae.serving`.

    python -m trainers.export --workdir=runs/pendulum --output=serving/pendulum/1

--output is a new or empty folder; its last part is the version number that TF Serving looks for.
--format=onnx writes encoder.onnx, decoder.onnx and score.onnx there, --format=litert the same for
devices. A model card with the run's report and data is in it.
"""

import json

from absl import flags

from trainers import cli

flags.adopt_module_key_flags(cli)
OUTPUT = flags.DEFINE_string("output", None, "New or empty folder for what is written.")
FORMAT = flags.DEFINE_enum(
    "format", "saved_model", ["saved_model", "onnx", "litert"], "For TF Serving, ONNX or LiteRT."
)
flags.mark_flag_as_required("output")


def main(config, workdir):
    """Exports, and says where to."""
    write(config, workdir, OUTPUT.value, FORMAT.value)
    print(f"{FORMAT.value} written to {OUTPUT.value}")


def write(config, workdir, output, format):
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


def card_entries(config, workdir) -> dict:
    """What the model card says of a run: `metrics`, its report, and `data`, from its config."""
    report = workdir / "report.json"
    metrics = json.loads(report.read_text()) if report.exists() else None
    return {"metrics": metrics, "data": config.data.to_dict()}


if __name__ == "__main__":
    cli.run(main)
