"""Diagonal Gaussians against SciPy and against TFP's own Normal."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import diagonal_gaussian, is_diagonal_gaussian

tfd = tfp.distributions


@pytest.fixture
def moments():
    rng = np.random.default_rng(0)
    loc, scale = 3.0 * rng.normal(size=(5, 2)), rng.uniform(0.1, 2.0, (5, 2))
    return loc.astype("float32"), scale.astype("float32")


def test_density_is_scipys(moments):
    x = np.random.default_rng(1).normal(size=(3, 5, 2)).astype("float32")
    expected = scipy.stats.norm(*moments).logpdf(x.astype("float64")).sum(axis=-1)
    np.testing.assert_allclose(diagonal_gaussian(*moments).log_prob(x), expected, rtol=1e-5)


def test_a_sample_has_the_density_of_its_noise(moments):
    """The same sample as `sample`, with the density that SciPy has there."""
    gaussian = diagonal_gaussian(*moments)
    z, log_prob = gaussian.experimental_sample_and_log_prob(4, seed=(1, 2))
    np.testing.assert_array_equal(z, gaussian.sample(4, seed=(1, 2)))
    expected = scipy.stats.norm(*moments).logpdf(np.float64(z)).sum(axis=-1)
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4, atol=1e-4)


def test_gradients_are_those_of_tfp(moments):
    """Of log p(z) − log q(z) at reparameterised samples, with respect to μ and σ of q."""
    loc, scale = (tf.constant(one) for one in moments)

    def gradients(gaussian, sampled):
        with tf.GradientTape() as tape:
            tape.watch([loc, scale])
            q = gaussian(loc, scale)
            if sampled:
                z, log_q = q.experimental_sample_and_log_prob(4, seed=(1, 2))
            else:
                z = q.sample(4, seed=(1, 2))
                log_q = q.log_prob(z)
            value = tf.reduce_mean(gaussian(2.0 * loc, 1.0 + scale).log_prob(z) - log_q)
        return tape.gradient(value, [loc, scale])

    expected = gradients(lambda *args: tfd.Independent(tfd.Normal(*args), 1), False)
    for ours in (gradients(diagonal_gaussian, True), gradients(diagonal_gaussian, False)):
        for a, b in zip(ours, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_closed_forms_of_tfp_hold(moments):
    """The divergence of two is TFP's, though the class is another."""
    q, p = diagonal_gaussian(*moments), diagonal_gaussian(tf.zeros([2]), tf.ones([2]))
    loc, scale = (one.astype("float64") for one in moments)
    expected = 0.5 * np.sum(loc**2 + scale**2 - 1.0 - 2.0 * np.log(scale), axis=-1)
    np.testing.assert_allclose(q.kl_divergence(p), expected, rtol=1e-5)


def test_what_is_a_diagonal_gaussian():
    """A distribution made of one has a `distribution` that is normal, and other moments."""
    normal = tfd.Normal(tf.zeros([5, 2]), 1.0)
    independent = tfd.Independent(normal, 1)
    shifted = tfp.bijectors.Exp()(normal)
    assert is_diagonal_gaussian(independent)
    for other in (normal, shifted, tfd.Independent(shifted, 1)):
        assert not is_diagonal_gaussian(other)
    laplace = tfd.Laplace(tf.zeros([5, 2]), 1.0)
    assert not is_diagonal_gaussian(tfd.Independent(laplace, 1))
