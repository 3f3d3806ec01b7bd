"""The first layer of an encoder of a table: standardised numbers, logarithms, one-hot vectors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.likelihoods import Categorical, Gaussian, Mixed, Poisson
from tfvae.networks import Columns

KINDS = ("number", 3, "count", 2, "number")


def table(n=40, seed=0):
    rng = np.random.default_rng(seed)
    columns = [rng.normal(1e4, 50.0, n), rng.integers(3, size=n), rng.poisson(20, n)]
    columns += [rng.integers(2, size=n), rng.normal(size=n)]
    return np.stack(columns, -1).astype("float32")


@pytest.mark.parametrize("gaps", [False, True])
def test_each_column_in_its_own_way(gaps):
    x, weights = table(), np.random.default_rng(1).integers(3, size=40).astype("float32")
    if gaps:
        x[np.random.default_rng(2).uniform(size=x.shape) < 0.3] = np.nan
    layer = Columns(KINDS)
    layer.observe(tf.constant(x), tf.constant(weights))
    layer.observe(tf.constant(table(seed=3) * 2.0))  # not the first
    numbers = np.stack([x[:, 0], np.log1p(x[:, 2]), x[:, 4]], -1).astype("float64")
    there = weights[:, None] * ~np.isnan(numbers)
    mean = np.nansum(there * numbers, 0) / there.sum(0)
    deviation = np.sqrt(np.nansum(there * (numbers - mean) ** 2, 0) / there.sum(0))
    whole = table(seed=4)
    whole[0, 1] = -1.0
    expected = np.stack([whole[:, 0], np.log1p(whole[:, 2]), whole[:, 4]], -1)
    one_hot = [whole[:, 1:2] == np.arange(3), whole[:, 3:4] == np.arange(2)]
    expected = np.concatenate([(expected - mean) / deviation, *one_hot], -1)
    np.testing.assert_allclose(layer(whole), expected, rtol=1e-3, atol=1e-3)
    assert not layer(whole)[0, 3:6].numpy().any()


def test_a_column_that_does_not_vary_is_waited_for():
    layer = Columns(["number", "number"])
    layer.observe(tf.constant([[5.0, 1.0], [5.0, 3.0]]))
    np.testing.assert_allclose(layer(tf.constant([[6.0, 3.0]])), [[1.0, 1.0]])
    layer.observe(tf.constant([[10.0, 0.0], [20.0, 0.0]]))
    np.testing.assert_allclose(layer(tf.constant([[20.0, 3.0]])), [[1.0, 1.0]])


def test_round_trip_and_symbolic_shape():
    layer = Columns(KINDS, dtype="mixed_float16")
    layer.observe(tf.constant(table()))
    again = Columns.from_config(layer.get_config())
    assert again.kinds == KINDS
    symbolic = layer(keras.KerasTensor((None, 5)))
    assert symbolic.shape == (None, 8) and symbolic.dtype == layer(table()).dtype == "float16"


@pytest.mark.parametrize("bad", [[], ["numbr"], [1], [True], [2.5], ["number", None]])
def test_kinds_are_checked(bad):
    with pytest.raises(ValueError, match="`kinds` must"):
        Columns(bad)
    with pytest.raises(ValueError, match=r"5 for the shape \(7, 4\)"):
        Columns(KINDS).build((7, 4))


def test_where_models_have_it():
    kinds = [("gaussian", 1), (Categorical(3), 1), ("poisson", 1), (Categorical(2), 1)]
    wanted = {
        Mixed([*kinds, ("gaussian", 1)]): KINDS,
        Poisson(): ("count",) * 5,
        Categorical(9): (9,) * 5,
    }
    for likelihood, expected in wanted.items():
        vae = tfvae.VAE(1, likelihood=likelihood)
        vae.build((None, 5))
        assert vae.encoder.layers[0].kinds == expected
        assert vae.standardizing == [vae.encoder.layers[0]]
    vae = tfvae.VAE(1, likelihood=Gaussian())
    vae.build((None, 5))
    assert isinstance(vae.encoder.layers[0], tfvae.networks.Standardize)
    images = tfvae.VAE(1, likelihood=Categorical(3))
    images.build((None, 4, 4))
    assert isinstance(images.encoder.layers[0], tfvae.networks.Standardize)


def test_training_lets_it_observe_the_first_batch():
    x = table(64)
    kinds = [("gaussian", 1), (Categorical(3), 1), ("poisson", 1), (Categorical(2), 1)]
    encoder = keras.Sequential([Columns(KINDS), keras.layers.Dense(4)])
    likelihood = Mixed([*kinds, ("gaussian", 1)])
    decoder = keras.Sequential([keras.layers.Dense(8)])
    vae = tfvae.VAE(1, encoder, decoder, likelihood, seed=0)
    vae.compile("adam", run_eagerly=True)
    vae.fit(x, batch_size=64, verbose=0)
    mean = np.stack([x[:, 0], np.log1p(x[:, 2]), x[:, 4]], -1).mean(0)
    np.testing.assert_allclose(encoder.layers[0].mean, mean, rtol=1e-4)
