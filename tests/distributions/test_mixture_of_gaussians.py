"""The mixture of Gaussians with full covariances against SciPy and TFP."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import MixtureOfGaussians

tfd = tfp.distributions


def make(size=3, components=4):
    rng = np.random.default_rng(0)
    scale_tril = np.tril(rng.normal(size=(components, size, size)), -1)
    scale_tril += np.eye(size) * rng.uniform(0.2, 2.0, size=(components, 1, size))
    return rng.normal(size=(components, size)), scale_tril, rng.normal(size=components)


def test_log_prob_against_scipy():
    loc, scale_tril, logits = make()
    z = np.random.default_rng(1).normal(size=(2, 5, 3))
    each = [
        np.log(weight) + scipy.stats.multivariate_normal(mu, factor @ factor.T).logpdf(z)
        for weight, mu, factor in zip(scipy.special.softmax(logits), loc, scale_tril, strict=True)
    ]
    p = MixtureOfGaussians(loc, scale_tril, logits)
    np.testing.assert_allclose(p.log_prob(z), scipy.special.logsumexp(each, axis=0), rtol=1e-9)
    assert p.log_prob(z[0, 0]).shape == () and p.log_prob(z).dtype == tf.float64


def test_gradients_are_those_of_tfp():
    loc, scale_tril, logits = (tf.constant(one) for one in make())
    z = tf.constant(np.random.default_rng(1).normal(size=(6, 3)))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([loc, scale_tril, logits, z])
        own = MixtureOfGaussians(loc, scale_tril, logits).log_prob(z)
        other = tfd.MixtureSameFamily(
            tfd.Categorical(logits), tfd.MultivariateNormalTriL(loc, scale_tril)
        ).log_prob(z)
    for one in (loc, scale_tril, logits, z):
        np.testing.assert_allclose(tape.gradient(own, one), tape.gradient(other, one), atol=1e-9)


def test_samples_have_the_mean_and_covariance_of_the_mixture():
    loc, scale_tril, logits = make(size=2)
    samples = MixtureOfGaussians(loc, scale_tril, logits).sample(100_000, seed=(0, 0)).numpy()
    weights = scipy.special.softmax(logits)
    mean = weights @ loc
    second = np.einsum("k,kij,klj->il", weights, scale_tril, scale_tril)
    second += np.einsum("k,ki,kj->ij", weights, loc, loc)
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(samples.T), second - np.outer(mean, mean), atol=0.05)


def test_equal_weights_by_default_and_shapes_are_checked():
    loc, scale_tril, _ = make()
    z = np.zeros(3)
    equal = MixtureOfGaussians(loc, scale_tril, np.zeros(4))
    assert MixtureOfGaussians(loc, scale_tril).log_prob(z) == equal.log_prob(z)
    for bad in (scale_tril[:2], scale_tril[..., :2], scale_tril[0]):
        with pytest.raises(ValueError, match=r"\(K, N_z, N_z\), received"):
            MixtureOfGaussians(loc, bad)
