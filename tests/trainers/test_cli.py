"""The command line as a user meets it: errors without traceback, help, and a whole run."""

import math
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = "--config=trainers/configs/vhp_vae.py:digits"
FLAT = "--config=trainers/configs/flat_manifold_vae.py:digits"


def program(name, *arguments):
    command = [sys.executable, "-m", f"trainers.{name}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([CONFIG, "--config.epohcs=3"], "--config.epohcs is not a known key. Nearest: epochs"),
        (
            [CONFIG, "--config.model.objective.kapa=3"],
            "Nearest: model.objective.kappa",
        ),
        ([CONFIG, "--config.modle.objective.kappa=3"], "Nearest: model.objective.kappa"),
        ([CONFIG, "--config.model=3"], "is a group of keys: model.decoder"),
        (
            [FLAT, "--config.model.penalties.flatness.wait=3"],
            "Nearest: model.penalties.flatness.weight",
        ),
        ([CONFIG, "--config.epochs=many"], "invalid literal for int"),
        ([CONFIG, "--config.epochs=1_0"], "--config.epochs must be in the digits 0 to 9"),
        ([CONFIG[:-1]], "Did you mean 'digits'?"),
        (["--config=trainers/configs/none.py"], "no file 'trainers/configs/none.py'"),
        (["--config.epochs=3"], "--config is missing"),
        ([CONFIG, "--epochs=3"], "Unknown command line flag 'epochs'"),
        ([CONFIG, "epochs=3"], "received 'epochs=3'"),
    ],
)
def test_usage_errors(tmp_path, arguments, message):
    result = program("train", f"--workdir={tmp_path}", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


# All ways by which a number gets from text into a run, but the command line of trainers.train.
@pytest.mark.parametrize("text", ["1_000", "1_0", "１２", "٣", "²", "0_1", "1_0.5"])
def test_what_is_no_number_anywhere(tmp_path, text):
    from tfvae._checks import number, whole_number
    from tfvae.plots import training as curves
    from trainers import arguments, cli, infer, strategies, training

    for name in ("a", "config.data.size"):
        for value in (text, f"({text}, 3)", f"3,{text}"):
            if text == "²":  # It is no number for Python either.
                continue
            with pytest.raises(cli.UserError, match=f"--{name} must be in the digits 0 to 9"):
                cli._check_digits(name, value)
    for parse in (number, whole_number, arguments.whole_number):
        with pytest.raises(ValueError, match=text):
            parse(text)
    assert math.isnan(curves._number(text))
    assert not strategies._is_address(f"localhost:{text}")
    with pytest.raises(SystemExit, match="2"):
        infer._parser().parse_args(["--model=a", "--input=b", "--output=c", f"--seed={text}"])
    history = tmp_path / "history.csv"
    history.write_text(f"epoch,loss\n0,1.0\n{text},2.0\n", encoding="utf-8")
    training.cut_history(history, 2000)
    assert history.read_text().split() == ["epoch,loss", "0,1.0"]


@pytest.mark.parametrize(
    "text", ["32,16", "(32, 16)", "1e-3", "-.5", "nan", "root_1.TX", "a/1_0", ""]
)
def test_other_values_of_flags_are_left_alone(text):
    from trainers import cli

    cli._check_digits("a", text)


def test_workdir_is_needed():
    result = program("train", CONFIG)
    assert result.returncode == 1
    assert "workdir" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["train", "evaluate", "export"])
def test_help(name):
    result = program(name, "--helpshort")
    assert f"python -m trainers.{name}" in result.stdout
    assert "--workdir" in result.stdout and "--config:" in result.stdout


@pytest.mark.slow
def test_a_whole_run(tmp_path):
    """Training, and export without a word about the config."""
    workdir, output = tmp_path / "run", tmp_path / "served" / "1"
    tiny = ("--config.data.train=train[:64]", "--config.epochs=1", "--config.report.num_samples=2")
    # --config comes last: the order of the flags is free.
    result = program("train", f"--workdir={workdir}", *tiny, CONFIG)
    assert result.returncode == 0, result.stderr
    assert "ELBO" in result.stdout and "λ" in result.stdout
    result = program("export", f"--workdir={workdir}", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert (output / "saved_model.pb").exists()


def test_ctrl_c_ends_without_traceback():
    script = (
        "from trainers import cli\n"
        "def main(config, workdir): raise KeyboardInterrupt\n"
        "cli.run(main)"
    )
    command = [sys.executable, "-c", script, "--workdir=unused", FLAT]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 130
    assert "the same command again" in result.stdout and "Traceback" not in result.stderr


def test_keys_of_penalties_and_categories():
    """What the command line makes of the keys of groups within groups."""
    script = (
        "import sys; from trainers import cli; "
        "cli.run(lambda config, workdir: print(config.model.penalties.flatness.weight, "
        "repr(config.model.penalties.flatness.name)))"
    )
    keys = ("weight=10", "name=")
    keys = [f"--config.model.penalties.flatness.{key}" for key in keys]
    command = [sys.executable, "-c", script, "--workdir=unused", FLAT, *keys]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["10.0", "''"]


def test_command_lines_are_read_before_tensorflow_is_imported():
    """Help and usage errors take a moment, not the seconds of the import."""
    script = (
        "import importlib, sys\n"
        "for name, wrong in (('infer', ['--model=a', '--input=b', '--output=c', '--seed=1_0']),\n"
        "                    ('outliers', ['a.csv', '--output=b', '--figure=c.bmp']),\n"
        "                    ('tracking', ['train', 'a'])):\n"
        "    program = importlib.import_module(f'trainers.{name}')\n"
        "    for arguments, status in ((['--help'], 0), (wrong, 2)):\n"
        "        try:\n"
        "            program.main(arguments)\n"
        "        except SystemExit as error:\n"
        "            assert error.code == status, (name, error.code)\n"
        "        else:\n"
        "            raise AssertionError(f'{name} went on')\n"
        "    assert not {'tensorflow', 'keras', 'tfvae'} & set(sys.modules), name\n"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    for name in ("infer", "outliers", "tracking"):
        assert f"usage: python -m trainers.{name}" in result.stdout
    assert "invalid whole_number value: '1_0'" in result.stderr
    assert "must end in .png, .pdf or .svg" in result.stderr
    assert "required: --output" in result.stderr


def test_formats_are_those_that_are_read():
    from tfvae.applications.beam.reading import FORMATS
    from trainers import infer

    assert infer.FORMATS == FORMATS
