"""Missing values in x: from `fit` to a served model, against closed forms of a linear model."""

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.likelihoods import Bernoulli, Categorical, Gaussian, Mixed
from tfvae.networks import mlp

# A linear-Gaussian model of one latent: x = w z + b + σ ε.
W, B, SIGMA = np.array([1.0, -0.8, 0.5]), np.array([0.2, 0.0, -0.3]), 0.6
X = np.array([[1.0, np.nan, 0.3], [np.nan, 0.5, np.nan], [0.1, 0.2, 0.3], [np.nan] * 3], "float32")


@pytest.fixture(scope="module")
def linear():
    """The linear model, whose encoder knows nothing: q(z|x) = N(0, 1)-like, by weights of 0."""
    encoder = keras.Sequential([keras.layers.Dense(2, kernel_initializer="zeros")])
    decoder = keras.Sequential([keras.layers.Dense(3)])
    model = tfvae.VAE(1, encoder, decoder, Gaussian(SIGMA, missing=True), seed=0)
    model.build((None, 3))
    decoder.set_weights([W[None].astype("float32"), B.astype("float32")])
    return model


def marginal(there):
    """Mean and covariance of the values of x that are there."""
    return B[there], np.outer(W[there], W[there]) + SIGMA**2 * np.eye(int(there.sum()))


def test_log_likelihood_is_that_of_the_values_that_are_there(linear):
    found = linear.log_likelihood(X, 20_000)
    for value, x in zip(found, X, strict=True):
        there = ~np.isnan(x)
        expected = 0.0
        if there.any():
            expected = scipy.stats.multivariate_normal(*marginal(there)).logpdf(x[there])
        assert value == pytest.approx(expected, abs=0.05)


def test_draws_are_those_of_the_conditional_distribution(linear):
    draws = linear.impute(X[:2], 3000, num_proposals=1000)
    assert draws.shape == (3000, 2, 3) and draws.dtype == np.float32
    for i, x in enumerate(X[:2]):
        there = ~np.isnan(x)
        np.testing.assert_array_equal(draws[:, i, there], np.tile(x[there], (3000, 1)))
        mean, covariance = marginal(there)
        # z given what is there, then x_missing = w z + b + σ ε.
        gain = W[there] @ np.linalg.inv(covariance)
        z, variance = gain @ (x[there] - mean), 1.0 - gain @ W[there]
        spread = np.sqrt(variance * W[~there] ** 2 + SIGMA**2)
        # 3000 draws of 1000 proposals: the error of both.
        tolerance = 4 * spread * (3000**-0.5 + 0.05)
        assert np.all(np.abs(draws[:, i, ~there].mean(0) - W[~there] * z - B[~there]) < tolerance)
        np.testing.assert_allclose(draws[:, i, ~there].std(0), spread, rtol=0.1)
    assert np.array_equal(linear.impute(X[:2], 5, seed=3), linear.impute(X[:2], 5, seed=3))
    assert not np.array_equal(linear.impute(X[:2], 5, seed=3), linear.impute(X[:2], 5, seed=4))


def test_the_mean_is_what_predict_gives(linear):
    imputed, predicted = linear.impute(X), linear.predict(X, verbose=0)
    np.testing.assert_allclose(imputed, np.where(np.isnan(X), predicted, X), rtol=1e-6)


def test_terms_are_sums_over_the_values_that_are_there(linear):
    terms = linear.elbo_terms(X, seed=[1, 2], num_samples=5)
    mean = linear.infer(linear.prepared(X), seed=tf.constant([1, 2]), num_samples=5).outputs.numpy()
    log_prob = scipy.stats.norm(mean, SIGMA).logpdf(np.nan_to_num(X))
    expected = -np.where(np.isnan(X), 0.0, log_prob).sum(-1)
    np.testing.assert_allclose(terms.distortion, expected, rtol=1e-4, atol=1e-6)
    assert np.all(np.isfinite(terms.rate))


