"""Trains the model of a config, and writes all that one wants to know of it to a folder.

    python -m trainers.train --config=trainers/configs/vhp_vae.py:pendulum --workdir=runs/pendulum

Config files: vae.py, iwae.py, vamp_vae.py, vhp_vae.py, flat_manifold_vae.py, topographic_vae.py in
trainers/configs; after the colon the data set: pendulum, digits, mnist, cmu_mocap, coil20, and for
topographic_vae.py digits or mnist. Any key is set on the command line:

    --config.epochs=20  --config.batch_size=256  --config.model.latent_dim=4
    --config.optimizer.learning_rate=5e-4  --config.model.encoder.hidden=512,512
    --config.data.path=DIR           raw files of cmu_mocap and coil20
    --config.data.name=idx           with the data set mnist: IDX files at --config.data.path

The folder gets config.json, checkpoints/, history.csv, logs/ (TensorBoard), model.keras, figures/,
report.md, report.json and serving/1 (a SavedModel for TF Serving).

The same command again goes on after the last finished epoch, with the same result as without the
interruption; once finished, it does the report anew. More epochs than before may be asked for.
"""

from absl import flags

from trainers import cli

flags.adopt_module_key_flags(cli)


def main(config, workdir):
    """Trains, and prints the report."""
    # Imported when the command line is known to be right: TensorFlow takes seconds.
    from trainers import report, training

    _, lines = training.run(config, workdir)
    title = f"Test data; figures and files are in {workdir}"
    print(f"\n{report.table(title, lines)}")


if __name__ == "__main__":
    cli.run(main)
