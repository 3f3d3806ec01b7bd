"""Trains the model of a config, and writes the model, its report and its figures to a folder.

    python -m trainers.train --config=trainers/configs/vhp_vae.py:pendulum --workdir=runs/pendulum

The config files are in trainers/configs; the data set follows the colon. A config file is a Python
program that is run, unlike all other files that the programs read:

    vae.py, beta_vae.py, factor_vae.py, iwae.py, vamp_vae.py, vhp_vae.py, flat_manifold_vae.py:
        pendulum, digits, mnist, cmu_mocap, coil20, sprites, sprites_full (all of dSprites)
    cascade_vae.py, joint_vae.py (models that find categories), adversarial_autoencoder.py,
    conditional_vae.py, semi_supervised_vae.py (models that are given labels):
        digits, mnist, sprites, sprites_full
    topographic_vae.py (a model of sequences):
        digits, mnist
    topographic_published.py (with the published settings, on mnist) has models there:
        tvae, tvae_short, bubble, l0, vae

Any key can be set on the command line:

    --config.epochs=20  --config.batch_size=256  --config.model.latent_dim=4
    --config.optimizer.learning_rate=5e-4  --config.model.encoder.hidden=512,512
    --config.model.penalties.flatness.weight=10  --config.model.discrete.temperature=0.5
    --config.model.discrete.name=    leaves a group out; so does an empty name of a penalty
    --config.data.path=DIR           raw files of cmu_mocap and coil20
    --config.data.name=idx           with the data set mnist: IDX files at --config.data.path

The folder gets config.json, checkpoints/, history.csv, logs/ (TensorBoard), model.keras, figures/,
report.md, report.json and serving/1 (a SavedModel for TF Serving).

The same command again resumes the run after its last finished epoch, with the same result as
without the interruption. A finished run only rewrites its report. --config.epochs may be increased.
SIGTERM and Ctrl-C save within the epoch, and the same command resumes there.

--strategy=mirrored trains on all GPUs of the machine, --strategy=multi_worker on all machines of
TF_CONFIG: run the same command on each, with --workdir on a disk that all of them see.
config.batch_size is the batch of all devices together. trainers/clusters has examples for SLURM and
Kubernetes.
"""

import pathlib

from absl import flags
from ml_collections import config_dict

from trainers import cli

flags.adopt_module_key_flags(cli)
STRATEGY = flags.DEFINE_string(
    "strategy", "one", "Where to train: one (device), mirrored (all GPUs) or multi_worker."
)
TIMEOUT = flags.DEFINE_float("worker_timeout", 600.0, "Seconds to wait for other workers.")


def main(config: config_dict.ConfigDict, workdir: pathlib.Path) -> None:
    """Trains, and prints the report."""
    # Imported after the check of the command line, because TensorFlow takes seconds.
    from trainers import report, strategies, training

    strategy = strategies.strategy(STRATEGY.value, TIMEOUT.value)
    _, lines = training.run(config, workdir, strategy=strategy)
    if not lines:  # The first worker has the report.
        return
    title = f"Test data; figures and files are in {workdir}"
    print(f"\n{report.table(title, lines)}")


if __name__ == "__main__":
    cli.run(main)
