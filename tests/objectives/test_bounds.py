"""The automatic bound: what it is measured from, and when it is loosened."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.objectives import AutomaticBound


@pytest.fixture
def bound():
    bound = AutomaticBound()
    bound.build()
    return bound


def measure(bound, x):
    """Lets the bound measure a batch of five features under a Gaussian likelihood."""
    likelihood = tfvae.likelihoods.Gaussian(1.0)
    likelihood.build((5,))
    bound.measure(tf.constant(x, tf.float32), likelihood)


def test_it_is_a_fifth_of_the_variance_of_the_first_32_batches(bound):
    x = np.random.default_rng(0).normal(size=(40, 16, 5)) * [1, 2, 3, 4, 5]
    assert float(bound.value()) == 0.0 and not bool(bound.is_known())
    for batch in x:
        measure(bound, batch)
    # Unbiased variances of batches, averaged: the variance within them of the first 32.
    expected = 0.2 * x[:32].var(axis=1, ddof=1).sum(axis=-1).mean()
    assert float(bound.value()) == pytest.approx(expected, rel=1e-4)


def test_batches_of_no_use_are_left_out(bound):
    for useless in (np.ones((1, 5)), np.ones((8, 5)), np.full((8, 5), np.nan)):
        measure(bound, useless)
        assert not bool(bound.is_known())
    x = np.random.default_rng(0).normal(size=(16, 5))
    measure(bound, x)
    assert float(bound.value()) == pytest.approx(0.2 * x.var(axis=0, ddof=1).sum(), rel=1e-4)


def run(bound, errors):
    """The bound after each of a series of average errors, as shares of the variance."""
    values = []
    for error in errors:
        bound.update(tf.constant(error * float(bound.constant.value), tf.float32))
        values.append(float(bound.value()) / float(bound.constant.value))
    return np.array(values)


def falling_to(level, steps=1500):
    return level + (1.0 - level) * np.exp(-np.arange(steps) / 100.0)


def test_plateau_above_the_bound_loosens_it_to_ninety_percent_of_what_is_explained(bound):
    measure(bound, np.random.default_rng(0).normal(size=(16, 5)))
    values = run(bound, falling_to(0.4))
    assert values[0] == pytest.approx(0.2)
    assert values[-1] == pytest.approx(1.0 - 0.9 * 0.6, abs=2e-3)
    changed = np.flatnonzero(np.diff(values))
    assert len(changed) == 1 and changed[0] > 300


@pytest.mark.parametrize("level", [0.1, 0.95])
def test_bound_stays_when_it_is_reached_or_nothing_has_been_learned(bound, level):
    measure(bound, np.random.default_rng(0).normal(size=(16, 5)))
    np.testing.assert_allclose(run(bound, falling_to(level)), 0.2, rtol=1e-6)


def test_a_bound_once_reached_is_never_loosened(bound):
    measure(bound, np.random.default_rng(0).normal(size=(16, 5)))
    values = run(bound, np.concatenate([[0.15], np.full(1000, 0.4)]))
    np.testing.assert_allclose(values, 0.2, rtol=1e-6)


@pytest.mark.slow
def test_model_with_too_few_dimensions_ends_its_initial_phase():
    """Five equal directions in two dimensions: 40% can be explained, not 80%."""
    x = np.random.default_rng(0).normal(size=(512, 5)).astype("float32")
    keras.utils.set_random_seed(0)
    mlp = tfvae.networks.mlp
    vae = tfvae.VHPVAE(2, encoder=mlp([16]), decoder=mlp([16], (5,)), seed=0)
    vae.compile(keras.optimizers.Adam(1e-2), steps_per_execution=16)
    # Long enough on every processor: how long the error goes on falling depends on rounding.
    vae.fit(x, batch_size=32, epochs=150, verbose=0)
    assert not bool(vae.objective.prior_is_frozen)
    share = float(vae.objective.bound) / 5.0
    assert 0.45 < share < 0.8


@pytest.mark.parametrize("x", [np.ones((1, 5)), np.ones((9, 5))])
def test_first_batch_that_does_not_vary_asks_for_kappa_and_leaves_the_model_usable(x):
    vae = tfvae.VHPVAE(2, seed=0)
    vae.compile("adam")
    with pytest.raises(ValueError, match=r"do not vary\. Give `kappa=`"):
        vae.fit(x.astype("float32"), verbose=0)
    good = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    assert np.isfinite(vae.fit(good, verbose=0).history["loss"][0])