def planted(n=1500, seed=0):
    """A table with a factor behind all columns, and the same with a quarter of it missing."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=n)
    logits = np.stack([2 * factor, -2 * factor, 0 * factor], axis=-1)
    columns = [1e3 + 50 * factor + 10 * rng.normal(size=n), -2 * factor + 0.4 * rng.normal(size=n)]
    columns += [np.argmax(logits + rng.gumbel(size=(n, 3)), -1), rng.poisson(np.exp(1 + factor))]
    x = np.stack(columns, axis=-1).astype("float32")
    gaps = rng.uniform(size=x.shape) < 0.25
    return x, np.where(gaps, np.nan, x), gaps


def mixed(**kwargs):
    kinds = [("gaussian", 2), (Categorical(3), 1), ("poisson", 1)]
    return Mixed(kinds, **kwargs)


@pytest.fixture(scope="module")
def fitted():
    _, x, _ = planted()
    columns = tfvae.networks.Columns(["number", "number", 3, "count"])
    model = tfvae.VAE(
        1,
        keras.Sequential([columns, *mlp([32]).layers]),
        mlp([32], (6,)),
        mixed(missing=True),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(x, epochs=12, batch_size=64, verbose=0)
    return model


def test_a_planted_factor_is_imputed_better_than_by_the_columns_alone(fitted):
    full, x, gaps = planted(seed=1)
    imputed = fitted.impute(x)
    np.testing.assert_array_equal(imputed[~gaps], x[~gaps])
    for column in (0, 1, 3):
        hidden = gaps[:, column]
        truth = full[hidden, column]
        error = np.sqrt(np.mean((imputed[hidden, column] - truth) ** 2))
        constant = np.sqrt(np.mean((np.nanmean(x[:, column]) - truth) ** 2))
        assert error < 0.75 * constant
    hidden = gaps[:, 2]
    right = np.mean(imputed[hidden, 2] == full[hidden, 2])
    most = np.bincount(full[:, 2].astype(int)).max() / len(full)
    assert right > most + 0.1


def test_all_that_is_reported_is_finite(fitted):
    full, x, gaps = planted(seed=1)
    logs = fitted.evaluate(x, verbose=0)
    assert np.all(np.isfinite(list(logs.values())))
    assert logs["observed"] == pytest.approx(np.mean(~gaps), rel=1e-5)
    # κ is per value that is there: of data without gaps it is nearly the same, D is not.
    whole = fitted.evaluate(full, verbose=0)
    assert whole["observed"] == 1.0
    assert whole["constraint"] == pytest.approx(logs["constraint"], rel=0.15)
    assert whole["distortion"] > 1.15 * logs["distortion"]
    for values in (
        fitted.predict(x[:9], verbose=0),
        fitted.encode(x[:9]).mean(),
        fitted.embed(x[:9]),
        fitted.log_likelihood(x[:9], 20),
        fitted.generate(5, seed=0),
        fitted.generate(5, seed=0, mean=False),
        fitted(x[:9]),
    ):
        assert np.all(np.isfinite(values))


def test_round_trips(fitted, tmp_path):
    _, x, _ = planted(30, seed=2)
    fitted.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.impute(x), fitted.impute(x))
    assert loaded.evaluate(x, verbose=0) == fitted.evaluate(x, verbose=0)
    loaded.fit(x, verbose=0)
    tfvae.export(fitted, tmp_path / "serving")
    served = tf.saved_model.load(tmp_path / "serving").signatures
    mean = served["reconstruct"](x=tf.constant(x))["mean"]
    np.testing.assert_allclose(mean, fitted.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    seed = tf.constant([1, 2])
    score = served["score"](x=tf.constant(x), seed=seed)["score"]
    terms = fitted.elbo_terms(x, seed=[1, 2])
    np.testing.assert_allclose(score, (terms.distortion + terms.rate)[0], rtol=1e-4)
    # What no likelihood allows has no answer, missing values beside it or not.
    bad = x[:3].copy()
    bad[0, 2], bad[1, 3], bad[2, 0] = 3.0, 0.5, np.inf
    assert np.all(np.isnan(served["reconstruct"](x=tf.constant(bad))["mean"]))
    assert np.all(np.isnan(fitted.predict(bad, verbose=0)))


def small(likelihood=None, **kwargs):
    likelihood = Gaussian(missing=True) if likelihood is None else likelihood
    return tfvae.VAE(1, mlp([4]), mlp([4], (3,)), likelihood, seed=0, **kwargs)


def compiled(model, run_eagerly=True):
    """Tracing takes seconds; `fitted` is a compiled model."""
    model.compile("adam", run_eagerly=run_eagerly)
    return model


@pytest.fixture
def gappy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    x[rng.uniform(size=x.shape) < 0.3] = np.nan
    x[0] = np.nan
    return x


@pytest.mark.parametrize("call", ["fit", "evaluate"])
def test_without_the_flag_a_missing_value_is_refused(call, gappy):
    model = compiled(small("gaussian"))
    with pytest.raises(ValueError, match=r"NaN in the columns 0 \(19 of 64 rows, first") as e:
        getattr(model, call)(gappy, verbose=0)
    assert "If NaN stands for a missing value, give the likelihood `missing=True`." in str(e.value)
    assert np.isnan(model.predict(gappy[1:2] * np.nan, verbose=0)).all()
    with pytest.raises(ValueError, match="`impute` needs a model that takes NaN"):
        model.impute(gappy)


def test_infinity_is_refused_with_the_flag(gappy):
    gappy[3, 1] = np.inf
    with pytest.raises(
        ValueError, match=r"infinity in the column 1 \(1 of 64 rows, first in row 3"
    ):
        compiled(small()).fit(gappy, verbose=0)
    batches = tf.data.Dataset.from_tensor_slices(gappy).batch(16)
    with pytest.raises(ValueError, match="or NaN where it is missing"):
        compiled(small()).fit(batches, verbose=0)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"prior": "hierarchical", "objective": "constrained"},
        {"objective": tfvae.objectives.Constrained(0.5)},
        {"objective": "importance_weighted", "likelihood": Gaussian("per_feature", missing=True)},
        {"objective": "convex_beta", "prior": "vamp"},
        {"discrete": tfvae.discrete.GumbelSoftmax(2)},
        {"condition": 1},
        {"penalties": ["flatness"]},
    ],
    ids=lambda kwargs: "-".join(kwargs),
)
def test_it_goes_with_the_other_parts(kwargs, gappy):
    model = compiled(small(**kwargs))
    y = np.ones((64, 1), "float32") if "condition" in kwargs else None
    history = model.fit(gappy, y, batch_size=32, verbose=0).history
    assert np.all(np.isfinite([history[name] for name in ("loss", "elbo", "constraint")]))
    assert np.all(np.isfinite(model.impute(gappy, y=y)))
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


def test_default_networks(gappy):
    model = compiled(tfvae.VHPVAE(latent_dim=1, likelihood=Gaussian(missing=True), seed=0))
    model.fit(1e3 * gappy + 5e3, batch_size=64, verbose=0)
    first = model.encoder.layers[0]
    there = (1e3 * gappy + 5e3)[~np.isnan(gappy)]
    # One example in ten is set aside, and may be seen after the first batch only.
    assert float(first.mean) == pytest.approx(there.mean(), rel=0.1)
    assert float(first.deviation) == pytest.approx(there.std(), rel=0.1)


def test_what_a_target_lacks_is_left_out(gappy):
    model = compiled(small(target="y"))
    x = np.nan_to_num(gappy)
    history = model.fit(x, gappy, epochs=2, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    with pytest.raises(ValueError, match="every value of `x`"):  # x itself must be whole
        model.fit(gappy, gappy, verbose=0)
    with pytest.raises(ValueError, match="`impute` needs a model"):
        model.impute(x)


def test_tables_with_gaps_of_pandas(gappy):
    table = pd.DataFrame(gappy, columns=["a", "b", "c"]).convert_dtypes()
    table["c"] = table["c"].astype(object).where(table["c"].notna(), None)
    model = compiled(small())
    model.fit(table, verbose=0)
    np.testing.assert_array_equal(model.impute(table), model.impute(gappy.astype("float64")))
    masked = np.ma.masked_invalid(gappy)
    np.testing.assert_array_equal(model.impute(masked), model.impute(gappy))
    with pytest.raises(ValueError, match="or give the likelihood `missing=True`"):
        compiled(small("gaussian")).fit(table, verbose=0)


def test_columns_without_any_value_are_named(gappy):
    gappy[:, 1] = np.nan
    for x, where in ((gappy, "1"), (pd.DataFrame(gappy, columns=["a", "b", "c"]), "'b'")):
        with pytest.raises(ValueError, match=f"in each column, .* alone in 1: {where}"):
            compiled(small()).fit(x, verbose=0)
    with pytest.raises(ValueError, match="`x` must have values, received missing ones"):
        compiled(small()).fit(np.full((4, 3), np.nan), verbose=0)


def test_images_with_missing_pixels(blobs):
    x = np.where(np.random.default_rng(0).uniform(size=blobs.shape) < 0.3, np.nan, blobs)
    decoder = mlp([8], blobs.shape[1:])
    model = compiled(tfvae.VAE(2, mlp([8]), decoder, Bernoulli(missing=True), seed=0))
    history = model.fit(x, epochs=2, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    imputed = model.impute(x)
    assert np.all(np.isfinite(imputed)) and imputed.shape == x.shape


def test_what_is_seen_on_several_replicas_is_what_is_seen_on_one(mirrored, gappy):
    found = []
    for scope in (mirrored.scope, tf.distribute.get_strategy().scope):
        with scope():
            model = compiled(small(Gaussian("per_feature", missing=True)), run_eagerly=False)
        model.fit(gappy, batch_size=32, epochs=1, shuffle=False, verbose=0)
        likelihood = model.likelihood
        found.append([likelihood.filled(tf.fill([1, 3], np.nan)), likelihood.mean_num_observed()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    np.testing.assert_allclose(found[0][0][0], np.nanmean(gappy, 0), rtol=1e-4, atol=1e-6)
