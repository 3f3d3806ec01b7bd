"""The tables of sweeps: statistics against NumPy, escapes, order, and the figures' files."""

import csv
import io
import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from markdown_it import MarkdownIt
from scipy import stats

from tfvae.experiments import UserError, sweeps
from tfvae.experiments.sweeps import drawing, latex, mean, tables
from tfvae.experiments.sweeps.plan import Sweep
from tfvae.experiments.sweeps.study import Outcome

ODD = 'a_b & 50% of #1 {x} ~ ^ \\ $y$, "q"\n| κ ‖ λ'


def outcome(name, metrics, error=""):
    units = {"ELBO": "nats", "rate": "nats", "log-likelihood": "nats, 5 examples, 3 samples each"}
    return Outcome(name, metrics, {k: units.get(k, "") for k in metrics}, 1.0, error)


def table_of(plan, numbers, failures=()):
    """A table in which each run has ELBO and rate from a function of (settings, seed)."""
    trials = plan.trials()
    outcomes = {}
    for trial in trials:
        if trial.name in failures:
            outcomes[trial.name] = outcome(trial.name, {}, failures[trial.name])
        else:
            outcomes[trial.name] = outcome(trial.name, numbers(trial))
    return tables.SweepTable(plan, trials, outcomes), trials, outcomes


def numbers(trial):
    rng = np.random.default_rng([trial.seed, *trial.settings.values()])
    elbo, rate = rng.normal(size=2)
    return {"ELBO": elbo, "rate": rate, "log-likelihood": elbo + 1, "κ reached": "yes"}


PLAN = Sweep(["vae:digits"], {"model.latent_dim": [2, 4, 8]}, seeds=[0, 1, 2, 3, 4])


def test_means_and_standard_errors():
    table, trials, outcomes = table_of(PLAN, numbers)
    assert len(table.rows) == 3 and table.metrics == ["ELBO", "rate", "log-likelihood"]
    for row in table.rows:
        own = [outcomes[t.name].metrics["ELBO"] for t in trials if t.settings == row.settings]
        assert len(own) == 5 == row.n
        np.testing.assert_allclose(row.means["ELBO"].value, np.mean(own), rtol=1e-12)
        np.testing.assert_allclose(row.means["ELBO"].error, stats.sem(own), rtol=1e-12)
    values = [row.means["ELBO"].value for row in table.rows]
    assert values == sorted(values, reverse=True)
    assert [row.settings["model.latent_dim"] for row in table.in_order()] == [2, 4, 8]


def test_one_seed_has_no_standard_error():
    one = mean([3.25])
    assert (one.value, one.n, str(one)) == (3.25, 1, "3.25") and math.isnan(one.error)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-12.3456, 0.0789, "-12.346 ± 0.079"),
        (-12.3456, 0.0999, "-12.35 ± 0.10"),
        (1234.5, 99.7, "1234 ± 100"),
        (1234.5, 12.3, "1234 ± 12"),
        (0.5, 1.5, "0.5 ± 1.5"),
        (0.5, 0.0, "0.5"),
        (1e-7, 2e-9, "0.0000001000 ± 0.0000000020"),
    ],
)
def test_digits_of_means(value, error, text):
    assert str(tables.Mean(value, error, 3)) == text


def test_sorted_by_a_metric_of_which_less_is_better():
    plan = Sweep(PLAN.configs, PLAN.grid, PLAN.seeds, metrics=["rate", "log"])
    table, *_ = table_of(plan, numbers)
    assert table.metrics == ["rate", "log-likelihood"]
    values = [row.means["rate"].value for row in table.rows]
    assert values == sorted(values)


@pytest.mark.parametrize(
    ("name", "message"),
    [("elbo", "no name does. They are ELBO; rate"), ("", "3 names of the reports begin so")],
)
def test_metrics_that_no_report_has(name, message):
    plan = Sweep(PLAN.configs, PLAN.grid, PLAN.seeds, metrics=[name])
    with pytest.raises(UserError, match=message):
        table_of(plan, numbers)


