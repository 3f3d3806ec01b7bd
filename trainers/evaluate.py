"""Evaluates a trained model on the test data of its config, and rewrites the report.

    python -m trainers.evaluate --workdir=runs/pendulum --config.report.num_samples=5000

--workdir is the folder of a training run; its config.json is read. These keys can be changed:
--config.report.num_samples, --config.report.num_examples, --config.data.path and
--config.data.data_dir.
"""

import pathlib

from absl import flags
from ml_collections import config_dict

from trainers import cli

flags.adopt_module_key_flags(cli)


def main(config: config_dict.ConfigDict, workdir: pathlib.Path) -> None:
    """Evaluates, and prints the report."""
    from trainers import report, training

    lines = training.evaluate(config, workdir)
    print(f"\n{report.table('Test data', lines)}")


if __name__ == "__main__":
    cli.run(main)
