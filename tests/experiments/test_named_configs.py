"""Configs by name, files of one's own, and keys that are set."""

import importlib

import pytest

from tfvae import experiments
from tfvae.experiments import UserError, configs, list_configs, load_config, set_keys

OWN = """
from tfvae.experiments import configs


def get_config(dataset="digits"):
    vae = {"name": "VAE", "objective": {"name": "BetaELBO", "beta": 0.5}}
    return configs.experiment(dataset, {**vae, "prior": {"name": "StandardNormal"}})
"""


@pytest.mark.parametrize("family", list_configs(), ids=lambda one: one.name)
def test_every_choice_is_a_config_and_nothing_else_is(family):
    for choice in family.choices:
        config = load_config(f"{family.name}:{choice}")
        assert config.model.name and config.epochs > 0
    others = {*configs.DATASETS, "bubble", "none"} - {*family.choices}
    for other in others:
        with pytest.raises(UserError, match=rf"--config={family.name}:{other}: the .* after the"):
            load_config(f"{family.name}:{other}")
    assert family.summary and not family.summary.endswith(".")


def test_every_module_is_listed():
    names = [one.name for one in list_configs()]
    assert names == sorted(names) and len(names) == 14
    assert {"settings", "__init__"}.isdisjoint(names)


def test_without_a_colon_the_config_has_a_data_set():
    assert load_config("vhp_vae").data.name == "pendulum"


def test_the_docstring_shows_a_config_of_ones_own():
    shown = configs.__doc__.split("alone:\n")[1]
    assert shown.split() == OWN.split()


def test_a_file_of_ones_own(tmp_path, monkeypatch):
    folder = tmp_path / "a folder: mine"
    folder.mkdir()
    (folder / "own.py").write_text(OWN)
    config = load_config(f"{folder}/own.py:digits", {"epochs": "3"})
    assert config.data.name == "digits" and config.epochs == 3
    assert config.model.objective.beta == 0.5
    monkeypatch.chdir(folder)
    assert load_config("own.py").data.name == "digits"
    with pytest.raises(UserError, match="Did you mean 'digits'"):
        load_config("own.py:digit")


def test_files_that_are_no_configs(tmp_path):
    with pytest.raises(UserError, match=r"received no file 'nowhere/own\.py'"):
        load_config("nowhere/own.py:digits")
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(UserError, match="a function get_config"):
        load_config(f"{tmp_path}/empty.py:digits")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("vhp_va:digits", "vhp_vae"),
        ("vhpvae", "vhp_vae"),
        ("configs/beta_vae:digits", "beta_vae"),
        ("factorvae:digits", "factor_vae"),
    ],
)
def test_the_nearest_names(name, nearest):
    with pytest.raises(UserError, match=f"received '{name}'. Nearest: {nearest}") as caught:
        load_config(name)
    assert all(one.name in str(caught.value) for one in list_configs())


def test_a_name_that_is_near_to_nothing():
    with pytest.raises(UserError, match=r"received ''\. The configs are adversarial"):
        load_config("")
    with pytest.raises(UserError, match="received 'settings:digits'"):
        load_config("settings:digits")


def test_keys_of_every_type():
    config = load_config("flat_manifold_vae:digits")
    keys = {
        "epochs": "7",
        "optimizer.learning_rate": "5e-4",
        "model.encoder.hidden": "32,16",
        "data.cache": "False",
        "data.path": "a place",
        "model.penalties.flatness.name": "",
        "model.penalties.flatness.weight": "10",
        "model.likelihood.scale": "learned",
    }
    set_keys(config, keys)
    assert config.epochs == 7 and config.optimizer.learning_rate == 5e-4
    assert config.model.encoder.hidden == (32, 16) and config.data.cache is False
    assert config.data.path == "a place" and config.model.penalties.flatness.weight == 10.0
    assert config.model.penalties.flatness.name == ""
    assert not config.is_locked


def test_a_wrong_key_sets_none():
    config = load_config("vae:digits")
    before = config.to_dict()
    with pytest.raises(UserError, match=r"--config\.epohcs is not a known key\. Nearest: epochs"):
        set_keys(config, {"seed": "3", "epohcs": "3"})
    assert config.to_dict() == before


def test_no_flag_of_the_process_is_touched():
    from absl import flags

    before = set(flags.FLAGS)
    load_config("vae:digits", {"epochs": "3"})
    assert set(flags.FLAGS) == before


def test_names_that_are_imported_late():
    assert experiments.run is importlib.import_module("tfvae.experiments.training").run
    assert {"run", "compare"} <= set(dir(experiments))
    with pytest.raises(AttributeError, match="has no attribute 'rum'"):
        experiments.rum
