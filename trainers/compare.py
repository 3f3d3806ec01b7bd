"""Trains several models on the same data, and prints how they compare.

    python -m trainers.compare --workdir=runs/pendulum --configs=A,B

A and B are configs such as trainers/configs/vhp_vae.py:pendulum. Each run gets a folder in
--workdir, named after its model, with all the files of `trainers.train`. --workdir gets
comparison.md, comparison.json and violins of the flatness reports. Models with two latent
dimensions also get maps with curves of equal distance. The same command again resumes each run
after its last finished epoch.
"""

from __future__ import annotations

import json
import pathlib
import sys
from typing import TYPE_CHECKING

import numpy as np
from absl import app, flags
from ml_collections import config_dict

from trainers import cli, config_file

if TYPE_CHECKING:
    from tfvae.evaluation import FlatnessReport

CONFIGS = flags.DEFINE_list(
    "configs", None, "Config files with data sets, as for trainers.train, separated by commas."
)
EPOCHS = flags.DEFINE_integer("epochs", None, "Epochs of every run; default: its config's.")
flags.adopt_module_key_flags(cli)

# The lines of the reports to compare. Each run's own report has the others.
SHOWN = (
    "ELBO",
    "rate",
    "constraint",
    "log-likelihood",
    "KL(aggregated posterior ‖ prior)",
    "prior samples where data are",
    "graph path, farthest from data",
)
# Number of test examples whose encodings the maps show.
POINTS = 1500


def main(argv: list[str]) -> None:
    """Trains, and prints the comparison."""
    cli.check_no_arguments(argv)
    compare(_configs(CONFIGS.value or [], EPOCHS.value), pathlib.Path(cli.WORKDIR.value))


def _configs(specs: list[str], epochs: int | None) -> dict[str, config_dict.ConfigDict]:
    if len(specs) < 2:
        raise cli.UserError(
            f"--configs must name at least two configs, separated by commas, received {len(specs)}."
        )
    configs = {}
    for spec in specs:
        config = cli.load_config(spec)
        if epochs is not None:
            config.epochs = epochs
        if config.model.name in configs:
            raise cli.UserError(
                f"--configs must be different models, received {config.model.name} twice."
            )
        configs[config.model.name] = config
    first, *others = configs.values()
    for other in others:
        parts = (config_dict.create(data=config.data) for config in (first, other))
        differences = config_file.differences(*parts)
        if first.report.num_samples != other.report.num_samples:
            differences.append("report.num_samples")
        if differences:
            raise cli.UserError(
                f"--configs must have the same data, received {'; '.join(differences)}."
            )
    return configs


def compare(
    configs: dict[str, config_dict.ConfigDict], workdir: pathlib.Path
) -> dict[str, FlatnessReport]:
    """Trains the models of `configs`, writes the comparison, and returns the flatness reports.

    Args:
        configs: configs by the name of the model.
        workdir: folder of the comparison and of the runs.
    """
    import tfvae.evaluation
    from tfvae._files import write_text
    from tfvae.evaluation.tables import escaped, markdown
    from trainers import experiment, figures, training

    lines, models = {}, {}
    for name, config in configs.items():
        print(f"\n== {name} ==", flush=True)
        models[name], lines[name] = training.run(config, workdir / name)
    print("\n== comparison ==", flush=True)
    config = next(iter(configs.values()))
    x, labels = figures.examples(experiment.test_data(config), config)
    reports = {
        name: tfvae.evaluation.flatness(
            model, x, y=experiment.labels_for(model, labels, config), seed=config.seed
        )
        for name, model in models.items()
    }
    rows = _rows(lines, reports)
    table = [[shown, *map(float, values), unit] for shown, unit, values in rows]
    text = markdown(["", *models, "unit"], table)
    write_text(workdir / "comparison.md", f"# {escaped(config.data.name)}\n\n{text}\n")
    plain = [{"name": n, "unit": u, **dict(zip(models, v, strict=True))} for n, u, v in rows]
    write_text(workdir / "comparison.json", json.dumps(plain, indent=2, ensure_ascii=False) + "\n")
    _draw(models, reports, x[:POINTS], None if labels is None else labels[:POINTS], config, workdir)
    print(f"{text}\n\nFigures and files are in {workdir}")
    return reports


def _draw(
    models: dict,
    reports: dict,
    x: np.ndarray,
    labels: np.ndarray | None,
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
) -> None:
    """Writes the violins, and the map of each model with two latent dimensions."""
    import tfvae.plots
    from trainers import figures

    violins = tfvae.plots.violins(reports)
    figures.save(violins, workdir / "violins.png")
    for name, model in models.items():
        if model.latent_dim != 2:
            continue
        figure = tfvae.plots.equidistance(
            model,
            x,
            labels,
            coloring=config.report.coloring,
            label_name=config.report.label_name,
            seed=config.seed,
        )
        figures.save(figure, workdir / f"equidistance_{name}.png")


def _rows(lines: dict, reports: dict) -> list[tuple[str, str, list]]:
    """Returns the rows of the comparison: name, unit, and a value for each model."""
    tables = [{line.name: line for line in lines[name]} for name in lines]
    rows = [
        (shown, tables[0][shown].unit, [table[shown].value for table in tables]) for shown in SHOWN
    ]
    for report_lines in zip(*(report.lines() for report in reports.values()), strict=True):
        first = report_lines[0]
        if first.name != "geodesics":
            rows.append((first.name, first.unit, [line.value for line in report_lines]))
    seconds = [table["time, training"].value for table in tables]
    return [*rows, ("time, training", "s, this run", seconds)]


if __name__ == "__main__":
    try:
        app.run(main, flags_parser=cli.parse_flags)
    except cli.UserError as error:
        sys.exit(f"error: {error}")
