"""Examples set aside in training, on which an automatic κ measures the error."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.objectives.held_out import HeldOut

KINDS = {
    "normal": lambda rng, n: rng.normal(size=(n, 7)),
    "one feature": lambda rng, n: rng.normal(size=(n, 1)),
    "binary images": lambda rng, n: rng.integers(0, 2, size=(n, 8, 8, 1)),
    "pixels": lambda rng, n: rng.integers(0, 256, size=(n, 6, 6)) / 255,
    "whole numbers": lambda rng, n: rng.integers(-1000, 1000, size=(n, 3)),
}


def of(x):
    """What has observed x, and which examples it sets aside."""
    layer = HeldOut()
    layer.observe(tf.constant(x))
    return layer, layer.is_set_aside(tf.constant(x)).numpy()


def by_loops(row):
    """The hash of standardised numbers in Python's own whole numbers."""
    total = 0
    for j, number in enumerate(np.round(128 * np.ravel(row)).astype(int).tolist()):
        total += number * (2 * j + 1)
    total %= 2**32
    total = (total ^ total >> 16) * 0x85EBCA6B % 2**32
    total = (total ^ total >> 13) * 0xC2B2AE35 % 2**32
    return (total ^ total >> 16) % 10 == 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_in_ten_whatever_order_and_unit(kind):
    rng = np.random.default_rng(0)
    x = KINDS[kind](rng, 20_000).astype("float32")
    layer, aside = of(x)
    assert np.mean(aside) == pytest.approx(0.1, abs=0.03 if kind == "one feature" else 0.01)
    order = rng.permutation(len(x))
    np.testing.assert_array_equal(layer.is_set_aside(tf.constant(x[order])), aside[order])
    expected = [by_loops(row) for row in layer(x[:500]).numpy()]
    np.testing.assert_array_equal(expected, aside[:500])
    for unit in (0.1, 10.0):
        assert np.mean(of(unit * x)[1] != aside) < 0.002


def test_what_is_there_decides_where_values_are_missing():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 7)).astype("float32")
    x[rng.uniform(size=x.shape) < 0.3] = np.nan
    layer, aside = of(x)
    assert np.mean(aside) == pytest.approx(0.1, abs=0.01)
    expected = [by_loops(np.nan_to_num(row)) for row in layer(x[:500]).numpy()]
    np.testing.assert_array_equal(expected, aside[:500])
    order = rng.permutation(len(x))
    np.testing.assert_array_equal(layer.is_set_aside(tf.constant(x[order])), aside[order])


def test_both_weightings():
    x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
    layer, aside = of(x)
    given = np.random.default_rng(1).uniform(size=200).astype("float32")
    for weights in (None, given):
        trained, measured = layer.divided(tf.constant(x), weights)
        whole = np.ones(200) if weights is None else given
        np.testing.assert_array_equal(trained, np.where(aside, 0.0, whole))
        np.testing.assert_array_equal(measured, np.where(aside, whole, 0.0))


@pytest.mark.parametrize("which", ["none", "most"])
def test_batches_that_cannot_be_divided_serve_both(which):
    x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
    layer, aside = of(x)
    x = x[~aside] if which == "none" else np.concatenate([x[aside], x[~aside][:5]])
    for weights in layer.divided(tf.constant(x)):
        np.testing.assert_array_equal(weights, np.ones(len(x)))


def test_what_is_set_aside_has_no_gradient_and_measures_the_error():
    x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    _, aside = of(x)
    assert 0 < aside.sum() < 16

    def weights_after(data, **kwargs):
        mlp = tfvae.networks.mlp
        model = tfvae.VHPVAE(2, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0)
        model.compile(keras.optimizers.SGD(0.1))
        model.fit(data, batch_size=64, shuffle=False, verbose=0, **kwargs)
        average = float(model.objective.multiplier.average.value)
        return np.concatenate([one.numpy().ravel() for one in model.encoder.weights]), average

    plain, error = weights_after(x)
    weighted, other = weights_after(x, sample_weight=np.where(aside, 2.0, 1.0))
    np.testing.assert_allclose(plain, weighted, rtol=1e-6)
    assert error == pytest.approx(other, rel=1e-5)  # the mean over those set aside alone
    without, of_all = weights_after(x, sample_weight=np.where(aside, 0.0, 1.0))
    np.testing.assert_allclose(plain, without, rtol=1e-6)
    assert abs(error - of_all) > 1e-3 * error


@pytest.mark.slow
def test_training_on_does_not_spoil_the_scale():
    """60 rows of noise and two factors, 30 and 300 epochs: a plain VAE learns them by heart."""
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(2, 8))
    draw = lambda n: rng.normal(size=(n, 2)) @ basis + rng.normal(size=(n, 8))  # noqa: E731
    x, new = draw(60), draw(500)
    elbo = {}
    for cls in (tfvae.VAE, tfvae.VHPVAE):
        model = cls(2, seed=0)
        model.compile(keras.optimizers.Adam(3e-3))
        for epochs in (30, 300):
            model.fit(x, batch_size=20, epochs=epochs, verbose=0)
            elbo[cls, epochs] = model.evaluate(new, verbose=0, return_dict=True)["elbo"]
    assert elbo[tfvae.VAE, 300] < elbo[tfvae.VAE, 30] - 3.0
    assert elbo[tfvae.VHPVAE, 300] > elbo[tfvae.VHPVAE, 30] - 1.5
    assert elbo[tfvae.VHPVAE, 300] > elbo[tfvae.VAE, 300] + 3.0
