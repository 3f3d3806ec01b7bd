"""`tfvae sweep` from its arguments to its table; runs are a function of their config here."""

import sys

import pytest

from tfvae import commands
from tfvae.experiments.sweeps import drawing, study

pytest.importorskip("optuna")
TWO = "--configs=vae:digits,vhp_vae:digits"


@pytest.fixture
def seen(monkeypatch):
    """The configs that are run."""
    configs = []

    def run(chosen, folder, log):
        configs.append(chosen.config)
        elbo = -float(chosen.config.model.latent_dim)
        return {"ELBO": elbo, "rate": 1.0}, {"ELBO": "nats", "rate": "nats"}

    monkeypatch.setattr(study, "_logged_run", run)
    monkeypatch.setattr(drawing, "write", lambda *_: None)
    return configs


def ran(*arguments):
    commands.main(["sweep", "--workers=0", *map(str, arguments)])


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        ran(*arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("tfvae sweep: error: ")
    return said


def test_keys_grid_and_seeds(seen, tmp_path, capsys):
    grid = ("--grid.model.latent_dim", "2,4", "--grid.model.encoder.hidden=(32,16),(64,)")
    ran(TWO, f"--workdir={tmp_path}", *grid, "--seeds=3,5", "--config.epochs=7", "--metrics=ELBO")
    assert len(seen) == 16 and {config.seed for config in seen} == {3, 5}
    assert {config.epochs for config in seen} == {7}
    assert {config.model.encoder.hidden for config in seen} == {(32, 16), (64,)}
    said = capsys.readouterr().out
    assert "[16/16]" in said and "| vhp_vae:digits | 4 " in said and "distortion" not in said


def test_the_command_line_replaces_what_a_file_says(seen, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'configs = ["vae:digits"]\nseeds = [0, 1]\n[config]\nepochs = 3\nbatch_size = 9\n'
        "[grid]\nmodel.latent_dim = [2, 4]\n"
    )
    more = ("--config.epochs=5", "--grid.model.latent_dim=8", "--seeds=4")
    ran(f"--file={path}", f"--workdir={tmp_path / 'run'}", *more)
    (config,) = seen
    assert (config.epochs, config.batch_size, config.model.latent_dim, config.seed) == (5, 9, 8, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--configs is missing"),
        (["--file=none"], "--file must be a file, or one of the package: digits_beta"),
        ([TWO, "--grid.model.latent_dimm=2"], "Nearest: model.latent_dim"),
        ([TWO, "--grid.model.latent_dim=2,,4"], "A list must be values"),
        ([TWO, "--grid.model.latent_dim"], "--grid.model.latent_dim must have a value"),
        ([TWO, "--seeds=0,1_0"], "invalid whole number: '1_0'"),
        ([TWO, "--workers=-1"], "--workers must be a whole number of at least 0"),
        ([TWO, "--config.seed=3"], "--seeds gives the seeds"),
        (["--configs=vae:digits,vae:digits"], "received 'vae:digits' twice"),
        ([TWO, "--metrics=elbo"], "--metrics must be names of the reports"),
        ([TWO, "--epochs=3"], "unrecognized arguments: --epochs=3"),
    ],
)
def test_usage_errors(seen, tmp_path, capsys, arguments, message):
    assert message in refused(capsys, f"--workdir={tmp_path}", *arguments)


def test_without_optuna(seen, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    said = refused(capsys, TWO, f"--workdir={tmp_path}")
    assert "tfvae sweep needs the package optuna" in said and "pip install 'tfvae[sweep]'" in said


def test_flags_of_a_grid_belong_to_sweeps_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        commands.main(["train", "--config=vae:digits", f"--workdir={tmp_path}", "--grid.epochs=2"])
    assert "unrecognized arguments: --grid.epochs=2" in capsys.readouterr().err
