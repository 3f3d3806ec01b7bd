"""The command line as a user meets it: help, errors without traceback, and a whole run."""

import importlib
import math
import os
import pathlib
import re
import subprocess
import sys

import pytest

import tfvae
from tfvae import commands
from tfvae._checks import number, whole_number
from tfvae.commands import evaluate, infer, parsing, train
from tfvae.commands import list as listing
from tfvae.experiments import UserError, loading, strategies, training
from tfvae.experiments import list_configs as all_configs
from tfvae.plots import training as curves

ROOT = pathlib.Path(tfvae.__file__).parents[1]
CONFIG = "--config=vhp_vae:digits"
FLAT = "--config=flat_manifold_vae:digits"
RUNS = ("train", "evaluate", "export")


def refused(capsys, *arguments):
    """What a command says that it refuses, on stderr."""
    with pytest.raises(SystemExit) as ended:
        commands.main([str(one) for one in arguments])
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == ""
    return said.err


def test_every_command_is_a_module_and_every_module_a_command():
    modules = {path.stem for path in pathlib.Path(commands.__path__[0]).glob("*.py")}
    assert modules == {*commands.COMMANDS, "__init__", "outputs", "parsing"}
    for name in commands.COMMANDS:
        module = importlib.import_module(f"tfvae.commands.{name}")
        assert re.fullmatch(r"[A-Z].*\.", module.__doc__.splitlines()[0])
        assert callable(module.add_arguments) and callable(module.run)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(arguments, capsys):
    commands.main(arguments)
    said = capsys.readouterr().out
    for name in commands.COMMANDS:
        assert re.search(rf"^  {name} +[A-Z].*\.$", said, re.MULTILINE)


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_of_a_command(name, capsys):
    with pytest.raises(SystemExit) as ended:
        commands.main([name, "--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and said.startswith(f"usage: tfvae {name} ")
    assert importlib.import_module(f"tfvae.commands.{name}").__doc__.strip() in said
    assert ("--config NAME:DATASET" in said) == (name in RUNS)


def test_version(capsys):
    commands.main(["--version"])
    assert capsys.readouterr().out == f"tfvae {tfvae.__version__}\n"


def test_an_unknown_command(capsys):
    said = refused(capsys, "trian")
    assert "received 'trian'. Nearest: train" in said and "evaluate" in said
    assert "Nearest" not in refused(capsys, "xyzxyz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([CONFIG, "--config.epohcs=3"], "--config.epohcs is not a known key. Nearest: epochs"),
        ([CONFIG, "--config.model.objective.kapa=3"], "Nearest: model.objective.kappa"),
        ([CONFIG, "--config.modle.objective.kappa=3"], "Nearest: model.objective.kappa"),
        ([CONFIG, "--config.model=3"], "is a group of keys: model.decoder"),
        ([FLAT, "--config.model.penalties.flatness.wait=3"], "model.penalties.flatness.weight"),
        ([CONFIG, "--config.epochs=many"], "--config.epochs must be a whole number, such as"),
        ([CONFIG, "--config.epochs=many"], "such as 200, received 'many'"),
        ([CONFIG, "--config.optimizer.learning_rate=fast"], "must be a number, such as 0.001, rec"),
        (
            [CONFIG, "--config.data.cache=maybe"],
            "must be true or false, such as true, received 'ma",
        ),
        (
            [CONFIG, "--config.model.encoder.hidden=a,b"],
            "must be numbers with commas between them,",
        ),
        ([CONFIG, "--config.epochs=1_0"], "--config.epochs must be in the digits 0 to 9"),
        ([CONFIG, "--config.epochs"], "--config.epochs must have a value: --config.epochs=VALUE"),
        ([CONFIG, "--config.epochs", "--config.seed=1"], "--config.epochs must have a value"),
        ([CONFIG[:-1]], "Did you mean 'digits'?"),
        (["--config=vhp_va:digits"], "Nearest: vhp_vae"),
        (["--config=none.py"], "received no file 'none.py'"),
        (["--config.epochs=3"], "--config is missing"),
        ([CONFIG, "--epochs=3"], "unrecognized arguments: --epochs=3"),
        ([CONFIG, "epochs=3"], "unrecognized arguments: epochs=3"),
        ([CONFIG, "--strategy=tpu"], "invalid choice: 'tpu'"),
        ([CONFIG, "--worker_timeout=6_0"], "invalid number value: '6_0'"),
    ],
)
def test_usage_errors(tmp_path, arguments, message, capsys):
    said = refused(capsys, "train", f"--workdir={tmp_path}", *arguments)
    assert said.startswith("tfvae train: error: ") and message in said
    assert list(tmp_path.iterdir()) == []


def test_workdir_is_needed(tmp_path, capsys):
    assert "required: --workdir" in refused(capsys, "train", CONFIG)
    said = refused(capsys, "train", f"--workdir={tmp_path / 'none'}")
    assert "which does not exist" not in said and "none does not exist. Start a run" in said


@pytest.mark.parametrize(
    ("configs", "message"),
    [("vae:digits", "at least two"), ("vae:digits,vhp_vae:pendulum", "must have the same data")],
)
def test_usage_errors_of_compare(configs, message, tmp_path, capsys):
    arguments = ["compare", f"--configs={configs}", f"--workdir={tmp_path}"]
    assert message in refused(capsys, *arguments)


def test_flags_of_one_command_are_none_of_another(tmp_path, capsys):
    said = refused(capsys, "infer", "--model=a", "--input=b", "--output=c", "--config.epochs=3")
    assert "unrecognized arguments: --config.epochs=3" in said
    assert "unrecognized" in refused(
        capsys, "export", "--workdir=a", "--output=b", "--strategy=one"
    )


def ran(monkeypatch, arguments, command=train):
    """The options that a command is run with."""
    seen = []
    monkeypatch.setattr(command, "run", seen.append)
    commands.main([command.__name__.rsplit(".", 1)[-1], *arguments])
    return seen[0]


def test_keys_of_penalties_and_categories(monkeypatch):
    """What the command line makes of the keys of groups within groups; the order is free."""
    group = "--config.model.penalties.flatness"
    # An empty name, and a value of its own argument.
    arguments = [f"{group}.weight", "10", "--workdir=unused", f"{group}.name=", FLAT]
    options = ran(monkeypatch, arguments)
    penalty = options.config.model.penalties.flatness
    assert (penalty.weight, penalty.name) == (10.0, "") and options.strategy == "one"
    assert options.workdir == pathlib.Path("unused")


def test_the_config_of_an_earlier_run(monkeypatch, tmp_path):
    config = loading.load_config("vhp_vae:digits", {"epochs": "7"})
    training.config_file.write(config, tmp_path / "config.json")
    arguments = [f"--workdir={tmp_path}", "--config.report.num_samples=9"]
    options = ran(monkeypatch, arguments, evaluate)
    assert options.config.epochs == 7 and options.config.report.num_samples == 9


# All ways by which a number gets from text into a run, but the command line of `tfvae train`.
@pytest.mark.parametrize("text", ["1_000", "1_0", "１２", "٣", "²", "0_1", "1_0.5"])
def test_what_is_no_number_anywhere(tmp_path, text):
    for name in ("a", "config.data.size"):
        for value in (text, f"({text}, 3)", f"3,{text}"):
            if text == "²":  # It is no number for Python either.
                continue
            with pytest.raises(UserError, match=f"--{name} must be in the digits 0 to 9"):
                loading.check_digits(name, value)
    for parse in (number, whole_number):
        with pytest.raises(ValueError, match=text):
            parse(text)
    assert math.isnan(curves._number(text))
    assert not strategies._is_address(f"localhost:{text}")
    parser = parsing.Parser("tfvae infer")
    infer.add_arguments(parser)
    with pytest.raises(SystemExit, match="2"):
        parser.parse(["--model=a", "--input=b", "--output=c", f"--seed={text}"])
    history = tmp_path / "history.csv"
    history.write_text(f"epoch,loss\n0,1.0\n{text},2.0\n", encoding="utf-8")
    training.cut_history(history, 2000)
    assert history.read_text().split() == ["epoch,loss", "0,1.0"]


@pytest.mark.parametrize(
    "text", ["32,16", "(32, 16)", "1e-3", "-.5", "nan", "root_1.TX", "a/1_0", ""]
)
def test_other_values_of_flags_are_left_alone(text):
    loading.check_digits("a", text)


def test_ctrl_c_ends_without_traceback(monkeypatch, capsys):
    def stopped(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", stopped)
    with pytest.raises(SystemExit) as ended:
        commands.main(["train", "--workdir=unused", FLAT])
    assert ended.value.code == 130
    assert "the same command again" in capsys.readouterr().out


def test_errors_that_no_user_can_correct_keep_their_traceback(monkeypatch):
    def broken(options):
        raise ValueError("a defect")

    monkeypatch.setattr(train, "run", broken)
    with pytest.raises(ValueError, match="a defect"):
        commands.main(["train", "--workdir=unused", FLAT])


def test_list(capsys):
    commands.main(["list"])
    said = capsys.readouterr().out
    for part in (r"VHPVAE +VHP-VAE \[K19\]", r"digits +\(8, 8, 1\) in \[0, 1\] → digit"):
        assert re.search(f"^  {part}", said, re.MULTILINE)
    assert re.search(r"^  vhp_vae +VHP-VAE: .* \[pendulum, digits, .*\]$", said, re.MULTILINE)


def test_lists_are_whole(capsys):
    from tfvae.datasets import sources
    from tfvae.experiments import sweeps
    from tfvae.experiments.configs import settings

    assert set(sources._OPENERS) < set(listing.datasets())
    models = {name for name in tfvae.__all__ if isinstance(getattr(tfvae, name), type)}
    assert set(listing.models()) == models
    for what, names in (
        ("models", models),
        ("datasets", listing.datasets()),
        ("configs", [one.name for one in all_configs()]),
        ("data", {*settings.DATASETS, *settings.OWN}),
        ("sweeps", sweeps.files()),
    ):
        commands.main(["list", what])
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(names)
        for name, line in zip(sorted(names), sorted(lines), strict=True):
            assert re.match(rf"{name} {{2,}}\S", line)


def test_what_may_follow_the_colon_is_explained():
    found = listing.data()
    # Models of one data set are no data sets.
    assert {
        choice
        for one in all_configs()
        if one.name != "topographic_published"
        for choice in one.choices
    } == set(found)
    for name in ("images", "arrays", "table"):
        assert found[name].endswith(", as --config.data.path") and "; needs " in found[name]
    assert "CSV or Parquet" in found["table"] and found["mnist"] == "image in [0, 1] → its label"
    assert found["sprites_full"].startswith("sprites as published: (size, size, 1)")


def test_formats_are_those_that_are_read():
    from tfvae.applications.beam.reading import FORMATS

    assert infer.FORMATS == FORMATS


def process(*arguments):
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path},
    )


