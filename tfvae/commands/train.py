"""Trains the model of a config, and writes the model, its report and its figures to a folder.

    tfvae train --config=vhp_vae:pendulum --workdir=runs/pendulum

`tfvae list configs` shows the configs of the package, with the data sets that may follow the
colon. --config=path/to/own.py:DATASET takes a file of your own, with a function
get_config(dataset). Such a file is a Python program that is run, unlike all other files that the
commands read.

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
config.batch_size is the batch of all devices together. The folder trainers/clusters of the
repository has examples for SLURM and Kubernetes.
"""

import argparse

from tfvae._checks import number
from tfvae.commands import parsing
from tfvae.experiments import strategies


def add_arguments(parser: parsing.Parser) -> None:
    """--config, --workdir, --strategy and --worker_timeout."""
    parsing.add_config(parser)
    add = parser.add_argument
    add(
        "--strategy",
        choices=strategies.NAMES,
        default="one",
        help="Where to train: one (device), mirrored (all GPUs) or multi_worker; default: one.",
    )
    add("--worker_timeout", type=number, default=600.0, help="Seconds to wait for other workers.")


def run(options: argparse.Namespace) -> None:
    """Trains, and prints the report."""
    strategy = strategies.strategy(options.strategy, options.worker_timeout)

    from tfvae.experiments import report, training

    _, lines = training.run(options.config, options.workdir, strategy=strategy)
    if not lines:  # The first worker has the report.
        return
    title = f"Test data; figures and files are in {options.workdir}"
    print(f"\n{report.table(title, lines)}")
