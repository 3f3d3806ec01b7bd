"""The benchmarks of similarity and flatness, with their settings and with the defaults."""

import re

import numpy as np
import pytest

import tfvae
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
@pytest.mark.parametrize("options", [[], ["--defaults"]])
def test_similarity_on_tiny_views(options, monkeypatch, capsys):
    rng = np.random.default_rng(0)

    def views(folder):
        for _ in range(2):
            x = rng.uniform(size=(24, 32, 32, 1)).astype("float32")
            yield x, np.repeat([0, 1], 12), np.tile(np.arange(0, 360, 30.0), 2)

    monkeypatch.setattr(similarity, "views", views)
    similarity.main([*options, "--seeds=1", "--epochs=1"])
    out = capsys.readouterr().out
    assert "VHP-FMVAE above raw pixels" in out
    assert ("N_z 16, nothing else" in out) == bool(options)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--defaults"]])
def test_flatness_on_tiny_data(options, monkeypatch, capsys):
    x = tfvae.datasets.pendulum_images(np.linspace(0, 6, 40), size=8)
    monkeypatch.setattr(flatness, "load", lambda name, folder: (x, x[::2]))
    monkeypatch.setattr(flatness, "PATHS", 4)
    flatness.main([*options, "--only", "pendulum", "--seeds=1", "--epochs=1"])
    out = capsys.readouterr().out
    assert ("pendulum: VHP-FMVAE, absolute" in out) == (not options)
    assert ("and nothing else" in out) == bool(options)
