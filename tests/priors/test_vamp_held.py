"""What a VampPrior encodes for a likelihood: all pseudo-inputs once, with the same result."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.models import evidence
from tfvae.priors.base import Prior


class Counted(keras.layers.Layer):
    """Counts the calls in which it is given 7 rows, those of the pseudo-inputs."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x):
        shape = x.shape

        def noted(values):
            self.count(len(values))
            return values

        return tf.ensure_shape(tf.py_function(noted, [x], x.dtype), shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.fixture
def counted():
    counts = []
    encoder = keras.Sequential([Counted(counts.append), keras.layers.Dense(4)])
    vae = tfvae.VAE(2, encoder=encoder, prior=tfvae.priors.VampPrior(7), seed=0)
    vae.build((None, 3))
    return vae, counts


def test_a_likelihood_encodes_pseudo_inputs_once_for_all_chunks(counted, monkeypatch):
    vae, counts = counted
    monkeypatch.setattr(evidence, "ROWS_AT_A_TIME", 20)  # 10 chunks of 5 rows, 4 samples each
    x = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    found = vae.log_likelihood(x, num_samples=42)
    assert counts.count(7) == 1
    vae.__dict__.pop("chunked_bound")
    counts.clear()
    monkeypatch.setattr(tfvae.priors.VampPrior, "held", Prior.held)
    np.testing.assert_allclose(found, vae.log_likelihood(x, num_samples=42), rtol=1e-5)
    assert counts.count(7) == 11


def test_a_graph_of_the_densest_samples_encodes_pseudo_inputs_twice(counted):
    vae, counts = counted
    tfvae.geometry.LatentGraph(vae, num_nodes=1500, num_neighbors=4, keep=0.5)
    assert counts.count(7) == 2  # for the samples, and for their densities


def test_it_is_held_no_longer_than_asked_for(counted):
    vae, _ = counted
    with vae.prior.held():
        held = vae.prior.distribution()
        assert vae.prior.distribution() is held
        assert vae.prior.distribution(training=True) is not held
        with vae.prior.held():  # once more
            assert vae.prior.distribution() is held
    vae.prior.pseudo_inputs.assign(vae.prior.pseudo_inputs + 1.0)
    after = vae.prior.distribution()
    assert after is not held
    assert not np.allclose(after.mean(), held.mean())


def test_an_error_within_ends_the_hold(counted):
    vae, _ = counted
    with pytest.raises(KeyError), vae.prior.held():
        raise KeyError
    assert vae.prior.distribution() is not vae.prior.distribution()
