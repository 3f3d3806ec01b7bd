"""The tables of a sweep: every run, and means over the seeds, as CSV, Markdown and LaTeX."""

import csv
import io
import math
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfvae._files import write_text
from tfvae.evaluation.tables import escaped, markdown
from tfvae.experiments.errors import UserError
from tfvae.experiments.sweeps import latex
from tfvae.experiments.sweeps.plan import METRICS, TRADEOFF, Sweep, Trial
from tfvae.experiments.sweeps.study import Outcome

# Beginnings of the names of metrics of which more is better; of the others less is.
HIGHER = (
    "ELBO",
    "log-likelihood",
    "accuracy",
    "majority accuracy",
    "prior samples where data are",
    "active units",
    "mutual information gap",
    "modularity",
    "disentanglement",
    "completeness",
    "informativeness",
)


class Mean(NamedTuple):
    """A mean and its standard error, s / √n with s² = Σ (xᵢ − x̄)² / (n − 1).

    Attributes:
        value: the mean x̄.
        error: its standard error; NaN for n = 1.
        n: number of values.
    """

    value: float
    error: float
    n: int

    def __str__(self) -> str:
        """Returns "−12.34 ± 0.56": the error with two digits, the mean as far as these."""
        if not math.isfinite(self.error) or not self.error:
            return f"{self.value:.5g}"
        places = max(0, 1 - math.floor(math.log10(float(f"{self.error:.1e}"))))
        return f"{self.value:.{places}f} ± {self.error:.{places}f}"


class Row(NamedTuple):
    """A setting of a sweep, over its seeds.

    Attributes:
        label: name of the config.
        settings: values of the keys of the grid.
        means: a `Mean` for each metric that its reports have.
        n: number of runs that did not fail.
        errors: messages of the runs that failed.
    """

    label: str
    settings: dict[str, Any]
    means: dict[str, Mean]
    n: int
    errors: tuple[str, ...]


def mean(values: Iterable[float]) -> Mean:
    """Returns the mean of values, one for each seed, with its standard error.

    Example:
        >>> from tfvae.experiments.sweeps import mean
        >>> print(mean([1.0, 2.0, 3.0]))
        2.00 ± 0.58
    """
    x = np.asarray(list(values), "float64")
    error = np.std(x, ddof=1) / np.sqrt(len(x)) if len(x) > 1 else np.nan
    return Mean(float(np.mean(x)), float(error), len(x))


def find_metric(beginning: str, known: Iterable[str]) -> str:
    """Returns the one name that is, or begins with, a text.

    Raises:
        UserError: if none or several do.
    """
    known = list(known)
    found = [name for name in known if name == beginning] or [
        name for name in known if name.startswith(beginning)
    ]
    if len(found) != 1:
        numbers = f"{len(found)} names of the reports begin so" if found else "no name does"
        raise UserError(
            f"--metrics must be names of the reports, or beginnings of one, received "
            f"{beginning!r}; {numbers}. They are {'; '.join(found or known)}."
        )
    return found[0]


