"""The DIP penalties against np.cov and loops, and where their gradients lead."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.penalties.base import Inference
from tfvae.penalties.dip import DIP, covariance, deviation_from_identity

tfd = tfp.distributions
OVER_Z = types.SimpleNamespace(posterior_is_over_z=True)


def value_of(penalty, loc, scale, prior=OVER_Z):
    posterior = tfd.Independent(tfd.Normal(loc, scale), 1)
    z = tf.convert_to_tensor(loc)[tf.newaxis]
    inference = Inference(None, None, posterior, z, None, None, None, prior, None, None)
    return penalty.value(inference, seed=None, training=True)


def drawn(*shape, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(shape[-1], shape[-1]))
    return rng.normal(size=shape) @ mixing, rng.uniform(0.2, 1.5, size=shape)


def by_loops(c, off_diagonal_weight, diagonal_weight):
    total = 0.0
    for i in range(len(c)):
        for j in range(len(c)):
            if i == j:
                total += diagonal_weight * (c[i, i] - 1.0) ** 2
            else:
                total += off_diagonal_weight * c[i, j] ** 2
    return total


def test_covariance_is_that_of_numpy():
    loc, _ = drawn(9, 3)
    expected = np.cov(loc, rowvar=False, ddof=1)
    np.testing.assert_allclose(covariance(tf.constant(loc)), expected, rtol=1e-6)


def test_deviation_against_loops():
    c = np.random.default_rng(0).normal(size=(4, 4))
    actual = deviation_from_identity(tf.constant(c), 2.5)
    np.testing.assert_allclose(actual, by_loops(c, 1.0, 2.5), rtol=1e-6)
    assert deviation_from_identity(tf.eye(3), 10.0) == 0.0


@pytest.mark.parametrize(("kind", "published"), [("I", (10.0, 100.0)), ("II", (10.0, 10.0))])
def test_kinds_against_numpy_with_the_published_weights(kind, published):
    """Weight · value is λ_od Σ C_ij² + λ_d Σ (C_ii − 1)² for every example; np.cov with ddof=1."""
    loc, scale = drawn(9, 3)
    c = np.cov(loc, rowvar=False, ddof=1)
    if kind == "II":
        c = c + np.diag(np.mean(scale**2, axis=0))
    penalty = DIP(kind=kind)
    values = penalty.weight * value_of(penalty, loc, scale)
    np.testing.assert_allclose(values, np.full(9, by_loops(c, *published)), rtol=1e-6)


def test_second_kind_is_the_covariance_of_latents():
    """C of 200,000 latents, within 2% of its largest element."""
    loc, scale = drawn(200_000, 2)
    z = loc + scale * np.random.default_rng(1).normal(size=loc.shape)
    c = covariance(tf.constant(loc)) + tf.linalg.diag(tf.constant(np.mean(scale**2, axis=0)))
    expected = np.cov(z, rowvar=False)
    np.testing.assert_allclose(c, expected, atol=0.02 * np.abs(expected).max())


def test_steps_of_sequences_are_rows():
    loc, scale = drawn(4, 3, 2)
    for kind in ("I", "II"):
        values = value_of(DIP(kind=kind), loc, scale)
        rows = value_of(DIP(kind=kind), loc.reshape(12, 2), scale.reshape(12, 2))
        assert values.shape == (4,)
        np.testing.assert_allclose(values, rows[:4], rtol=1e-6)


@pytest.mark.parametrize("kind", ["I", "II"])
def test_gradients_are_finite_for_collapsed_posteriors(kind):
    loc, scale = tf.Variable(tf.zeros([4, 2])), tf.Variable(tf.fill([4, 2], 1e-5))
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(value_of(DIP(kind=kind), loc, scale))
    gradients = tape.gradient(mean, [loc, scale], unconnected_gradients="zero")
    assert np.all(np.isfinite(gradients))


def test_gradient_draws_the_covariance_to_the_identity():
    loc = tf.Variable(drawn(64, 2)[0])
    optimizer = keras.optimizers.SGD(3.0)
    for _ in range(60):
        with tf.GradientTape() as tape:
            mean = tf.reduce_mean(value_of(DIP(kind="I", diagonal_ratio=1.0), loc, np.float64(1.0)))
        optimizer.apply([tape.gradient(mean, loc)], [loc])
    np.testing.assert_allclose(np.cov(loc.numpy(), rowvar=False), np.eye(2), atol=1e-2)


def test_ratio_follows_a_schedule():
    rising = keras.optimizers.schedules.PolynomialDecay(0.0, 2, 4.0)
    penalty = DIP(kind="I", diagonal_ratio=rising)
    penalty.build(3)
    loc, scale = drawn(9, 3)
    c = np.cov(loc, rowvar=False, ddof=1)
    compiled = tf.function(lambda: value_of(penalty, tf.constant(loc), tf.constant(scale)))
    for ratio in (0.0, 2.0, 4.0):
        np.testing.assert_allclose(compiled()[0], by_loops(c, 1.0, ratio), rtol=1e-6)
        penalty.count_step()


def test_single_row_adds_nothing():
    np.testing.assert_array_equal(value_of(DIP(), tf.zeros([1, 2]), tf.ones([1, 2])), [0.0])
    assert value_of(DIP(), tf.zeros([0, 2]), tf.ones([0, 2])).shape == (0,)
    compiled = tf.function(
        lambda loc: value_of(DIP(), loc, tf.ones_like(loc)),
        input_signature=[tf.TensorSpec([None, 2])],
    )
    assert compiled(tf.zeros([2, 2])).shape == (2,)
    np.testing.assert_array_equal(compiled(tf.zeros([1, 2])), [0.0])


def test_posterior_over_other_variables_is_refused():
    with pytest.raises(ValueError, match=r"`prior` must be one whose posterior is over z.* DIP"):
        value_of(DIP(), *drawn(4, 2), types.SimpleNamespace(posterior_is_over_z=False))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1.0}, "`weight` must lie in"),
        ({"kind": "III"}, "`kind` must be one of 'I', 'II', received 'III'"),
        ({"diagonal_ratio": -1.0}, "`diagonal_ratio` must lie in"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        DIP(**arguments)


def test_config_comes_back():
    config = DIP(3.0, kind="I").get_config()
    assert config["diagonal_ratio"] == 10.0
    assert DIP.from_config(config).get_config() == config
