"""Bernoulli and Gaussian: densities, bounds, the learned scale, compiled sums."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

from tfvae import likelihoods
from tfvae.likelihoods import Bernoulli, Gaussian, bernoulli_log_prob, gaussian_log_prob

DATA = (4, 3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_bernoulli_log_prob_of_binary_data_against_scipy(rng):
    x = rng.integers(0, 2, size=(5, *DATA)).astype("float64")
    logits = 3 * rng.normal(size=(2, 5, *DATA))
    expected = scipy.stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-logits))).sum(axis=(-2, -1))
    np.testing.assert_allclose(bernoulli_log_prob(x, tf.constant(logits), 2), expected, rtol=1e-6)


def test_bernoulli_log_prob_of_grey_values_is_minus_the_cross_entropy(rng):
    x, p = rng.uniform(size=(5, 3)), rng.uniform(0.01, 0.99, size=(5, 3))
    expected = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=-1)
    logits = tf.constant(np.log(p / (1 - p)))
    np.testing.assert_allclose(bernoulli_log_prob(x, logits, 1), expected, rtol=1e-6)


def test_bernoulli_is_finite_with_finite_gradients_at_extreme_logits():
    x = tf.constant([[0.0, 1.0, 0.0, 1.0, 0.3]], tf.float64)
    logits = tf.constant([[800.0, 800.0, -800.0, -800.0, 500.0]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = bernoulli_log_prob(x, logits, 1)
    np.testing.assert_allclose(value, [-800.0 - 800.0 - 0.7 * 500.0], rtol=1e-12)
    np.testing.assert_allclose(tape.gradient(value, logits), [[-1, 0, 0, 1, -0.7]], atol=1e-12)


@pytest.mark.parametrize("log_scale", [-0.7, np.linspace(-2, 1, 12).reshape(DATA)])
def test_gaussian_log_prob_against_scipy(rng, log_scale):
    x, loc = rng.normal(size=(5, *DATA)), rng.normal(size=(2, 5, *DATA))
    expected = scipy.stats.norm(loc, np.exp(log_scale)).logpdf(x).sum(axis=(-2, -1))
    actual = gaussian_log_prob(x, tf.constant(loc), tf.constant(log_scale, tf.float64), 2)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def built(likelihood, log_scale=None):
    likelihood.build(DATA)
    if log_scale is not None:
        likelihood.update(tf.constant(np.exp(2 * np.asarray(log_scale)), tf.float32))
    return likelihood


CASES = {
    "bernoulli": lambda: built(Bernoulli()),
    "fixed": lambda: built(Gaussian(scale=0.5)),
    "learned": lambda: built(Gaussian(), -0.4),
    "per_feature": lambda: built(Gaussian("per_feature"), np.linspace(-1, 1, 12).reshape(DATA)),
}


@pytest.mark.parametrize("case", CASES)
def test_distortion_is_minus_the_log_prob_of_the_distribution(rng, case):
    likelihood = CASES[case]()
    x = rng.uniform(size=(5, *DATA)).astype("float32").round(0 if case == "bernoulli" else 6)
    outputs = tf.constant(rng.normal(size=(2, 5, *DATA)), tf.float32)
    distortion, error = likelihood.distortion_and_error(x, outputs)
    p = likelihood.distribution(outputs)
    assert p.batch_shape == (2, 5) and p.event_shape == DATA
    np.testing.assert_allclose(distortion, -p.log_prob(x), rtol=1e-5)
    np.testing.assert_allclose(likelihood.mean(outputs), p.mean(), rtol=1e-6)
    if case != "bernoulli":
        np.testing.assert_allclose(error, ((x - outputs.numpy()) ** 2).sum((-2, -1)), rtol=1e-5)
    else:
        np.testing.assert_array_equal(error, distortion)


@pytest.mark.parametrize("case", CASES)
def test_bound_and_kappa_are_inverse(case):
    likelihood = CASES[case]()
    assert likelihood.num_features == 12
    np.testing.assert_allclose(likelihood.kappa_of(likelihood.bound(0.3)), 0.3, rtol=1e-12)
    assert likelihood.bound(0.3) == pytest.approx(12 * 0.3 if case == "bernoulli" else 12 * 0.09)


def test_error_range_of_a_gaussian_is_zero_to_the_variance(rng):
    x = (3.0 + 2.0 * rng.normal(size=(500, *DATA))).astype("float32")
    perfect, constant = CASES["fixed"]().error_range(tf.constant(x))
    assert float(perfect) == 0.0
    np.testing.assert_allclose(constant, x.var(axis=0).sum(), rtol=1e-4)


def test_error_range_of_a_bernoulli_starts_at_the_entropy_of_the_data(rng):
    x = rng.uniform(size=(500, *DATA)).astype("float32")
    entropy = lambda p: -(p * np.log(p) + (1 - p) * np.log(1 - p))  # noqa: E731
    perfect = entropy(x).sum(axis=(1, 2)).mean()
    constant = entropy(x.mean(axis=0)).sum()
    actual = CASES["bernoulli"]().error_range(tf.constant(x))
    np.testing.assert_allclose(actual, (perfect, constant), rtol=1e-4)


@pytest.mark.parametrize("scale", ["learned", "per_feature"])
def test_learned_scale_is_a_moving_average_of_the_squared_error(rng, scale):
    likelihood = built(Gaussian(scale))
    np.testing.assert_array_equal(likelihood.log_scale, np.zeros_like(likelihood.log_scale))
    variance = None
    for _ in range(4):
        x, outputs = rng.normal(size=(50, *DATA)), rng.normal(size=(2, 50, *DATA))
        x, outputs = tf.constant(x, tf.float32), tf.constant(outputs, tf.float32)
        _, error = likelihood.distortion_and_error(x, outputs)
        residual = likelihood.residual(x, outputs, error)
        likelihood.update(tf.reduce_mean(residual, axis=(0, 1)))
        square = (x.numpy() - outputs.numpy()) ** 2
        mean = square.mean(axis=(0, 1) if scale == "per_feature" else None)
        variance = mean if variance is None else 0.1 * mean + 0.9 * variance
        np.testing.assert_allclose(likelihood.log_scale, 0.5 * np.log(variance), atol=1e-5)


def test_constant_features_keep_a_finite_density():
    likelihood = built(Gaussian("per_feature"))
    likelihood.update(tf.zeros(DATA))
    distortion, _ = likelihood.distortion_and_error(tf.zeros([1, *DATA]), tf.zeros([1, 1, *DATA]))
    np.testing.assert_allclose(distortion[0], 12 * np.log(1e-4 * np.sqrt(2 * np.pi)), rtol=1e-5)


def test_fixed_likelihoods_have_nothing_to_learn():
    for case in ("bernoulli", "fixed"):
        x, outputs = tf.zeros([1, *DATA]), tf.zeros([1, 1, *DATA])
        assert CASES[case]().residual(x, outputs, tf.zeros([1, 1])) is None


@pytest.mark.parametrize("case", ["bernoulli", "fixed", "learned"])
def test_error_weight_is_the_derivative_of_the_distortion(rng, case):
    # A learned scale starts with its first update.
    likelihood = built(Gaussian()) if case == "learned" else CASES[case]()
    x = rng.uniform(size=(5, *DATA)).astype("float32")
    outputs = tf.constant(rng.normal(size=(1, 5, *DATA)), tf.float32)
    _, error = likelihood.distortion_and_error(x, outputs)
    mean = tf.reduce_mean(error)
    if case == "learned":  # The scale that belongs to this error
        likelihood.update(mean / 12)
    distortion, _ = likelihood.distortion_and_error(x, outputs)
    rest = distortion - likelihood.error_weight(mean) * error
    np.testing.assert_allclose(rest, np.full((1, 5), rest[0, 0]), atol=1e-3)
    if case == "fixed":  # whatever κ a user gives
        assert float(likelihood.error_weight(7.0)) == pytest.approx(0.5 / 0.5**2)


@pytest.mark.parametrize("scale", ["learned", "per_feature"])
def test_scale_of_the_first_step_is_the_size_of_the_data(rng, scale):
    likelihood = built(Gaussian(scale))
    x = (10.0 * rng.normal(size=(5, *DATA))).astype("float32")
    for useless in (np.full_like(x, np.nan), np.zeros_like(x)):
        likelihood.observe_batch(tf.constant(useless))
        assert np.all(likelihood.log_scale == 0.0)
    for batch in (x, 2.0 * x):  # the second changes nothing
        likelihood.observe_batch(tf.constant(batch))
        np.testing.assert_allclose(likelihood.log_scale, 0.5 * np.log((x**2).mean()), rtol=1e-5)
    # It is a guess: the first error takes its place.
    likelihood.update(tf.fill(likelihood.log_scale.shape, 4.0))
    np.testing.assert_allclose(likelihood.log_scale, np.log(2.0), rtol=1e-5)


def test_support():
    bernoulli = CASES["bernoulli"]()
    assert bernoulli.in_support(tf.constant([[0.0, 0.5, 1.0]]))
    assert not bernoulli.in_support(tf.constant([[0.0, 1.0001]]))
    assert not bernoulli.in_support(tf.constant([[-0.0001, 1.0]]))


@pytest.mark.parametrize("bad", [0, -1.0, "wide", float("inf"), float("nan"), None])
def test_scale_is_checked(bad):
    with pytest.raises(ValueError, match=r"`scale` must lie in .*received"):
        Gaussian(scale=bad)


def test_short_names():
    assert isinstance(likelihoods.get("bernoulli"), Bernoulli)
    assert isinstance(likelihoods.get("gaussian"), Gaussian)
    with pytest.raises(ValueError, match=r"'bernoulli', 'gaussian'.*'bernouli'\. Did you"):
        likelihoods.get("bernouli")
    with pytest.raises(ValueError, match="received 3"):
        likelihoods.get(3)


@pytest.mark.parametrize("case", CASES)
def test_compiled_sums_have_the_values_and_gradients_of_the_plain_ones(rng, case):
    from tfvae import _fused

    likelihood = CASES[case]()
    x = tf.constant(rng.uniform(size=(5, *DATA)), tf.float32)
    outputs = tf.constant(3 * rng.normal(size=(2, 5, *DATA)), tf.float32)

    def value_and_gradient():
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            distortion, error = likelihood.distortion_and_error(x, outputs)
            total = tf.reduce_sum(distortion**2) + tf.reduce_sum(error)
        return [distortion, error, tape.gradient(total, outputs)]

    assert _fused.is_available()
    compiled = value_and_gradient()
    with _fused.disabled():
        plain = value_and_gradient()
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 6, 8, 28])
def test_few_logarithms_are_the_sum_of_many(rng, size):
    """Of two samples, compiled, with logits far out; against NumPy in float64."""
    x = rng.uniform(size=(4, size)).round().astype("float32")
    logits = (10.0 ** rng.uniform(-3, 2, (2, 4, size)) * rng.choice([-1, 1], (2, 4, size))).astype(
        "float32"
    )
    likelihood = likelihoods.Bernoulli()
    likelihood.build((size,))
    variable = tf.Variable(logits)

    @tf.function
    def value_and_gradient():
        with tf.GradientTape() as tape:
            distortion, _ = likelihood.distortion_and_error(tf.constant(x), variable.value())
        return distortion, tape.gradient(distortion, variable)

    distortion, gradient = value_and_gradient()
    wide = logits.astype("float64")
    expected = np.sum(np.logaddexp(0.0, wide) - x * wide, axis=-1)
    np.testing.assert_allclose(distortion, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, scipy.special.expit(wide) - x, atol=1e-6)
