"""The importance-weighted marginal against the closed forms of a linear-Gaussian model."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import ImportanceWeightedMarginal, log_mean_exp

tfd = tfp.distributions

N_Z, N_ZETA, SIGMA = 3, 2, 0.7
W = np.array([[1.0, -0.5], [0.3, 0.8], [-1.2, 0.4]])
BIAS = np.array([0.5, -1.0, 0.2])


def linear_gaussian(num_importance_samples, proposal):
    """p(ζ) = N(0, I), p(z|ζ) = N(Wζ + b, σ²I) in float64."""
    return ImportanceWeightedMarginal(
        prior=tfd.MultivariateNormalDiag(
            tf.zeros([N_ZETA], tf.float64), tf.ones([N_ZETA], tf.float64)
        ),
        conditional=lambda zeta: tfd.MultivariateNormalDiag(
            tf.linalg.matvec(W, zeta) + BIAS, tf.fill([N_Z], tf.constant(SIGMA, tf.float64))
        ),
        proposal=proposal,
        num_importance_samples=num_importance_samples,
        event_size=N_Z,
    )


def exact_posterior(z):
    """p(ζ|z) = N(M⁻¹Wᵀ(z − b), σ²M⁻¹), M = WᵀW + σ²I."""
    m_inverse = np.linalg.inv(W.T @ W + SIGMA**2 * np.eye(N_ZETA))
    loc = tf.linalg.matvec(m_inverse @ W.T, z - BIAS)
    return tfd.MultivariateNormalTriL(loc, np.linalg.cholesky(SIGMA**2 * m_inverse))


def wide_proposal(z):
    """A poor q(ζ|z): right in nothing but its support."""
    return tfd.MultivariateNormalDiag(
        tf.zeros([*z.shape[:-1], N_ZETA], tf.float64),
        tf.fill([N_ZETA], tf.constant(1.5, tf.float64)),
    )


def evidence(z):
    """log N(z; b, WWᵀ + σ²I) by SciPy."""
    return scipy.stats.multivariate_normal(BIAS, W @ W.T + SIGMA**2 * np.eye(N_Z)).logpdf(z)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(1).normal(size=(7, N_Z))


@pytest.mark.parametrize("num_importance_samples", [1, 5])
def test_exact_posterior_makes_the_bound_tight(points, num_importance_samples):
    p = linear_gaussian(num_importance_samples, exact_posterior)
    np.testing.assert_allclose(p.log_prob(points, seed=(0, 0)), evidence(points), rtol=1e-6)


def test_bound_rises_with_samples_and_stays_below_the_evidence(points):
    repeats = 4000
    tiled = np.tile(points, (repeats, 1, 1))
    means, errors = [], []
    for k in (1, 4, 16, 64):
        bound = linear_gaussian(k, wide_proposal).log_prob(tiled, seed=(0, k)).numpy().mean(axis=1)
        means.append(bound.mean())
        errors.append(bound.std() / np.sqrt(repeats))
    exact = evidence(points).mean()
    assert all(np.diff(means) > 4 * np.array(errors[1:]))
    assert all(mean < exact + 4 * error for mean, error in zip(means, errors, strict=True))
    assert exact - means[-1] < 0.05 < exact - means[0]


def test_exponential_of_the_bound_is_an_unbiased_density(points):
    tiled = np.tile(points, (100_000, 1, 1))
    density = np.exp(linear_gaussian(2, wide_proposal).log_prob(tiled, seed=(0, 0)))
    error = density.std(axis=0) / np.sqrt(len(density))
    assert np.all(np.abs(density.mean(axis=0) - np.exp(evidence(points))) < 4 * error)


def test_single_sample_is_the_elbo_estimate_of_a_plain_loop(points):
    p = linear_gaussian(1, wide_proposal)
    zeta = wide_proposal(points).sample(1, seed=(3, 4))[0].numpy()
    expected = [
        scipy.stats.norm(W @ e + BIAS, SIGMA).logpdf(z).sum()
        + scipy.stats.norm.logpdf(e).sum()
        - scipy.stats.norm(0.0, 1.5).logpdf(e).sum()
        for z, e in zip(points, zeta, strict=True)
    ]
    np.testing.assert_allclose(p.log_prob(points, seed=(3, 4)), expected, rtol=1e-6)


def test_samples_have_the_moments_of_the_marginal():
    samples = linear_gaussian(1, exact_posterior).sample(200_000, seed=(1, 1)).numpy()
    covariance = W @ W.T + SIGMA**2 * np.eye(N_Z)
    np.testing.assert_allclose(samples.mean(axis=0), BIAS, atol=4 * np.sqrt(covariance.max() / 2e5))
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.03)


def test_shapes_seeds_and_gradients(points):
    p = linear_gaussian(4, wide_proposal)
    assert p.batch_shape == [] and p.event_shape == [N_Z]
    assert p.sample((2, 5), seed=(0, 0)).shape == (2, 5, N_Z)
    assert p.log_prob(points[0], seed=(0, 0)).shape == ()
    assert p.log_prob(np.stack([points, points]), seed=(0, 0)).shape == (2, 7)
    np.testing.assert_array_equal(p.log_prob(points, seed=(5, 6)), p.log_prob(points, seed=(5, 6)))
    assert np.any(p.log_prob(points, seed=(5, 6)) != p.log_prob(points, seed=(5, 7)))
    z = tf.constant(points)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = tf.reduce_sum(linear_gaussian(1, exact_posterior).log_prob(z, seed=(0, 0)))
    covariance = W @ W.T + SIGMA**2 * np.eye(N_Z)
    expected = -np.linalg.solve(covariance, (points - BIAS).T).T
    np.testing.assert_allclose(tape.gradient(value, z), expected, rtol=1e-6)


def test_log_mean_exp_subtracts_the_logarithm_of_the_count():
    log_weights = np.random.default_rng(0).normal(size=(6, 3)) + 800.0
    expected = np.log(np.mean(np.exp(log_weights - 800.0), axis=0)) + 800.0
    np.testing.assert_allclose(log_mean_exp(tf.constant(log_weights)), expected, rtol=1e-12)


@pytest.mark.parametrize("bad", [0, -1, 1.5, "3", True])
def test_number_of_samples_is_checked(bad):
    with pytest.raises(ValueError, match=r"num_importance_samples.*received"):
        linear_gaussian(bad, wide_proposal)