class SweepTable:
    """What came out of a sweep.

    Args:
        plan: the sweep.
        trials: its runs.
        outcomes: how they ended, by name; runs without an outcome are left out.

    Attributes:
        rows: a `Row` for each setting, sorted by the first metric, the best first. Settings whose
            runs all failed are last.
        metrics: names of the metrics, those of the plan in full.
        units: units of the metrics by name.

    Raises:
        UserError: if no or several metrics have a name that the plan gives.
    """

    def __init__(self, plan: Sweep, trials: Sequence[Trial], outcomes: Mapping[str, Outcome]):
        self._ended = [(trial, outcomes[trial.name]) for trial in trials if trial.name in outcomes]
        known: dict[str, str] = {}
        for _, outcome in self._ended:
            numbers = (k for k, v in outcome.metrics.items() if not isinstance(v, str))
            known |= {name: outcome.units[name] for name in numbers}
        self.metrics = _chosen(plan.metrics, METRICS, known)
        self.tradeoff = _chosen(plan.tradeoff, TRADEOFF, known)
        self.units = {name: self._unit(name) for name in known}
        self.keys = list(plan.grid)
        self.seeds = list(plan.seeds)
        self._rows = [*self._grouped()]
        self.rows = self._sorted()

    def in_order(self) -> list[Row]:
        """Returns the rows in the order of the plan."""
        return list(self._rows)

    def named(self, metric: str) -> str:
        """Returns the name of a metric with its unit, as "rate, nats"."""
        return ", ".join(filter(None, (metric, self.units[metric])))

    def write(self, workdir: str | os.PathLike[str]) -> None:
        """Writes table.csv, table.md and table.tex."""
        workdir = pathlib.Path(workdir)
        write_text(workdir / "table.csv", self.to_csv())
        write_text(workdir / "table.md", f"{self.to_markdown()}\n")
        write_text(workdir / "table.tex", self.to_latex())

    def to_csv(self) -> str:
        """Returns the means over the seeds as CSV, in full precision."""
        pairs = [text for name in self.metrics for text in (name, f"standard error of {name}")]
        rows = [["config", *self.keys, "n", *pairs, "failed"]]
        for row in self.rows:
            values = [v for name in self.metrics for v in row.means.get(name, ("", "", 0))[:2]]
            values = ["" if v != v else v for v in values]
            rows.append([*self._settings(row), row.n, *values, "; ".join(row.errors)])
        return _csv(rows)

    def to_markdown(self) -> str:
        """Returns the means over the seeds as Markdown, with their units and the failures."""
        head = ["config", *map(short, self.keys), "n", *map(self._named, self.metrics)]
        rows = [
            [*self._settings(row), row.n, *(self._cell(row, name) for name in self.metrics)]
            for row in self.rows
        ]
        failures = [f"- {escaped(line)}" for line in self._failures()]
        return "\n".join([markdown(head, rows), "", self._caption(), *failures])

    def to_latex(self) -> str:
        """Returns the means over the seeds as a table of LaTeX, for the package booktabs."""
        head = ["config", *map(short, self.keys), "$n$", *map(self._named, self.metrics)]
        rows = [
            [*self._settings(row), str(row.n), *(self._cell(row, name) for name in self.metrics)]
            for row in self.rows
        ]
        caption = " ".join([self._caption(), *self._failures()])
        return latex.table(head, rows, caption, left=1)

    def __str__(self) -> str:
        return self.to_markdown()

    def _grouped(self):
        groups: dict = {}
        for trial, outcome in self._ended:
            key = (trial.label, tuple((k, word(v)) for k, v in trial.settings.items()))
            groups.setdefault(key, []).append((trial, outcome))
        for (label, _), members in groups.items():
            good = [outcome.metrics for _, outcome in members if not outcome.error]
            means = {}
            for name in self.units:
                values = [metrics[name] for metrics in good if name in metrics]
                if values:
                    means[name] = mean(values)
            errors = tuple(dict.fromkeys(o.error for _, o in members if o.error))
            yield Row(label, members[0][0].settings, means, len(good), errors)

    def _sorted(self):
        first = self.metrics[0] if self.metrics else ""
        sign = -1.0 if is_higher_better(first) else 1.0

        def key(row):
            return sign * row.means[first].value if first in row.means else math.inf

        return sorted(self._rows, key=key)

    def _unit(self, name):
        """The unit, without what is said of it after a comma, such as numbers of samples."""
        units = {o.units[name].partition(",")[0] for _, o in self._ended if name in o.units}
        # What is longer explains, and is no unit.
        unit = units.pop() if len(units) == 1 else ""
        return unit if len(unit) <= 24 else ""

    def _named(self, name):
        return f"{name} [{self.units[name]}]" if self.units[name] else name

    def _settings(self, row):
        return [row.label, *(word(row.settings.get(key)) for key in self.keys)]

    def _cell(self, row, name):
        if name in row.means:
            return str(row.means[name])
        return "–" if row.n else "failed"

    def _caption(self):
        numbers = sorted({row.n for row in self.rows if row.n})
        n = f"n = {numbers[0]}" if len(numbers) == 1 else "n in the table"
        seeds = ", ".join(map(str, self.seeds))
        if len(self.seeds) == 1:  # There is no standard error.
            return f"Numbers of one run each, with the seed {seeds}."
        return f"Means ± standard errors over the seeds {seeds}; {n}."

    def _failures(self):
        told = []
        for row in self.rows:
            settings = ", ".join(f"{short(k)} {word(v)}" for k, v in row.settings.items())
            where = f"{row.label}, {settings}" if settings else row.label
            told += [f"Failed, {where}: {_sentence(error)}" for error in row.errors]
        return told


def write_runs(
    plan: Sweep,
    trials: Sequence[Trial],
    outcomes: Mapping[str, Outcome],
    workdir: str | os.PathLike[str],
) -> None:
    """Writes results.csv: every run that has ended, with all that its report says."""
    ended = [(trial, outcomes[trial.name]) for trial in trials if trial.name in outcomes]
    names: dict[str, None] = {}
    for _, outcome in ended:
        names |= dict.fromkeys(outcome.metrics)
    rows = [["config", *plan.grid, "seed", "run", *names, "seconds", "failed"]]
    for trial, outcome in ended:
        settings = [word(trial.settings.get(key)) for key in plan.grid]
        values = [outcome.metrics.get(name, "") for name in names]
        seconds = "" if math.isnan(outcome.seconds) else outcome.seconds
        own = [trial.label, *settings, trial.seed, trial.name]
        rows.append([*own, *values, seconds, outcome.error])
    write_text(pathlib.Path(workdir) / "results.csv", _csv(rows))


def _chosen(names: Sequence[str], default: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Metrics in full; of the default those that the reports have."""
    if tuple(names) == tuple(default):
        return [name for name in names if name in known]
    return [find_metric(name, known) for name in names] if known else []


def is_higher_better(name: str) -> bool:
    """Whether more of a metric is better."""
    return name.startswith(HIGHER)


def short(key: str) -> str:
    """Returns the last part of a key as words."""
    return key.rsplit(".", 1)[-1].replace("_", " ")


def word(value: Any) -> str:
    """Returns a value of a setting as a cell; "–" for a config that does not have the key."""
    if value is None:
        return "–"
    return " × ".join(map(str, value)) if isinstance(value, (list, tuple)) else f"{value}"


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _csv(rows: list[list[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()
