"""Evaluates a trained model on the test data of its config, and rewrites the report.

    tfvae evaluate --workdir=runs/pendulum --config.report.num_samples=5000

--workdir is the folder of a training run; its config.json is read. These keys can be changed:
--config.report.num_samples, --config.report.num_examples, --config.data.path and
--config.data.data_dir.
"""

import argparse

from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """--config and --workdir."""
    parsing.add_config(parser)


def run(options: argparse.Namespace) -> None:
    """Evaluates, and prints the report."""
    from tfvae.experiments import report, training

    lines = training.evaluate(options.config, options.workdir)
    print(f"\n{report.table('Test data', lines)}")
