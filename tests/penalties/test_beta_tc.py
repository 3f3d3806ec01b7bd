"""The batch's total correlation against loops, Gaussian closed forms and the limit of its bias."""

import types

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _fused
from tfvae.penalties.base import Inference
from tfvae.penalties.beta_tc import BetaTC, batch_total_correlation

tfd = tfp.distributions
OVER_Z = types.SimpleNamespace(posterior_is_over_z=True)


def inference_of(posterior, z, prior=OVER_Z):
    return Inference(None, None, posterior, z, None, None, None, prior, None, None)


def value_of(posterior, z, prior=OVER_Z):
    return BetaTC().value(inference_of(posterior, z, prior), seed=None, training=True)


def drawn(batch, latent_dim, seed=0):
    rng = np.random.default_rng(seed)
    loc = rng.normal(size=(batch, latent_dim))
    scale = rng.uniform(0.2, 1.5, size=(batch, latent_dim))
    return loc + scale * rng.normal(size=loc.shape), loc, scale


def by_loops(z, loc, scale):
    result = []
    for point in z:
        joint, marginals = [], [[] for _ in point]
        for mean, deviation in zip(loc, scale, strict=True):
            parts = scipy.stats.norm.logpdf(point, mean, deviation)
            joint.append(parts.sum())
            for latent, part in enumerate(parts):
                marginals[latent].append(part)
        log_joint = scipy.special.logsumexp(joint) - np.log(len(z))
        log_marginals = [scipy.special.logsumexp(each) - np.log(len(z)) for each in marginals]
        result.append(log_joint - sum(log_marginals))
    return np.array(result)


def test_values_against_loops():
    z, loc, scale = drawn(7, 3)
    actual = batch_total_correlation(*map(tf.constant, (z, loc, scale)))
    np.testing.assert_allclose(actual, by_loops(z, loc, scale), rtol=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_gaussian_closed_form(correlation):
    """TC = −½ log det R; 2000 narrow posteriors whose mixture is N(0, R).

    The tolerance is four standard errors, and 0.03 nats for the bias of the batch's mixture.
    """
    rng = np.random.default_rng(0)
    matrix = np.array([[1.0, correlation], [correlation, 1.0]])
    scale = 0.25
    loc = rng.multivariate_normal(np.zeros(2), matrix - scale**2 * np.eye(2), size=2000)
    z = loc + scale * rng.normal(size=loc.shape)
    values = batch_total_correlation(*map(tf.constant, (z, loc, np.full_like(loc, scale)))).numpy()
    expected = -0.5 * np.log(np.linalg.det(matrix))
    assert abs(values.mean() - expected) < 4.0 * values.std() / np.sqrt(len(values)) + 0.03


def test_estimate_saturates_at_log_batch():
    """Posteriors that no latent confuses: every information is log B, TC is (N_z − 1) log B."""
    loc = np.random.default_rng(0).permuted(np.tile(np.arange(50.0), (3, 1)), axis=1).T
    values = batch_total_correlation(*map(tf.constant, (loc, loc, np.full_like(loc, 1e-3))))
    np.testing.assert_allclose(values, np.full(50, 2.0 * np.log(50.0)), rtol=1e-6)


def test_batch_of_one_gives_zero_and_none_gives_none():
    z, loc, scale = drawn(1, 3)
    actual = batch_total_correlation(*map(tf.constant, (z, loc, scale)))
    np.testing.assert_allclose(actual, [0.0], atol=1e-12)
    nothing = tfd.Independent(tfd.Normal(tf.zeros([0, 3]), 1.0), 1)
    assert value_of(nothing, tf.zeros([1, 0, 3])).shape == (0,)


def test_penalty_takes_the_first_sample():
    z, loc, scale = drawn(6, 2)
    posterior = tfd.Independent(tfd.Normal(loc, scale), 1)
    values = value_of(posterior, tf.constant(np.stack([z, z + 1.0])))
    np.testing.assert_allclose(values, by_loops(z, loc, scale), rtol=1e-6)


def test_scale_may_broadcast():
    z, loc, _ = drawn(6, 2)
    posterior = tfd.Independent(tfd.Normal(loc, np.float64(0.5)), 1)
    expected = by_loops(z, loc, np.full_like(loc, 0.5))
    np.testing.assert_allclose(value_of(posterior, tf.constant(z[np.newaxis])), expected, rtol=1e-6)


def test_steps_of_sequences_are_rows():
    z, loc, scale = drawn(4 * 3, 2)
    sequences = [each.reshape(4, 3, 2) for each in (z, loc, scale)]
    posterior = tfd.Independent(tfd.Normal(*sequences[1:]), 1)
    values = value_of(posterior, tf.constant(sequences[0][np.newaxis]))
    expected = by_loops(z, loc, scale).reshape(4, 3).mean(axis=1)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_gradients_are_finite_where_posteriors_are_far_apart():
    loc = tf.Variable([[-1e3, 0.0], [1e3, 5.0], [0.0, 0.0]])
    scale = tf.Variable([[1e-4, 1.0], [1e-4, 10.0], [1.0, 1e-4]])
    noise = tf.constant(np.random.default_rng(0).normal(size=(3, 2)), tf.float32)
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(batch_total_correlation(loc + scale * noise, loc, scale))
    for gradient in tape.gradient(mean, [loc, scale]):
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    "posterior",
    [
        tfd.MultivariateNormalTriL(tf.zeros([4, 2]), tf.eye(2)),
        tfd.Independent(tfd.Laplace(tf.zeros([4, 2]), 1.0), 1),
        tfd.LogNormal(tf.zeros([4, 2]), 1.0),
    ],
    ids=["full_covariance", "laplace", "transformed"],
)
def test_other_posteriors_are_refused(posterior):
    with pytest.raises(ValueError, match=r"`posterior` must be a diagonal Gaussian.*TotalCorr"):
        value_of(posterior, tf.zeros([1, 4, 2]))


def test_posterior_over_other_variables_is_refused():
    posterior = tfd.Independent(tfd.Normal(tf.zeros([4, 4]), 1.0), 1)
    with pytest.raises(ValueError, match="`prior` must be one whose posterior is over z itself"):
        value_of(posterior, tf.zeros([1, 4, 2]), types.SimpleNamespace(posterior_is_over_z=False))


def test_weight_is_checked_and_config_comes_back():
    with pytest.raises(ValueError, match="`weight` must lie in"):
        BetaTC(-1.0)
    config = BetaTC(3.0, name="tc").get_config()
    assert BetaTC.from_config(config).get_config() == config
    assert BetaTC().name == "beta_tc"


def test_compiled_numbers_and_gradients_are_the_plain_ones():
    rng = np.random.default_rng(0)
    tensors = [
        tf.constant(values, tf.float32)
        for values in (*rng.normal(size=(2, 7, 3)), rng.uniform(0.1, 2.0, size=(7, 3)))
    ]

    def value_and_gradients(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            values = batch_total_correlation(*tensors)
            loss = tf.reduce_sum(values**2)
        return values, *tape.gradient(loss, tensors)

    plain = value_and_gradients(*tensors)
    compiled = tf.function(value_and_gradients)
    for one, other in zip(compiled(*tensors), plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    # It is compiled, and not in what is exported.
    traced = compiled.get_concrete_function(*tensors)
    assert "Log" not in {op.type for op in traced.graph.get_operations()}
    with _fused.disabled():
        exported = tf.function(value_and_gradients).get_concrete_function(*tensors)
    assert "Log" in {op.type for op in exported.graph.get_operations()}
