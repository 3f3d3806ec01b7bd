"""Progress bars: where they are shown, and that all long functions take the same argument."""

import inspect
import io
import sys
import types

import pytest

import tfvae
from tfvae import _progress


def shown(capsys, verbose, total=3):
    with _progress.progress(total, verbose, "metric") as add:
        for _ in range(3):
            add(1)
    return capsys.readouterr().out


def test_shown_or_not(capsys):
    assert "3/3" in shown(capsys, 1) and shown(capsys, 1).endswith("\n")
    assert shown(capsys, 1, total=None).endswith("\n")
    assert shown(capsys, 0) == ""


@pytest.mark.parametrize("watched", [True, False])
def test_auto_waits_and_is_silent_in_a_pipe(capsys, monkeypatch, watched):
    monkeypatch.setattr(_progress, "is_watched", lambda: watched)
    assert shown(capsys, "auto") == ""
    monkeypatch.setattr(_progress, "PATIENCE", -1.0)
    assert ("3/3" in shown(capsys, "auto")) == watched


def test_a_notebook_is_watched_and_a_program_that_imports_its_kernel_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not _progress.is_watched()
    # What a notebook prints to, by the name of its class.
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})
    monkeypatch.setattr(sys, "stdout", stream())
    assert _progress.is_watched()


def test_bad_verbose():
    message = "`verbose` must be one of 'auto', 0, 1, 2, received 'yes'"
    with pytest.raises(ValueError, match=message), _progress.progress(3, "yes"):
        pass


@pytest.mark.parametrize(
    "function",
    [
        tfvae.VAE.log_likelihood,
        tfvae.evaluation.disentanglement,
        tfvae.evaluation.disentanglement_scores,
        tfvae.evaluation.equivariance,
        tfvae.evaluation.flatness,
        tfvae.evaluation.log_likelihood,
        tfvae.evaluation.prior_fit,
        tfvae.geometry.distance_matrix,
        tfvae.geometry.geodesics,
    ],
)
def test_long_functions_have_one_convention(function):
    assert inspect.signature(function).parameters["verbose"].default == "auto"


def test_lines_for_files(capsys):
    with _progress.progress(40, 2) as add:
        for _ in range(20):
            add(2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == [f"{n}/40" for n in range(4, 41, 4)]
