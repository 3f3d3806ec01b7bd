"""Every likelihood against SciPy in float64, with and without missing values."""

import inspect

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import likelihoods
from tfvae.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Laplace,
    Likelihood,
    Mixed,
    NegativeBinomial,
    Poisson,
    StudentT,
)

DATA = (4, 3)
NU = 3.5


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def nb(x, log_mean, r):
    return scipy.stats.nbinom.logpmf(x, r, r / (r + np.exp(log_mean)))


def counts(rng, shape):
    return rng.poisson(3.0, size=shape)


# How to make it, what x may be, and SciPy's log density of each feature.
CASES = {
    "bernoulli": (
        Bernoulli,
        lambda rng, shape: rng.integers(2, size=shape),
        lambda x, o: scipy.stats.bernoulli.logpmf(x, 1 / (1 + np.exp(-o))),
    ),
    "gaussian": (
        lambda **kw: Gaussian(0.5, **kw),
        lambda rng, shape: rng.normal(size=shape),
        lambda x, o: scipy.stats.norm(o, 0.5).logpdf(x),
    ),
    "laplace": (
        lambda **kw: Laplace(0.5, **kw),
        lambda rng, shape: rng.normal(size=shape),
        lambda x, o: scipy.stats.laplace(o, 0.5).logpdf(x),
    ),
    "student_t": (
        lambda **kw: StudentT(NU, 0.5, **kw),
        lambda rng, shape: 3 * rng.normal(size=shape),
        lambda x, o: scipy.stats.t(NU, o, 0.5).logpdf(x),
    ),
    "categorical": (
        lambda **kw: Categorical(5, **kw),
        lambda rng, shape: rng.integers(5, size=shape),
        lambda x, o: np.take_along_axis(
            np.log(softmax(o)), np.broadcast_to(x, o.shape[:-1]).astype(int)[..., None], -1
        )[..., 0],
    ),
    "poisson": (Poisson, counts, lambda x, o: scipy.stats.poisson.logpmf(x, np.exp(o))),
    "negative_binomial": (
        lambda **kw: NegativeBinomial(1.7, **kw),
        counts,
        lambda x, o: nb(x, o, 1.7),
    ),
    "learned dispersion": (NegativeBinomial, counts, lambda x, o: nb(x, o, 1.0)),
    "dispersion of the decoder": (
        lambda **kw: NegativeBinomial("decoder", **kw),
        counts,
        lambda x, o: nb(x, o[..., 0], np.exp(o[..., 1])),
    ),
}
ERRORS = {"gaussian": np.square, "laplace": np.abs, "student_t": np.abs}  # else −log p


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def of(case, rng, missing=False, shape=DATA):
    """A built likelihood, x (5, *data), outputs (2, 5, *out), both float64, and the log density."""
    make, draw, log_prob = CASES[case]
    likelihood = make(missing=missing)
    likelihood.build(shape)
    x = draw(rng, (5, *shape)).astype("float64")
    outputs = rng.normal(size=(2, 5, *likelihood.decoder_output_shape(shape)))
    return likelihood, x, outputs, log_prob(x, outputs)


def with_gaps(rng, x):
    """x with NaN here and there, in the whole of the first example, and in one feature."""
    gaps = rng.uniform(size=x.shape) < 0.3
    gaps[0] = True
    gaps[:, 0, 0] = True
    return np.where(gaps, np.nan, x), gaps