def test_every_run_is_in_the_results(tmp_path):
    _, trials, outcomes = table_of(PLAN, numbers, {PLAN.trials()[0].name: ODD})
    tables.write_runs(PLAN, trials, outcomes, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == [trial.name for trial in trials]
    assert rows[0]["failed"] == ODD and rows[0]["ELBO"] == ""
    for row, trial in zip(rows[1:], trials[1:], strict=True):
        assert float(row["ELBO"]) == outcomes[trial.name].metrics["ELBO"]
        assert (row["seed"], row["model.latent_dim"]) == (
            str(trial.seed),
            str(trial.settings["model.latent_dim"]),
        )
        assert row["κ reached"] == "yes" and row["failed"] == ""


def failing_table():
    """All runs of the first setting fail, and one of the second."""
    failures = {t.name: ODD for t in PLAN.trials()[:5]} | {PLAN.trials()[5].name: "short"}
    return table_of(PLAN, numbers, failures)[0]


def test_csv_in_full_precision():
    table = failing_table()
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert [row["n"] for row in rows[1:]].count("4") + (rows[0]["n"] == "4") == 1
    assert rows[-1]["failed"] == ODD and rows[-1]["ELBO"] == "" and rows[-1]["n"] == "0"
    for row, own in zip(rows[:-1], table.rows[:-1], strict=True):
        assert float(row["ELBO"]) == own.means["ELBO"].value
        assert float(row["standard error of ELBO"]) == own.means["ELBO"].error


def test_markdown_shows_what_was_said():
    text = failing_table().to_markdown()
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<tr>") == 4 and html.count("<td>failed</td>") == 3
    assert "n in the table" in html and "Failed, vae:digits, latent dim 4: short." in html
    assert html.count("<li>") == 2
    assert "a_b &amp; 50% of #1 {x} ~ ^ \\ $y$, &quot;q&quot; | κ ‖ λ" in html


def test_latex_escapes():
    assert latex.escaped("\\{}$&%#_~^") == (
        r"\textbackslash{}\{\}\$\&\%\#\_\textasciitilde{}\textasciicircum{}"
    )
    assert latex.escaped("a\nb\tc\x00") == "a b c "
    assert latex.number("-1.5 ± 0.2") == r"$-1.5 \pm 0.2$" and latex.number("-3") == "$-3$"
    assert latex.number("64 × 64") == r"64 $\times$ 64" and latex.number("–") == "--"
    assert latex.number("a_b ± 0.2") == r"a\_b $\pm$ 0.2"


def test_latex_is_balanced_and_of_known_signs():
    text = failing_table().to_latex()
    assert text.isascii(), {c for c in text if not c.isascii()}
    plain = re.sub(r"\\[\\{}$&%#_]", "", text)
    assert plain.count("{") == plain.count("}") and plain.count("$") % 2 == 0
    rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    cells = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
    assert len(rows) == 3
    assert all(len(re.findall(r"(?<!\\)&", row)) == len(cells) - 1 for row in rows)
    assert "%" not in plain and "#" not in plain and r"\caption{Means" in text


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="LaTeX is not installed")
def test_latex_compiles(tmp_path):
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"
    (tmp_path / "a.tex").write_text(document % failing_table().to_latex())
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_a_caption_has_n():
    assert "n = 5" in str(table_of(PLAN, numbers)[0])
    assert "n = 5" in table_of(PLAN, numbers)[0].to_latex()


def test_a_caption_of_one_seed_promises_no_standard_error():
    table, *_ = table_of(Sweep(PLAN.configs, PLAN.grid, seeds=[3]), numbers)
    for text in (str(table), table.to_latex()):
        assert "Numbers of one run each, with the seed 3." in text
        assert "±" not in text and r"\pm" not in text


def test_the_sweep_of_categories_draws_their_accuracy(tmp_path):
    plan = Sweep(**sweeps.read("digits_categories"))
    accuracies = ["majority accuracy, d_0 as digit", "accuracy, d_0 as digit"]
    names = ["ELBO", "rate", "distortion", "constraint", *accuracies]

    def found(trial):
        return dict(zip(names, np.random.default_rng(trial.seed).uniform(size=6), strict=True))

    table, *_ = table_of(plan, found)
    assert table.tradeoff == ["constraint", "accuracy, d_0 as digit"]
    assert table.metrics[0] == "accuracy, d_0 as digit" and len(table.rows) == 2
    figure = drawing.draw(table, *table.tradeoff, front=True)
    assert figure.axes[0].get_ylabel() == "accuracy, d_0 as digit"


def test_figures_in_three_formats_that_are_the_same_each_time(tmp_path):
    plan = Sweep(PLAN.configs, PLAN.grid, PLAN.seeds, tradeoff=["ELBO", "rate"])

    def with_distortion(trial):
        own = numbers(trial)
        return {**own, "distortion": -own["ELBO"] - own["rate"]}

    table, *_ = table_of(plan, with_distortion)
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        drawing.write(table, folder)
    first = sorted((tmp_path / "a" / "figures").iterdir())
    assert [path.name for path in first] == [
        f"{name}.{ending}"
        for name in ("pareto", "rate_distortion")
        for ending in sorted(drawing.ENDINGS)
    ]
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / "figures" / path.name).read_bytes()
    assert "rate, nats" in (tmp_path / "a" / "figures" / "rate_distortion.svg").read_text()


def test_nothing_is_drawn_of_numbers_that_are_missing(tmp_path):
    drawing.write(table_of(PLAN, numbers)[0], tmp_path)  # no distortion, no prior fit
    assert not (tmp_path / "figures").exists()


def test_public_names():
    assert sweeps.SweepTable is tables.SweepTable and sweeps.files()
