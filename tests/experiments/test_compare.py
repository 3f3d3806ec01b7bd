"""Models that are trained side by side, and what is written about them."""

import json

import pytest

from tfvae.experiments import comparison, training
from tfvae.experiments.configs import flat_manifold_vae, vhp_vae
from tfvae.experiments.errors import UserError


def tiny(family):
    config = family.get_config("digits")
    config.epochs, config.batch_size = 1, 32
    config.model.latent_dim = 2
    config.model.encoder.hidden = config.model.decoder.hidden = (8,)
    config.model.prior.hidden = (8,)
    config.data.train, config.data.test = "train[:64]", "test[:40]"
    config.report.num_samples, config.report.num_examples = 3, 5
    return config


@pytest.mark.slow
def test_two_models_side_by_side(tmp_path, capsys):
    configs = {"VHPVAE": tiny(vhp_vae), "FlatManifoldVAE": tiny(flat_manifold_vae)}
    with pytest.warns(UserWarning, match="constraint was not reached"):
        reports = comparison.compare(configs, tmp_path)
    printed = capsys.readouterr().out
    rows = {row["name"]: row for row in json.loads((tmp_path / "comparison.json").read_text())}
    for name, report in reports.items():
        alone = json.loads((tmp_path / name / "report.json").read_text())
        assert rows["ELBO"][name] == pytest.approx(alone["ELBO"]["value"])
        median = report.to_dict()["condition number, encoded: median"]
        assert rows["condition number, encoded: median"][name] == pytest.approx(median)
        assert (tmp_path / f"equidistance_{name}.png").stat().st_size > 10_000
        assert training.load(tmp_path / name).name
    assert (tmp_path / "violins.png").stat().st_size > 10_000
    assert "| condition number, encoded: median" in printed
    assert "FlatManifoldVAE" in (tmp_path / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["vhp_vae:digits"], "at least two"),
        (["vhp_vae:digits", "vhp_vae:digits"], "must be different models"),
        (["vhp_vae:digits", "vae:pendulum"], "must have the same data"),
        (["vhp_vae:digits", "no.py"], "no file"),
        (["vhp_vae:digits", "vae:digit"], "Did you mean 'digits'"),
    ],
)
def test_configs_are_checked(specs, message):
    with pytest.raises(UserError, match=message):
        comparison.configs_of(specs)


def test_epochs_replace_those_of_the_configs():
    specs = ["vhp_vae:digits", "vae:digits"]
    configs = comparison.configs_of(specs, 3)
    assert [config.epochs for config in configs.values()] == [3, 3]


def test_keys_are_set_in_all_configs():
    from tfvae.commands import compare
    from tfvae.commands.parsing import Parser

    parser = Parser("tfvae compare")
    compare.add_arguments(parser)
    given = ["--configs=vhp_vae:digits,vae:digits", "--workdir=x"]
    options = parser.parse([*given, "--config.report.num_samples=7"])
    configs = comparison.configs_of(options.configs.split(","), keys=options.keys)
    assert [config.report.num_samples for config in configs.values()] == [7, 7]
    assert parser.parse(given).keys == {}
    with pytest.raises(UserError, match="num_samples"):
        comparison.configs_of(["vhp_vae:digits", "vae:digits"], keys={"report.num_sample": "7"})
