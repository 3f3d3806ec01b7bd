"""Models that are trained side by side on the same data, and how they compare."""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from ml_collections import config_dict

import tfvae.evaluation
import tfvae.plots
from tfvae._files import write_text
from tfvae.evaluation import FlatnessReport
from tfvae.evaluation.tables import escaped, markdown
from tfvae.experiments import config_file, figures, loading, run_data, training
from tfvae.experiments.errors import UserError

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


def configs_of(
    specs: Sequence[str], epochs: int | None = None, keys: Mapping[str, str] | None = None
) -> dict[str, config_dict.ConfigDict]:
    """Returns the configs of several names, by the name of their model.

    Args:
        specs: names of configs, as for `load_config`.
        epochs: of every run; None: each config's own.
        keys: values of keys in all configs, as for `load_config`.

    Raises:
        UserError: if a name is unknown, there are less than two, two have the same model, or their
            data differ.
    """
    if len(specs) < 2:
        raise UserError(
            f"--configs must name at least two configs, separated by commas, received {len(specs)}."
        )
    configs = {}
    for spec in specs:
        config = loading.load_config(spec, keys)
        if epochs is not None:
            config.epochs = epochs
        if config.model.name in configs:
            raise UserError(
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
            raise UserError(
                f"--configs must have the same data, received {'; '.join(differences)}."
            )
    return configs


def compare(
    configs: Mapping[str, config_dict.ConfigDict], workdir: str | os.PathLike[str]
) -> dict[str, FlatnessReport]:
    """Trains the models of `configs`, writes the comparison, and returns the flatness reports.

    Args:
        configs: configs by the name of the model.
        workdir: folder of the comparison and of the runs.

    Raises:
        UserError: as `run`.

    Example:
        >>> from tfvae import experiments
        >>> names = {"VAE": "vae:digits", "VHPVAE": "vhp_vae:digits"}
        >>> configs = {model: experiments.load_config(name) for model, name in names.items()}
        >>> experiments.compare(configs, "runs/digits")                        # doctest: +SKIP
    """
    workdir = pathlib.Path(workdir)
    lines, models = {}, {}
    for name, config in configs.items():
        print(f"\n== {name} ==", flush=True)
        models[name], lines[name] = training.run(config, workdir / name)
    print("\n== comparison ==", flush=True)
    config = next(iter(configs.values()))
    x, labels = figures.examples(run_data.test_data(config), config)
    reports = {
        name: tfvae.evaluation.flatness(
            model, x, y=run_data.labels_for(model, labels, config), seed=config.seed
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
