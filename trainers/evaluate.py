"""Evaluates a trained model on the test data of its config, and writes the report anew.

    python -m trainers.evaluate --workdir=runs/pendulum --config.report.num_samples=5000

--workdir is the folder of a training run, whose config.json is read. What can be set here is how
the report is made (--config.report.num_samples, --config.report.num_examples), and where data lie
(--config.data.path, --config.data.data_dir).
"""

from absl import flags

from trainers import cli

flags.adopt_module_key_flags(cli)


def main(config, workdir):
    """Evaluates, and prints the report."""
    from trainers import report, training

    lines = training.evaluate(config, workdir)
    print(f"\n{report.table('Test data', lines)}")


if __name__ == "__main__":
    cli.run(main)