@pytest.mark.parametrize("case", CASES)
def test_distortion_and_distribution_against_scipy(case, rng):
    likelihood, x, outputs, expected = of(case, rng)
    distortion, _ = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
    np.testing.assert_allclose(distortion, -expected.sum((-2, -1)), rtol=1e-6)
    p = likelihood.distribution(tf.constant(outputs))
    assert p.batch_shape == (2, 5) and p.event_shape == DATA
    np.testing.assert_allclose(p.log_prob(x), expected.sum((-2, -1)), rtol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_missing_values_are_left_out_of_distortion_and_error(case, rng):
    likelihood, x, outputs, expected = of(case, rng, missing=True)
    x, gaps = with_gaps(rng, x)
    distortion, error = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
    np.testing.assert_allclose(
        distortion, -np.where(gaps, 0.0, expected).sum((-2, -1)), rtol=1e-6, atol=1e-12
    )
    errors = ERRORS[case](x - outputs) if case in ERRORS else -expected
    np.testing.assert_allclose(
        error, np.where(gaps, 0.0, errors).sum((-2, -1)), rtol=1e-6, atol=1e-12
    )
    np.testing.assert_array_equal(likelihood.num_observed(tf.constant(x)), (~gaps).sum((-2, -1)))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_finite_and_0_where_values_are_missing(case, compiled, rng):
    likelihood, x, outputs, _ = of(case, rng, missing=True)
    x, gaps = with_gaps(rng, x)

    def gradient(x, outputs):
        with tf.GradientTape() as tape:
            tape.watch(outputs)
            distortion, error = likelihood.distortion_and_error(x, outputs)
            total = tf.reduce_sum(distortion) + tf.reduce_sum(error)
        return tape.gradient(total, outputs)

    gradient = tf.function(gradient) if compiled else gradient
    found = gradient(tf.constant(x, tf.float32), tf.constant(outputs, tf.float32)).numpy()
    found = found.reshape(2, 5, *DATA, -1)
    assert np.all(np.isfinite(found))
    assert not np.any(found[:, gaps])
    assert np.all(np.any(found[:, ~gaps] != 0.0, axis=-1))


@pytest.mark.parametrize("case", CASES)
def test_means_and_samples(case, rng):
    likelihood, _, outputs, _ = of(case, rng)
    outputs = outputs[0, :1].astype("float32")
    mean = likelihood.mean(tf.constant(outputs)).numpy()
    samples = likelihood.distribution(tf.constant(outputs)).sample(20_000, seed=[1, 2]).numpy()
    assert samples.dtype == np.float32 and np.all(likelihood.allows(samples))
    if case == "categorical":
        np.testing.assert_array_equal(mean, outputs.argmax(-1))
        shares = np.stack([(samples == s).mean(0) for s in range(5)], axis=-1)
        np.testing.assert_allclose(shares, softmax(outputs), atol=0.02)
        np.testing.assert_allclose(likelihood.probabilities(outputs), softmax(outputs), rtol=1e-5)
    else:
        error = 6 * samples.std(0) / np.sqrt(len(samples))
        assert np.all(np.abs(samples.mean(0) - mean) < error)


@pytest.mark.parametrize("case", CASES)
def test_kappa_is_per_feature_and_the_inverse_of_the_bound(case, rng):
    likelihood, *_ = of(case, rng)
    power = 2 if case == "gaussian" else 1
    assert likelihood.bound(0.3) == pytest.approx(12 * 0.3**power)
    assert likelihood.kappa_of(likelihood.bound(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize("case", CASES)
def test_kappa_counts_the_values_that_an_example_has(case, rng):
    likelihood, x, *_ = of(case, rng, missing=True)
    power = 2 if case == "gaussian" else 1
    assert float(likelihood.bound(0.3)) == pytest.approx(12 * 0.3**power)  # nothing seen yet
    x[:, :, 0] = np.nan  # a third of the values
    for _ in range(3):
        likelihood.count_observed(tf.constant(x, tf.float32))
    assert float(likelihood.bound(0.3)) == pytest.approx(8 * 0.3**power, rel=1e-5)
    assert float(likelihood.kappa_of(likelihood.bound(0.3))) == pytest.approx(0.3, rel=1e-5)


def constant_error(case, x):
    """The mean C of the best constant, summed over features, by NumPy."""
    mean = x.mean(0)
    if case in ERRORS:
        return ERRORS[case](x - mean).mean(0).sum()
    if case == "categorical":
        frequencies = np.stack([(x == s).mean(0) for s in range(5)], axis=-1)
        return scipy.stats.entropy(frequencies, axis=-1).sum()
    if case == "bernoulli":
        return scipy.stats.bernoulli(mean).entropy().sum()
    if case == "poisson":
        return -scipy.stats.poisson.logpmf(x, mean).mean(0).sum()
    r = 1.7 if case == "negative_binomial" else mean**2 / np.maximum(x.var(0) - mean, 1e-6)
    r = np.clip(r, np.exp(-10), np.exp(10))
    return -nb(x, np.log(mean), r).mean(0).sum()


@pytest.mark.parametrize("case", CASES)
def test_error_range_is_from_a_perfect_model_to_the_best_constant(case, rng):
    make, draw, _ = CASES[case]
    likelihood = make()
    likelihood.build(DATA)
    x = draw(rng, (300, *DATA)).astype("float32")
    perfect, constant = likelihood.error_range(tf.constant(x))
    np.testing.assert_allclose(constant, constant_error(case, x.astype("float64")), rtol=1e-3)
    assert 0.0 <= float(perfect) < float(constant)


@pytest.mark.parametrize("case", CASES)
def test_error_range_leaves_missing_values_out(case, rng):
    make, draw, _ = CASES[case]
    x = draw(rng, (50, 3)).astype("float32")
    # Features without gaps, of which a half of the examples has one, have the half of the range.
    gaps = np.concatenate(
        [np.concatenate([x, np.full_like(x, np.nan)]), np.full((100, 1), np.nan)], 1
    )
    ranges = []
    for data, missing in ((x, False), (gaps, True)):
        likelihood = make(missing=missing)
        likelihood.build(data.shape[1:])
        ranges.append(np.array(likelihood.error_range(tf.constant(data))))
    np.testing.assert_allclose(ranges[1], ranges[0] / 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scale", ["learned", "per_feature"])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("name", ["gaussian", "laplace", "student_t"])
def test_learned_scales_are_those_of_the_greatest_likelihood(name, missing, scale, rng):
    make = {
        "gaussian": Gaussian,
        "laplace": Laplace,
        "student_t": lambda **kw: StudentT(NU, **kw),
    }[name]
    density = {
        "gaussian": scipy.stats.norm,
        "laplace": scipy.stats.laplace,
        "student_t": scipy.stats.t(NU),
    }[name]
    likelihood = make(scale=scale, missing=missing)
    likelihood.build((3,))
    x = (rng.standard_t(3, size=(400, 3)) * np.array([0.1, 1.0, 5.0])).astype("float32")
    outputs = (0.1 * rng.normal(size=(1, 400, 3))).astype("float32")
    if missing:
        x[rng.uniform(size=x.shape) < 0.4] = np.nan

    @tf.function
    def step():
        likelihood.observe_batch(tf.constant(x))
        _, error = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
        residual = likelihood.residual(tf.constant(x), tf.constant(outputs), error)
        likelihood.update(tf.reduce_mean(residual, axis=(0, 1)))

    for _ in range(150):
        step()

    def best(rest):
        logpdf = density.logpdf if name == "student_t" else density().logpdf
        rest = rest[~np.isnan(rest)].astype("float64")
        minus = lambda log_s: np.sum(log_s - logpdf(rest / np.exp(log_s)))  # noqa: E731
        return scipy.optimize.minimize_scalar(minus, bounds=(-4, 3), method="bounded").x

    rest = x - outputs[0]
    expected = best(rest) if scale == "learned" else [best(rest[:, i]) for i in range(3)]
    np.testing.assert_allclose(likelihood.log_scale, expected, atol=5e-3)


def test_a_feature_that_a_batch_lacks_keeps_its_scale():
    likelihood = Gaussian("per_feature", missing=True)
    likelihood.build((2,))
    outputs = tf.zeros([1, 2, 2])
    for x in ([[2.0, 3.0], [2.0, 3.0]], [[2.0, np.nan], [2.0, np.nan]]):
        x = tf.constant(x)
        residual = likelihood.residual(x, outputs, tf.zeros([1, 2]))
        likelihood.update(tf.reduce_mean(residual, axis=(0, 1)))
        np.testing.assert_allclose(likelihood.log_scale, np.log([2.0, 3.0]), rtol=1e-6)


@pytest.mark.parametrize("name", ["laplace", "student_t"])
def test_error_weight_is_the_derivative_of_the_distortion(name, rng):
    """Errors of the shape that the likelihood expects, k times as large: dD/dC at k = 1."""
    scale, step = 0.7, 1e-3
    fixed = {"laplace": Laplace, "student_t": lambda s: StudentT(NU, s)}[name](scale)
    learned = {"laplace": Laplace, "student_t": lambda: StudentT(NU)}[name]()
    # Quantiles in place of random numbers.
    quantiles = (np.arange(200_000) + 0.5) / 200_000
    density = scipy.stats.laplace if name == "laplace" else scipy.stats.t(NU)
    noise = scale * (density.ppf(quantiles))[:, None]
    for likelihood in (fixed, learned):
        likelihood.build((1,))
    ends = []
    for k in (1 - step, 1 + step):
        distortion, error = fixed.distortion_and_error(
            tf.constant(k * noise), tf.zeros([1, 1], tf.float64)
        )
        ends.append((np.mean(distortion), np.mean(error)))
    (d0, c0), (d1, c1) = ends
    assert float(fixed.error_weight(0.1)) == pytest.approx((d1 - d0) / (c1 - c0), rel=1e-2)
    # Of a learned scale: that of the fixed one at the scale which has this error.
    assert float(learned.error_weight(0.5 * (c0 + c1))) == pytest.approx(
        float(fixed.error_weight(0.1)), rel=1e-2
    )


@pytest.mark.parametrize(
    "likelihood",
    [
        Bernoulli(),
        Gaussian(0.5),
        Gaussian(),
        Laplace(),
        Laplace(0.3),
        StudentT(NU),
        StudentT(NU, 2.0),
    ],
)
def test_nats_between_two_errors_are_the_integral_of_the_weight(likelihood):
    likelihood.build((5,))
    weight = lambda error: float(likelihood.error_weight(tf.constant(error)))  # noqa: E731
    integral = scipy.integrate.quad(weight, 0.7, 4.0)[0]
    nats = likelihood.nats_between(tf.constant(0.7), tf.constant(4.0))
    assert float(nats) == pytest.approx(integral, rel=1e-5)


def test_the_dispersion_is_a_weight_and_kept_where_gradients_are_finite():
    likelihood = NegativeBinomial()
    likelihood.build((2,))
    (weight,) = likelihood.trainable_weights
    weight.assign([50.0, -50.0])
    x, outputs = tf.constant([[4.0, 0.0]]), tf.constant([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        distortion, _ = likelihood.distortion_and_error(x, outputs)
    expected = nb(4, 1.0, np.exp(10.0)) + nb(0, 2.0, np.exp(-10.0))
    np.testing.assert_allclose(distortion[0], -expected, rtol=1e-3)
    assert np.all(np.isfinite(tape.gradient(distortion, outputs)))
    # So large an r is a Poisson distribution.
    np.testing.assert_allclose(
        nb(4, 1.0, np.exp(10.0)), scipy.stats.poisson.logpmf(4, np.e), rtol=1e-3
    )


@pytest.mark.parametrize(
    ("likelihood", "good", "bad", "words"),
    [
        (Categorical(3), [0.0, 2.0, 1.0], [-1.0, 3.0, 0.5], "a whole number from 0 to 2"),
        (Poisson(), [0.0, 7.0, 1e6], [-1.0, 0.5, np.inf], "a whole number ≥ 0"),
        (NegativeBinomial(), [0.0, 7.0], [-2.0, np.nan], "a whole number ≥ 0"),
        (Laplace(), [-1e9, 0.5], [np.inf, np.nan], "a finite number"),
        (Bernoulli(), [0.0, 1.000001], [1.1, np.nan], "in [0, 1]"),
        (Bernoulli(missing=True), [0.0, np.nan], [1.1, np.inf],
         "in [0, 1], or NaN where it is missing"),
    ],
)  # fmt: skip
def test_what_is_allowed(likelihood, good, bad, words):
    assert likelihood.allowed == words
    for values, allowed in ((good, True), (bad, False)):
        assert np.all(likelihood.allows(np.array(values)) == allowed)
        assert np.all(likelihood.allows(tf.constant(values)).numpy() == allowed)
    assert likelihood.in_support(tf.constant(good))
    finite = np.array([value for value in bad if np.isfinite(value)], "float32")
    assert len(finite) == 0 or not likelihood.in_support(tf.constant(finite))
    usual = likelihood.usual_values(np.linspace(0.0, 0.999, 50))
    assert np.all(likelihood.allows(usual))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Categorical(1), "`num_categories` must be at least 2"),
        (lambda: Categorical(2.5), "`num_categories`"),
        (lambda: NegativeBinomial("shared"), r"`dispersion` must lie in .*'shared'"),
        (lambda: StudentT(1.0), "`degrees_of_freedom` must lie in"),
        (lambda: Laplace("wide"), r"`scale` must lie in .*'wide'"),
        (lambda: Gaussian(missing="yes"), "`missing` must be True or False, received 'yes'"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_missing_values_are_filled_with_the_mean_of_all_that_was_seen(rng):
    likelihood = Gaussian(missing=True)
    likelihood.build((3,))
    batches = [rng.normal(5.0, 2.0, size=(20, 3)).astype("float32") for _ in range(4)]
    for x in batches:
        x[rng.uniform(size=x.shape) < 0.3] = np.nan
        x[:, 2] = np.nan
        likelihood.count_observed(tf.constant(x), tf.ones([20]))
    x = np.concatenate(batches)
    filled = likelihood.filled(tf.constant(x)).numpy()
    means = [np.nanmean(x[:, 0]), np.nanmean(x[:, 1]), 0.0]
    np.testing.assert_allclose(filled, np.where(np.isnan(x), means, x), rtol=1e-5)
    share = np.mean(~np.isnan(x))
    np.testing.assert_allclose(likelihood.mean_num_observed(), 3 * share, rtol=1e-5)


def test_examples_without_weight_are_not_counted():
    likelihood = Gaussian(missing=True)
    likelihood.build((1,))
    x = tf.constant([[1.0], [np.nan], [100.0], [np.nan]])
    likelihood.count_observed(x, tf.constant([3.0, 1.0, 0.0, 0.0]))
    np.testing.assert_allclose(likelihood.filled(x), [[1.0], [1.0], [100.0], [1.0]])
    assert float(likelihood.mean_num_observed()) == pytest.approx(0.75)
    likelihood.count_observed(x, tf.zeros([4]))  # no mean follows
    assert float(likelihood.mean_num_observed()) == pytest.approx(0.75)


class Own(Likelihood):
    """A likelihood that gives `distribution` alone."""

    def distribution(self, outputs):
        return tfp.distributions.Independent(
            tfp.distributions.Logistic(outputs, 1.0), self.data_rank
        )


class Joint(Likelihood):
    """A likelihood that is no product over the features."""

    def distribution(self, outputs):
        return tfp.distributions.MultivariateNormalDiag(outputs)


def test_a_likelihood_of_your_own_takes_missing_values_where_it_is_a_product(rng):
    likelihood = Own(missing=True)
    likelihood.build((3,))
    outputs = rng.normal(size=(2, 1, 3))
    distortion, error = likelihood.distortion_and_error(
        tf.constant([[1.0, np.nan, 2.0]], tf.float64), tf.constant(outputs)
    )
    kept = scipy.stats.logistic(outputs[..., [0, 2]]).logpdf([1.0, 2.0]).sum(-1)
    np.testing.assert_allclose(distortion, -kept, rtol=1e-6)
    np.testing.assert_array_equal(error, distortion)
    joint = Joint(missing=True)
    joint.build((3,))
    with pytest.raises(ValueError, match="`missing` must be False for a Joint"):
        joint.distortion_and_error(tf.constant([[1.0, np.nan, 2.0]]), tf.zeros([1, 1, 3]))


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_config_round_trip(case, missing, rng):
    likelihood, x, outputs, _ = of(case, rng, missing)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(likelihood))
    again.build(DATA)
    assert type(again) is type(likelihood) and again.missing == missing
    for one, other in zip(
        likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs)),
        again.distortion_and_error(tf.constant(x), tf.constant(outputs)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_short_names():
    names = ["bernoulli", "gaussian", "laplace", "negative_binomial", "poisson", "student_t"]
    for name in names:
        found = likelihoods.get(name)
        assert type(found).__name__.lower() == name.replace("_", "")
        assert not found.missing


def test_every_likelihood_is_covered():
    def kinds(cls):
        return {cls}.union(*(kinds(one) for one in cls.__subclasses__()))

    own = {
        cls
        for cls in kinds(Likelihood)
        if cls.__module__.startswith("tfvae.likelihoods.") and not inspect.isabstract(cls)
    }
    made = {type(make()) for make, *_ in CASES.values()}
    assert own == made | {Mixed}  # test_mixed.py has that one.
    assert own <= {getattr(tfvae.likelihoods, name) for name in tfvae.likelihoods.__all__}
