"""Exports the model of a training run as a SavedModel for TF Serving; see `tfvae.export`.

    python -m trainers.export --workdir=runs/pendulum --output=serving/pendulum/1

--output is a new or empty folder; its last part is the version number that TF Serving looks for.
"""

from absl import flags

from trainers import cli

flags.adopt_module_key_flags(cli)
OUTPUT = flags.DEFINE_string("output", None, "New or empty folder for the SavedModel.")
flags.mark_flag_as_required("output")


def main(config, workdir):
    """Exports, and says where to."""
    from trainers import training

    training.export_saved(workdir, OUTPUT.value)
    print(f"SavedModel written to {OUTPUT.value}")


if __name__ == "__main__":
    cli.run(main)
