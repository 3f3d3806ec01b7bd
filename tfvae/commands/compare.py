"""Trains several models on the same data, and prints how they compare.

    tfvae compare --configs=vhp_vae:pendulum,flat_manifold_vae:pendulum --workdir=runs/pendulum

Each run gets a folder in --workdir, named after its model, with all the files of `tfvae train`.
--workdir gets comparison.md, comparison.json and violins of the flatness reports. Models with two
latent dimensions also get maps with curves of equal distance. --config.KEY=VALUE sets a key in all
runs, such as --config.report.num_samples=10. The same command again resumes each run after its last
finished epoch.
"""

import argparse

from tfvae._checks import whole_number
from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """--configs, --epochs, keys and --workdir."""
    parser.add_argument(
        "--configs",
        required=True,
        metavar="A,B",
        help="Names of configs, as for `tfvae train`, separated by commas.",
    )
    parser.add_argument(
        "--epochs", type=whole_number, help="Epochs of every run; default: its config's."
    )
    parser.set_defaults(keys={})
    parsing.add_workdir(parser, "Folder of the comparison and of the runs.")


def run(options: argparse.Namespace) -> None:
    """Trains, and prints the comparison."""
    from tfvae.experiments import comparison

    names = [name for name in options.configs.split(",") if name]
    comparison.compare(comparison.configs_of(names, options.epochs, options.keys), options.workdir)
