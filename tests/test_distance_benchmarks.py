"""The benchmarks of similarity and flatness, with their settings and with the defaults."""

import re

import numpy as np
import pytest

from benchmarks import flatness, similarity


def config(model):
    """The config of a model as text, without the names that Keras counts up."""
    return re.sub(r"'name': '[a-z_0-9]*'", "", str(model.get_config()))


def test_the_defaults_set_nothing_but_the_number_of_latents():
    for models, latents in (
        (similarity.models(3, defaults=True), similarity.LATENT_DIM),
        (flatness.default_models(3), flatness.LATENT_DIM),
    ):
        for name, model in models:
            assert config(model) == config(type(model)(latents, seed=3)), name
    chosen = dict(similarity.models(3))["VHP-VAE"]
    assert chosen.objective.kappa == pytest.approx(similarity.KAPPA)


def test_which_models_are_above_raw_pixels(capsys):
    runs = {
        "raw pixels": [[1.0, 0.5]],
        "above": [[1.0, 0.6], [1.0, 0.7]],
        "below": [[1.0, 0.6], [1.0, 0.2]],
    }
    similarity.above_pixels(runs)
    assert capsys.readouterr().out.splitlines() == [
        "above above raw pixels: yes, 0.6500 and 0.5000, in 2 of 2 seeds",
        "below above raw pixels: NO, 0.4000 and 0.5000, in 1 of 2 seeds",
    ]


@pytest.mark.slow
def test_similarity_on_tiny_views(monkeypatch, capsys):
    rng = np.random.default_rng(0)

    def views(folder):
        for _ in range(2):
            x = rng.uniform(size=(24, 32, 32, 1)).astype("float32")
            yield x, np.repeat([0, 1], 12), np.tile(np.arange(0, 360, 30.0), 2)

    monkeypatch.setattr(similarity, "views", views)
    similarity.main(["--defaults", "--seeds=1", "--epochs=1"])
    out = capsys.readouterr().out
    assert "VHP-FMVAE above raw pixels" in out
    assert "N_z 16, nothing else" in out


@pytest.mark.parametrize("options", [[], ["--defaults"], ["--epochs=7"]])
def test_flatness_by_the_command_line(options, monkeypatch, capsys):
    # The numbers are made up: models, settings and the table are tried.
    asked = []

    def measured(model, train, test, epochs, learning_rate, seed):
        asked.append((type(model).__name__, epochs, learning_rate))
        return [float(len(asked))] * len(flatness.COLUMNS)

    x = np.zeros((4, 8, 8, 1), "float32")
    monkeypatch.setattr(flatness, "load", lambda name, folder: (x, x))
    monkeypatch.setattr(flatness, "measured", measured)
    flatness.main([*options, "--only", "pendulum", "--seeds=1"])
    out = capsys.readouterr().out
    is_default = options == ["--defaults"]
    assert {one[1:] for one in asked} == {
        (7 if options == ["--epochs=7"] else 120, 1e-3 if is_default else 2e-3)
    }
    names = ["VAE", "VHPVAE", "FlatManifoldVAE"] + ["FlatManifoldVAE"] * (not is_default)
    assert [one[0] for one in asked] == names
    assert ("pendulum: VHP-FMVAE, absolute" in out) == (not is_default)
    assert ("N_z 2 and nothing else" in out) == is_default
