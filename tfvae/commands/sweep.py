r"""Trains many runs: configs, values of their keys, seeds; and makes one table of them.

    tfvae sweep --configs=vhp_vae:digits,vae:digits --seeds=0,1 --workdir=runs/sweep \
        --grid.model.latent_dim=2,4 --grid.optimizer.learning_rate=1e-3,3e-4 --config.epochs=20

Each combination is a run of `tfvae train` with a folder of its own in --workdir: here 2 configs × 2
× 2 values × 2 seeds. --grid.KEY=A,B gives a key several values, with tuples in brackets:
--grid.model.encoder.hidden="(256,256),(64,)". --config.KEY=VALUE sets a key in all runs. A key that
some of the configs do not have is set in the others.

The same command again goes on where it was stopped. Finished runs are not run again; those of a
worker that was killed resume from their last checkpoint. --grid, --seeds and --metrics may change,
which adds runs; other keys may not. A run that fails is told in the tables, with the reason, and
the others go on; --retry_failed runs it again.

--workdir gets results.csv (every run), table.csv, table.md and table.tex (mean ± standard error
over the seeds, for the package booktabs), and figures/ as PNG, SVG and PDF: rate_distortion, and
the Pareto front of --tradeoff. Each run's log.txt has what it printed.

Many machines work on one sweep if each is given the same command with --storage=URL, the URL of a
database: postgresql://user@host/name or mysql://user@host/name. Runs resume on another machine if
--workdir is on a disk that all of them see; else they begin anew there.

--file=digits_models runs a sweep of the package, --file=path/to/own.toml one of yours:

    configs = ["vae:digits", "vhp_vae:digits"]
    seeds = [0, 1, 2]

    [config]
    epochs = 20

    [grid]
    model.latent_dim = [2, 4]
    model.encoder.hidden = [[256, 256], [64]]

It may have metrics and tradeoff, too. What the command line gives replaces what the file says.
"""

import argparse

from tfvae._checks import whole_number
from tfvae.commands import parsing


def add_arguments(parser: parsing.Parser) -> None:
    """--configs, --file, --seeds, --workdir and how the runs are run."""
    add = parser.add_argument
    add("--configs", metavar="A,B", help="Names of configs, as for `tfvae train`, with commas.")
    add("--file", metavar="NAME", help="A sweep of the package, or a file of yours (TOML).")
    add("--seeds", metavar="0,1", help="Seeds, with commas; default: 0.")
    parsing.add_workdir(parser, "Folder of the sweep and of its runs. It resumes from them.")
    add(
        "--workers",
        type=whole_number,
        metavar="N",
        help="Processes on this machine, each with its share of the cores; 0: none, one run after "
        "the other. Default: half the cores, at most 8.",
    )
    add("--storage", metavar="URL", help="Database of the sweep; default: SQLite in --workdir.")
    add("--name", help="Name of the sweep in --storage; default: that of --workdir.")
    add("--retry_failed", action="store_true", help="Runs again what has failed.")
    add(
        "--metrics",
        metavar="A,B",
        help="What the tables show, and sort by (the first): names in the reports, or how one of "
        "them begins. Default: ELBO, rate, distortion, constraint, log-likelihood, prior fit.",
    )
    add("--tradeoff", metavar="A,B", help="Axes of the Pareto front; default: error, prior fit.")
    parser.set_defaults(keys={}, grid={})


@parsing.user_errors()
def run(options: argparse.Namespace) -> None:
    """Runs the sweep, and prints its table."""
    from tfvae.experiments import sweeps

    arguments = sweeps.read(options.file) if options.file else {}
    for name in ("configs", "metrics", "tradeoff"):
        if getattr(options, name) is not None:
            arguments[name] = sweeps.split(getattr(options, name))
    if options.seeds is not None:
        arguments["seeds"] = [whole_number(text) for text in sweeps.split(options.seeds)]
    if not arguments.get("configs"):
        raise parsing.UserError(
            "--configs is missing. Give it, e.g. --configs=vae:digits,vhp_vae:digits, or a --file."
        )
    grid = {key: sweeps.split(text) for key, text in options.grid.items()}
    arguments["grid"] = {**arguments.get("grid", {}), **grid}
    arguments["keys"] = {**arguments.get("keys", {}), **options.keys}
    table = sweeps.sweep(
        sweeps.Sweep(**arguments),
        options.workdir,
        workers=options.workers,
        storage=options.storage,
        name=options.name,
        retry_failed=options.retry_failed,
    )
    print(f"\n{table}\n\nTables and figures are in {options.workdir}")
