"""The mixture of posteriors against SciPy and a plain loop."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfvae.distributions import MixtureOfPosteriors, diagonal_gaussian_log_probs


def make(dtype, size=4, components=5, scale=1.0):
    rng = np.random.default_rng(0)
    loc = rng.normal(size=(components, size))
    scales = scale * rng.uniform(0.3, 2.0, size=(components, size))
    logits = rng.normal(size=components)
    z = rng.normal(size=(6, size))
    return [array.astype(dtype) for array in (loc, scales, logits, z)]


def loop_log_prob(loc, scale, logits, z):
    """log Σ_k π_k Π_d N(z_d; μ_kd, σ_kd), written for reading."""
    weights = np.exp(logits) / np.exp(logits).sum()
    result = []
    for point in z:
        parts = [
            np.log(weight) + scipy.stats.norm(mu, sigma).logpdf(point).sum()
            for weight, mu, sigma in zip(weights, loc, scale, strict=True)
        ]
        result.append(scipy.special.logsumexp(parts))
    return np.array(result)


def test_log_prob_against_a_loop():
    loc, scale, logits, z = make("float64")
    p = MixtureOfPosteriors(loc, scale, logits)
    np.testing.assert_allclose(p.log_prob(z), loop_log_prob(loc, scale, logits, z), rtol=1e-6)


def test_equal_weights_by_default():
    loc, scale, logits, z = make("float64")
    expected = loop_log_prob(loc, scale, 0 * logits, z)
    np.testing.assert_allclose(MixtureOfPosteriors(loc, scale).log_prob(z), expected, rtol=1e-6)


def test_narrow_components_far_from_zero_lose_no_digits_in_float32():
    loc, scale, logits, _ = make("float32", scale=1e-3)
    z = loc + 2 * scale
    exact = loop_log_prob(*(a.astype("float64") for a in (loc, scale, logits, z)))
    np.testing.assert_allclose(
        MixtureOfPosteriors(loc, scale, logits).log_prob(z), exact, rtol=1e-6
    )


def test_gradients_are_those_of_the_direct_form():
    loc, scale, _, z = (tf.constant(array) for array in make("float64"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([loc, scale, z])
        ours = tf.reduce_logsumexp(diagonal_gaussian_log_probs(z, loc, scale), axis=-1)
        square = ((z[:, None] - loc) / scale) ** 2
        direct = -0.5 * square - tf.math.log(scale) - 0.5 * np.log(2 * np.pi)
        direct = tf.reduce_logsumexp(tf.reduce_sum(direct, axis=-1), axis=-1)
    for variable in (loc, scale, z):
        np.testing.assert_allclose(
            tape.gradient(ours, variable), tape.gradient(direct, variable), rtol=1e-6
        )


def test_samples_have_the_mean_and_covariance_of_the_mixture():
    loc, scale, logits, _ = make("float64", size=2, components=3)
    p = MixtureOfPosteriors(loc, scale, logits)
    samples = p.sample(200_000, seed=(0, 0)).numpy()
    weights = scipy.special.softmax(logits)
    mean = weights @ loc
    second = np.einsum("k,ki,kj->ij", weights, loc, loc) + np.diag(weights @ scale**2)
    covariance = second - np.outer(mean, mean)
    np.testing.assert_allclose(samples.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(samples.T), covariance, atol=0.05)
    np.testing.assert_allclose(p.mean(), mean, rtol=1e-6)


def test_batches_of_points_keep_their_shape():
    loc, scale, _, z = make("float32")
    p = MixtureOfPosteriors(loc, scale)
    assert p.log_prob(np.stack([z, z, z])).shape == (3, 6)
    assert p.log_prob(z[0]).shape == ()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="one shape"):
        MixtureOfPosteriors(np.zeros((3, 2)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="one shape"):
        MixtureOfPosteriors(np.zeros(3), np.ones(3))


def test_many_components_are_taken_in_parts(monkeypatch):
    loc, scale, logits, z = make("float64", components=11)
    monkeypatch.setattr("tfvae.distributions.mixture_of_posteriors.CHUNK", 4)
    p = MixtureOfPosteriors(loc, scale, logits)
    expected = loop_log_prob(loc, scale, logits, z)
    np.testing.assert_allclose(p.log_prob(z), expected, rtol=1e-6)
    np.testing.assert_allclose(tf.function(p.log_prob)(z), expected, rtol=1e-6)


def test_samples_come_from_one_component_each():
    """Two narrow ones far apart, of the weights 3 : 1; no latent lies between."""
    p = MixtureOfPosteriors([[-9.0, 5.0], [9.0, 5.0]], [[0.1, 2.0], [0.3, 1.0]], np.log([3.0, 1.0]))
    z = p.sample((100, 200), seed=(0, 1)).numpy()
    assert z.shape == (100, 200, 2)
    z = z.reshape(-1, 2)
    low = z[z[:, 0] < 0.0]
    assert len(low) / 20_000 == pytest.approx(0.75, abs=0.0125)
    for values, normal in ((low, (-9.0, 0.1)), (z[z[:, 0] > 0.0], (9.0, 0.3))):
        assert scipy.stats.kstest(values[:, 0], scipy.stats.norm(*normal).cdf).pvalue > 1e-3
    assert scipy.stats.kstest(low[:, 1], scipy.stats.norm(5.0, 2.0).cdf).pvalue > 1e-3
