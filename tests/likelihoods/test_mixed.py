"""A likelihood for each column: sums of its parts, units of the columns, what the parts learn."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfvae.likelihoods import (
    Categorical,
    Gaussian,
    Laplace,
    Mixed,
    NegativeBinomial,
    StudentT,
)


def parts():
    return [
        (Gaussian(0.5), 2),
        (Categorical(4), 2),
        ("poisson", 1),
        (NegativeBinomial("decoder"), 1),
        ("bernoulli", 1),
        (Laplace(2.0), 1),
        (StudentT(3.0, 1.5), 1),
    ]


COLUMNS, OUTPUTS = 9, 2 + 8 + 1 + 2 + 1 + 1 + 1


def table(rng, n=6):
    return np.concatenate(
        [
            rng.normal(size=(n, 2)),
            rng.integers(4, size=(n, 2)),
            rng.poisson(3.0, size=(n, 2)),
            rng.integers(2, size=(n, 1)),
            rng.normal(size=(n, 2)),
        ],
        axis=1,
    )


def log_prob(x, o):
    """log p of each column by SciPy, (B, columns) and (L, B, outputs) -> (L, B, columns)."""

    def categorical(column, logits):
        logits = logits - scipy.special.logsumexp(logits, axis=-1, keepdims=True)
        return np.take_along_axis(
            logits, np.broadcast_to(column, logits.shape[:-1]).astype(int)[..., None], -1
        )[..., 0]

    r, mean = np.exp(o[..., 12]), np.exp(o[..., 11])
    found = [
        scipy.stats.norm(o[..., 0], 0.5).logpdf(x[:, 0]),
        scipy.stats.norm(o[..., 1], 0.5).logpdf(x[:, 1]),
        categorical(x[:, 2], o[..., 2:6]),
        categorical(x[:, 3], o[..., 6:10]),
        scipy.stats.poisson.logpmf(x[:, 4], np.exp(o[..., 10])),
        scipy.stats.nbinom.logpmf(x[:, 5], r, r / (r + mean)),
        scipy.stats.bernoulli.logpmf(x[:, 6], 1 / (1 + np.exp(-o[..., 13]))),
        scipy.stats.laplace(o[..., 14], 2.0).logpdf(x[:, 7]),
        scipy.stats.t(3.0, o[..., 15], 1.5).logpdf(x[:, 8]),
    ]
    return np.stack(found, axis=-1)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def built(missing=False):
    likelihood = Mixed(parts(), missing=missing)
    assert likelihood.decoder_output_shape((COLUMNS,)) == (OUTPUTS,)
    likelihood.build((COLUMNS,))
    return likelihood


@pytest.mark.parametrize("missing", [False, True])
def test_the_density_is_the_product_of_those_of_the_columns(missing, rng):
    likelihood, x, outputs = built(missing), table(rng), rng.normal(size=(3, 6, OUTPUTS))
    expected = log_prob(x, outputs)
    joint = likelihood.distribution(tf.constant(outputs))
    assert joint.batch_shape == (3, 6) and joint.event_shape == (COLUMNS,)
    np.testing.assert_allclose(joint.log_prob(x), expected.sum(-1), rtol=1e-6)
    if missing:
        gaps = rng.uniform(size=x.shape) < 0.4
        gaps[0] = True
        x, expected = np.where(gaps, np.nan, x), np.where(gaps, 0.0, expected)
    outputs = tf.constant(outputs)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        distortion, error = likelihood.distortion_and_error(tf.constant(x), outputs)
    np.testing.assert_allclose(distortion, -expected.sum(-1), rtol=1e-6, atol=1e-12)
    gradient = tape.gradient([distortion, error], outputs).numpy()
    assert np.all(np.isfinite(gradient))
    if missing:
        assert not gradient[:, 0].any() and not error[:, 0].numpy().any()


def test_the_error_is_in_nats(rng):
    """Before a batch was seen the deviations are 1: C is (x − μ)²/2, |x − μ| and −log p."""
    likelihood, x, outputs = built(), table(rng), rng.normal(size=(3, 6, OUTPUTS))
    expected = -log_prob(x, outputs)
    expected[..., :2] = 0.5 * (x[:, :2] - outputs[..., :2]) ** 2
    expected[..., 7:] = np.abs(x[:, 7:] - outputs[..., 14:])
    _, error = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
    np.testing.assert_allclose(error, expected.sum(-1), rtol=1e-6)
    assert likelihood.bound(0.3) == pytest.approx(0.3 * COLUMNS)
    assert likelihood.kappa_of(likelihood.bound(0.3)) == pytest.approx(0.3)
    assert float(likelihood.error_weight(5.0)) == 1.0


def test_means_are_those_of_the_parts_and_samples_are_allowed(rng):
    likelihood, outputs = built(), rng.normal(size=(4, OUTPUTS)).astype("float32")
    mean = likelihood.mean(tf.constant(outputs)).numpy()
    expected = [outputs[:, 0], outputs[:, 1]]
    expected += [outputs[:, 2:6].argmax(-1), outputs[:, 6:10].argmax(-1)]
    expected += [np.exp(outputs[:, 10]), np.exp(outputs[:, 11]), 1 / (1 + np.exp(-outputs[:, 13]))]
    expected += [outputs[:, 14], outputs[:, 15]]
    np.testing.assert_allclose(mean, np.stack(expected, -1), rtol=1e-5)
    samples = likelihood.distribution(tf.constant(outputs)).sample(5000, seed=[1, 2]).numpy()
    assert samples.shape == (5000, 4, COLUMNS) and np.all(likelihood.allows(samples))
    numeric = [0, 1, 4, 5, 6, 7, 8]
    error = 6 * samples.std(0) / np.sqrt(5000)
    assert np.all(np.abs(samples.mean(0) - mean)[:, numeric] < error[:, numeric])


@pytest.mark.parametrize("missing", [False, True])
def test_the_first_batch_tells_the_units_of_the_columns(missing, rng):
    likelihood = Mixed([("gaussian", 2), (Laplace(), 1), (Categorical(3), 1)], missing=missing)
    likelihood.build((4,))
    x = rng.normal([1e4, -3.0, 0.0, 0.0], [10.0, 0.01, 200.0, 0.0], size=(200, 4))
    x[:, 3] = rng.integers(3, size=200)
    weights = rng.integers(3, size=200).astype("float64")
    if missing:
        x[rng.uniform(size=x.shape) < 0.3] = np.nan
    likelihood.observe_batch(tf.constant(x, tf.float32), tf.constant(weights, tf.float32))
    likelihood.observe_batch(tf.constant(5.0 * x, tf.float32))  # changes nothing
    there = ~np.isnan(x) * weights[:, None]
    m = np.nansum(there * x, 0) / there.sum(0)
    spread = np.nansum(there * np.abs(x - m) ** [2, 2, 1, 2], 0) / there.sum(0)
    spread **= [0.5, 0.5, 1.0, 0.5]
    outputs = rng.normal(size=(1, 200, 6)).astype("float32")
    np.testing.assert_allclose(
        likelihood.mean(tf.constant(outputs))[0, :, :3],
        m[:3] + spread[:3] * outputs[0, :, :3],
        rtol=1e-4,
    )
    # A column that its mean stands for has ½ nat, or 1.
    outputs[...] = 0.0
    _, error = likelihood.distortion_and_error(tf.constant(x, tf.float32), tf.constant(outputs))
    present = ~np.isnan(x)
    power = np.array([2, 2, 1])
    expected = (np.abs(x - m) ** [2, 2, 1, 2] / spread ** [2, 2, 1, 2])[:, :3] / power
    expected = np.where(present[:, :3], expected, 0.0).sum(1) + present[:, 3] * np.log(3)
    np.testing.assert_allclose(error[0], expected, rtol=1e-3)
    one = np.average(error[0], weights=weights)
    shares = there.sum(0) / weights.sum()
    assert one == pytest.approx(
        0.5 * shares[:2].sum() + shares[2] + np.log(3) * shares[3], rel=1e-3
    )


def test_a_column_that_does_not_vary_yet_waits_for_another_batch():
    likelihood = Mixed([("gaussian", 1), ("gaussian", 1)], missing=True)
    likelihood.build((2,))
    outputs = tf.constant([[1.0, 1.0]])
    likelihood.observe_batch(tf.constant([[5.0, np.nan], [5.0, np.nan]]))
    np.testing.assert_allclose(likelihood.mean(outputs), [[6.0, 1.0]])
    likelihood.observe_batch(tf.constant([[4.0, 10.0], [8.0, 30.0]]))
    np.testing.assert_allclose(likelihood.mean(outputs), [[8.0, 30.0]])


@pytest.mark.parametrize("missing", [False, True])
def test_each_part_learns_its_own_scale(missing, rng):
    """As the same likelihoods do alone, in the units of the columns."""
    kinds = [lambda **kw: Gaussian(**kw), lambda **kw: Laplace("per_feature", **kw)]
    likelihood = Mixed([(kinds[0](), 2), (Categorical(3), 1), (kinds[1](), 3)], missing=missing)
    likelihood.build((6,))
    alone = [make(missing=missing) for make in kinds]
    for one, size in zip(alone, (2, 3), strict=True):
        one.build((size,))
    places, outputs_at = [slice(0, 2), slice(3, 6)], [slice(0, 2), slice(5, 8)]
    for _ in range(4):
        x = rng.normal(size=(40, 6)).astype("float32")
        x[:, 2] = rng.integers(3, size=40)
        if missing:
            x[rng.uniform(size=x.shape) < 0.3] = np.nan
        outputs = rng.normal(size=(2, 40, 8)).astype("float32")
        _, error = likelihood.distortion_and_error(tf.constant(x), tf.constant(outputs))
        residual = likelihood.residual(tf.constant(x), tf.constant(outputs), error)
        likelihood.update(tf.reduce_mean(residual, axis=(0, 1)))
        for one, place, at in zip(alone, places, outputs_at, strict=True):
            own = tf.constant(x[:, place]), tf.constant(outputs[..., at])
            residual = one.residual(*own, one.distortion_and_error(*own)[1])
            one.update(tf.reduce_mean(residual, axis=(0, 1)))
    found = [likelihood.parts[0][0], likelihood.parts[2][0]]
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(one.log_scale, other.log_scale, rtol=1e-5)


def test_error_range_adds_up(rng):
    likelihood, x = built(), table(rng, 400).astype("float32")
    likelihood.observe_batch(tf.constant(x))
    perfect, constant = likelihood.error_range(tf.constant(x))
    singles = []
    for (one, number), first in zip(parts(), (0, 2, 4, 5, 6, 7, 8), strict=True):
        if not isinstance(one, (Gaussian, Laplace, StudentT)):
            one = Mixed([(one, number)])
            one.build((number,))
            singles.append(np.array(one.error_range(tf.constant(x[:, first : first + number]))))
    expected = np.sum(singles, axis=0) + np.array([0.0, 2 * 0.5 + 1.0 + 1.0])
    np.testing.assert_allclose([perfect, constant], expected, rtol=1e-4)


def test_what_is_allowed_is_said_of_each_column(rng):
    likelihood, x = built(missing=True), table(rng)
    assert np.all(likelihood.allows(x)) and likelihood.in_support(tf.constant(x))
    bad = x.copy()
    bad[2, 3], bad[1, 0] = 4.0, np.nan
    allowed = np.ones(x.shape, bool)
    allowed[2, 3] = False
    np.testing.assert_array_equal(likelihood.allows(bad), allowed)
    np.testing.assert_array_equal(likelihood.allows(tf.constant(bad)), allowed)
    assert not likelihood.in_support(tf.constant(bad))
    assert "a whole number from 0 to 3, or NaN where it is missing (columns 2 to 3)" in (
        likelihood.allowed
    )
    assert np.all(likelihood.allows(likelihood.usual_values(rng.uniform(size=(50, COLUMNS)))))
    kinds = ("number", "number", 4, 4, "count", "count", "number", "number", "number")
    assert likelihood.column_kinds((COLUMNS,)) == kinds


def test_missing_values_for_the_encoder():
    likelihood = Mixed([("gaussian", 1), (Categorical(3), 1)], missing=True)
    likelihood.build((2,))
    x = tf.constant([[4.0, 1.0], [np.nan, np.nan], [8.0, 2.0]])
    likelihood.count_observed(x)
    np.testing.assert_array_equal(likelihood.filled(x), [[4.0, 1.0], [6.0, -1.0], [8.0, 2.0]])
    assert float(likelihood.mean_num_observed()) == pytest.approx(4 / 3)


@pytest.mark.parametrize("missing", [False, True])
def test_config_round_trip(missing, rng):
    likelihood, x = built(missing), tf.constant(table(rng))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(likelihood))
    again.build((COLUMNS,))
    assert again.missing == missing and again.get_config() == likelihood.get_config()
    outputs = tf.constant(rng.normal(size=(1, 6, OUTPUTS)))
    for one, other in zip(
        likelihood.distortion_and_error(x, outputs),
        again.distortion_and_error(x, outputs),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_arguments_are_checked():
    shared = Gaussian()
    for bad, message in (
        ([], "`parts` must have a pair"),
        ([("gaussian", 2, 3)], r"`parts` must be pairs .*\('gaussian', 2, 3\)"),
        (["gaussian"], "`parts` must be pairs"),
        ([("gausian", 2)], "Did you mean 'gaussian'"),
        ([("gaussian", 0)], "`parts`"),
        ([(shared, 1), (shared, 1)], "a new likelihood for each pair"),
        ([(Mixed([("gaussian", 1)]), 1)], "received a Mixed"),
        ([(Gaussian(missing=True), 1)], "`missing` must be given to Mixed"),
    ):
        with pytest.raises(ValueError, match=message):
            Mixed(bad)
    with pytest.raises(ValueError, match=r"all columns of a table, of the shape \(4,\).*3 columns"):
        Mixed([("gaussian", 3)]).decoder_output_shape((4,))
