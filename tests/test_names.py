"""One name for each latent, counted from 0, and one error for a package that is missing."""

import ast
import pathlib
import re

import numpy as np
import pytest

import tfvae
from tfvae import _checks, _names

ROOT = pathlib.Path(tfvae.__file__).parents[1]
SOURCES = [*ROOT.glob("tfvae/**/*.py"), *ROOT.glob("trainers/**/*.py")]


def test_names():
    assert (_names.latent(0), _names.discrete(2)) == ("z_0", "d_2")
    assert _names.category(0, 3) == "d_0 = 3"
    assert _names.in_figure("d_0 = 3") == "$d_{0}$ = 3" and _names.in_figure("z_10") == "$z_{10}$"
    assert _names.in_figure("x_position, scale_2") == "x_position, scale_2"


def test_reports_and_figures_have_the_same_names():
    rng = np.random.default_rng(0)
    factors = rng.integers(3, size=(60, 2))
    report = tfvae.evaluation.disentanglement_scores(
        factors + 0.1 * rng.normal(size=(60, 2)), factors, categories=factors[:, :1]
    )
    assert report.latents == ("z_0", "z_1", "d_0")
    figure = tfvae.plots.latents_against_factors(report.matrix, report.latents, report.factors)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["$z_{0}$", "$z_{1}$", "$d_{0}$"]
    numbers = rng.uniform(size=3)
    posterior = tfvae.evaluation.PosteriorReport(*[numbers] * 3)
    assert {"z_0", "z_1", "z_2"} <= set(re.findall(r"^\w+", posterior.by_dimension(), re.MULTILINE))


def test_no_other_place_makes_such_names():
    """f"z[{i}]", f"$z_{{{i + 1}}}$" and the like."""
    own = re.compile(r"""["'$ ][zd](\[\{|_\{\{\{|_\{[a-z])""")
    for path in SOURCES:
        if path.name != "_names.py":
            for number, line in enumerate(path.read_text().splitlines(), 1):
                assert not own.search(line), f"{path}:{number}"


def test_a_missing_package_is_an_import_error_that_says_what_to_install():
    message = "Drawing needs the package nobody_has, which is not installed. Run `pip install x`."
    with pytest.raises(ImportError, match=re.escape(message)):
        _checks.package("nobody_has", "Drawing", "x")
    # Brackets mean something to zsh.
    for extra in ("tfvae[x]", "'tfvae[x]'"):
        with pytest.raises(ImportError, match=r"Run `pip install 'tfvae\[x\]'`\."):
            _checks.package("nobody_has", "Drawing", extra)
    assert _checks.package("json", "Drawing", "x").dumps([]) == "[]"


def test_one_place_catches_missing_packages():
    """Beam is apart: its workers have no tfvae. Windows has no locks of POSIX.

    A run goes on without the package that writes event files. A network by dotted name is the
    user's own.
    """
    found = {
        path.name
        for path in ROOT.glob("tfvae/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and "except ImportError" in ast.unparse(node)
    }
    assert found == {"_checks.py", "_installed.py", "_lock.py", "own_networks.py", "training.py"}


def test_loading_a_file_never_runs_code(tmp_path):
    """No pickle, no unsafe mode of Keras, anywhere."""
    calls = re.compile(r"allow_pickle\s*=\s*True|safe_mode\s*=\s*False|\bpickle\.loads?\(|\beval\(")
    for path in SOURCES:
        assert not calls.search(path.read_text()), path


def test_span_of_values():
    assert _checks.span(0.0, 2.5) == "values from 0 to 2.5"
    assert _checks.span(np.inf, -np.inf) == "no finite value"
    found = _checks.span_of(np.array([np.nan, 3.0, -1.0]))
    assert found == "values from -1 to 3, with NaN or infinities"
    assert _checks.span_of(np.array([np.inf])) == "no finite value, with NaN or infinities"


def test_no_two_test_files_have_one_name():
    """Pytest could collect neither of them, and a part of the suite alone would not show it."""
    names = [path.name for path in pathlib.Path(__file__).parent.rglob("test_*.py")]
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


def test_commands_of_pip_quote_extras():
    """zsh takes brackets for a pattern."""
    for path in SOURCES:
        assert not re.search(r"pip install [\w.]*\[", path.read_text()), path
