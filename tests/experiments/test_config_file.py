"""Configs as files: what is written is read, and what differs is told."""

import pytest

from tfvae.experiments import config_file, load_config
from tfvae.experiments.configs import vhp_vae


def test_written_and_read_again(tmp_path):
    config = vhp_vae.get_config("digits")
    config_file.write(config, tmp_path / "config.json")
    again = config_file.read(tmp_path / "config.json")
    assert again.to_dict() == config.to_dict()
    assert config_file.differences(config, again) == []
    again.data.path = "a place"  # a field that was empty may be filled
    assert again.to_dict()["data"]["path"] == "a place"


def test_differences():
    before, now = vhp_vae.get_config("digits"), vhp_vae.get_config("digits")
    now.epochs += 1
    now.report.num_samples += 1
    now.data.path = "elsewhere"
    assert config_file.differences(before, now) == []
    now.epochs = before.epochs - 1
    now.model.objective.kappa = 0.5
    lines = config_file.differences(before, now)
    assert [line.split(":")[0] for line in lines] == ["epochs", "model.objective.kappa"]
    assert "may grow" in lines[0] and "0.5" in lines[1]


def test_another_file_of_rows_may_have_another_form():
    before, now = load_config("vae:table"), load_config("vae:table")
    now.data.path, now.data.options.encoding, now.data.options.separator = "new.csv", "cp1252", ";"
    assert config_file.differences(before, now, finished=True) == []
    now.data.options.ignore = "a"
    assert len(config_file.differences(before, now, finished=True)) == 1


def test_missing_and_broken_file(tmp_path):
    with pytest.raises(ValueError, match="which does not exist"):
        config_file.read(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="must be valid JSON"):
        config_file.read(tmp_path / "config.json")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"must hold the groups.*received .* with \[\]"):
        config_file.read(tmp_path / "config.json")
