"""Encodings of many batches by one traced function: the same numbers, traced once."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import evaluation
from tfvae.models import data

FUNCTIONS = {
    "latents": evaluation.latents,
    "embeddings": evaluation.embeddings,
    "posterior_moments": lambda *args, **more: np.stack(
        evaluation.posterior_moments(*args, **more)
    ),
    "decoder_inputs": evaluation.decoder_inputs,
}
X = np.random.default_rng(0).uniform(size=(31, 3)).astype("float32")
Y = {"labels": np.arange(31) % 2, "condition": np.random.default_rng(1).normal(size=(31, 2))}


class Calls(keras.layers.Layer):
    """Counts its calls from Python: one for each eager batch, and for each trace."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x):
        self.count("trace" if tf.inside_function() else "eager")
        return x


def counted(**options):
    counts = []
    encoder = keras.Sequential([Calls(counts.append), keras.layers.Dense(4, "tanh")])
    vae = tfvae.VAE(2, encoder=encoder, seed=0, **options)
    vae.compile(run_eagerly=False)
    return vae, counts


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("with_y", [False, True])
def test_numbers_of_many_batches_are_those_of_one(name, with_y, monkeypatch):
    monkeypatch.setattr(data, "EAGER_BATCHES", 2)
    options = {"discrete": tfvae.discrete.Labels(2), "condition": 2} if with_y else {}
    vae, counts = counted(**options)
    y = Y if with_y else None
    vae.build((None, 3))
    whole = FUNCTIONS[name](vae, X, y, batch_size=100)
    counts.clear()
    found = FUNCTIONS[name](vae, X, y, batch_size=4)
    np.testing.assert_allclose(found, whole, rtol=1e-5, atol=1e-6)
    # Two eager batches; the last one of 3 rows is traced once more, for any number of rows.
    assert counts == ["eager"] * 2 + ["trace"] * 2
    counts.clear()
    vae.encoder.layers[1].kernel.assign(-vae.encoder.layers[1].kernel)
    again = FUNCTIONS[name](vae, X, y, batch_size=5)
    assert counts == ["eager"] * 2
    whole = FUNCTIONS[name](vae, X, y, batch_size=100)
    np.testing.assert_allclose(again, whole, rtol=1e-5, atol=1e-6)


def test_a_model_that_runs_eagerly_is_not_traced(monkeypatch):
    monkeypatch.setattr(data, "EAGER_BATCHES", 0)
    vae, counts = counted()
    vae.compile(run_eagerly=True)
    vae.build((None, 3))
    counts.clear()
    evaluation.latents(vae, X, batch_size=8)
    assert counts == ["eager"] * 4


def test_a_posterior_that_is_no_gaussian_is_refused_in_a_later_batch_too(monkeypatch):
    class Other(tfvae.VAE):
        def posterior(self, features, batch_shape=None):
            q = super().posterior(features, batch_shape)
            return tfvae.distributions.Point(q.mean())

    monkeypatch.setattr(data, "EAGER_BATCHES", 0)
    vae = Other(2, seed=0)
    vae.build((None, 3))
    with pytest.raises(ValueError, match="`posterior` must be a diagonal Gaussian"):
        evaluation.posterior_moments(vae, X, gaussian=True)