def test_a_process_and_the_program_of_a_checkout():
    made = process("trainers.outliers", "--help")
    assert made.returncode == 0 and made.stdout.startswith("usage: tfvae score ")


@pytest.mark.parametrize("path", sorted((ROOT / "trainers").glob("*.py")), ids=lambda p: p.stem)
def test_every_program_of_a_checkout_is_a_command(path):
    called = re.findall(r'main\(\["(\w+)", \*sys\.argv\[1:\]\]\)', path.read_text())
    assert path.stem == "__init__" or (len(called) == 1 and called[0] in commands.COMMANDS)


@pytest.mark.slow
def test_a_whole_run(tmp_path):
    """Training, and export without a word about the config."""
    workdir, output = tmp_path / "run", tmp_path / "served" / "1"
    tiny = ("--config.data.train=train[:64]", "--config.epochs=1", "--config.report.num_samples=2")
    # --config comes last: the order of the flags is free.
    result = process("tfvae", "train", f"--workdir={workdir}", *tiny, CONFIG)
    assert result.returncode == 0, result.stderr
    assert "ELBO" in result.stdout and "λ" in result.stdout
    result = process("tfvae", "export", f"--workdir={workdir}", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert (output / "saved_model.pb").exists()
    result = process("tfvae", "train", f"--workdir={workdir}", "--config.seed=5")
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert "seed: 0 before, now 5" in result.stderr


def test_folders_that_cannot_be_created(capsys, tmp_path):
    (tmp_path / "file").touch()
    said = refused(capsys, "train", CONFIG, f"--workdir={tmp_path / 'file' / 'x'}")
    assert said.count("\n") == 1 and "--workdir must be a folder that exists or can be" in said


def test_errors_of_the_system_are_a_line(capsys, monkeypatch):
    def full(options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(listing, "run", full)
    assert refused(capsys, "list").endswith("error: OSError: [Errno 28] No space left on device\n")
