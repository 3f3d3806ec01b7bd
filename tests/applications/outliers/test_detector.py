"""OutlierDetector as a user of scikit-learn meets it."""

import pickle
import warnings

import keras
import numpy as np
import pytest
import sklearn.base
import sklearn.metrics
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
import tensorflow as tf
from sklearn.utils.estimator_checks import parametrize_with_checks

import tfvae
from tfvae.applications import OutlierDetector

QUICK = {"members": 2, "steps": 20, "verbose": 0}
USUAL = {"members": 4, "steps": 200, "verbose": 0}


def rows(n, seed=0):
    """Rows near a curve in four columns of different units."""
    rng = np.random.default_rng(seed)
    t = rng.normal(size=n)
    x = np.stack([t, t**2, np.sin(t), -t], axis=1) + 0.1 * rng.normal(size=(n, 4))
    return x * [1.0, 100.0, 0.01, 5.0] + [0.0, 1e4, 0.0, 3.0]


X = rows(400)
# Each column is usual, their combination is not.
ODD = np.array([[1.5, 0.0, -1.0, 1.5]]) * [1.0, 100.0, 0.01, 5.0] + [0.0, 1e4, 0.0, 3.0]


@pytest.fixture(scope="module")
def detector():
    return OutlierDetector(**USUAL).fit(X)


def test_odd_rows_are_found_and_the_verbs_agree(detector):
    new = rows(300, seed=1)
    scores = -detector.score_samples(new)
    odd = -detector.score_samples(ODD)
    assert odd[0] > np.quantile(scores, 0.95) and detector.predict(ODD) == -1
    assert abs(np.median(scores)) < 1.0  # a usual row
    decision = detector.decision_function(new)
    np.testing.assert_allclose(decision, detector.threshold_ - scores)
    np.testing.assert_array_equal(detector.predict(new), np.where(decision < 0.0, -1, 1))
    assert np.mean(detector.predict(X) == -1) == pytest.approx(0.1, abs=0.003)
    shares = detector.predict_proba(ODD)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    below = np.mean(detector.training_scores_ < odd[0])
    assert shares[0, 1] == pytest.approx(below) and below > 0.94


def test_contributions_add_up_and_name_the_column(detector):
    new = rows(50, seed=2)
    parts = detector.contributions(new)
    np.testing.assert_allclose(parts.sum(axis=1), -detector.score_samples(new), atol=1e-4)
    assert detector.get_contribution_names() == ["x0", "x1", "x2", "x3", "latents"]
    for column in range(4):
        spoiled = new.copy()
        spoiled[:, column] += 8.0 * X[:, column].std()
        found = np.argmax(detector.contributions(spoiled)[:, :4], axis=1)
        assert np.mean(found == column) > 0.9


def test_the_same_row_has_the_same_score(detector):
    first = detector.score_samples(X[:20])
    np.testing.assert_array_equal(detector.score_samples(X[:20]), first)
    again = OutlierDetector(**USUAL).fit(X)
    np.testing.assert_allclose(again.score_samples(X[:20]), first, rtol=1e-5, atol=1e-5)
    other = OutlierDetector(**USUAL, random_state=1).fit(X)
    assert not np.allclose(other.score_samples(X[:20]), first, rtol=1e-3)


def test_units_and_global_random_states_do_not_matter(detector):
    keras.utils.set_random_seed(7)
    state = np.random.get_state()[1].copy()
    scaled = OutlierDetector(**USUAL).fit(1000.0 * X)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    np.testing.assert_allclose(
        scaled.score_samples(1000.0 * X), detector.score_samples(X), rtol=1e-3, atol=1e-2
    )


def test_false_positive_rate_of_new_rows():
    """On rows without outliers the threshold lets about the rate asked for pass, on new rows."""
    found = OutlierDetector(false_positive_rate=0.05, **USUAL).fit(X)
    new = rows(4_000, seed=3)
    rate = np.mean(found.predict(new) == -1)
    report = found.threshold_report_
    assert report.least_rate - 0.02 < rate < report.most_rate + 0.02
    assert report.low <= found.threshold_ <= report.high


def test_too_few_rows_for_a_rate_are_told():
    with pytest.warns(UserWarning, match="400 rows are too few"):
        OutlierDetector(false_positive_rate=1e-4, **QUICK).fit(X)


def test_pickled_and_in_a_pipeline(detector):
    again = pickle.loads(pickle.dumps(detector))
    np.testing.assert_allclose(again.score_samples(X), detector.score_samples(X), rtol=1e-6)
    pipeline = sklearn.pipeline.make_pipeline(
        sklearn.preprocessing.RobustScaler(), OutlierDetector(**QUICK)
    )
    assert pipeline.fit(X).predict(X).shape == (len(X),)
    assert set(pipeline.fit_predict(X)) == {-1, 1}


def test_grid_search():
    labels = np.where(np.arange(len(X)) % 10 == 0, -1, 1)
    spoiled = X.copy()
    spoiled[labels == -1] += 6.0 * X.std(axis=0)

    def score(estimator, x, y):
        return sklearn.metrics.roc_auc_score(y, estimator.score_samples(x))

    search = sklearn.model_selection.GridSearchCV(
        OutlierDetector(**QUICK), {"criterion": ["bound", "reconstruction"]}, scoring=score, cv=2
    )
    assert search.fit(spoiled, labels).best_score_ > 0.9


def test_models_of_ones_own():
    x = rows(200)
    plain = (x - x.mean(axis=0)) / x.std(axis=0)
    vae = tfvae.VAE(2, seed=0)
    vae.compile("adam")
    vae.fit(plain, epochs=2, verbose=0)
    before = [one.numpy() for one in vae.trainable_weights]
    found = OutlierDetector(vae, criterion="elbo", verbose=0).fit(plain)
    assert found.predict(plain).shape == (200,)
    for one, other in zip(before, vae.trainable_weights, strict=True):
        np.testing.assert_array_equal(one, other)

    def make(columns):
        made = tfvae.VHPVAE(2, seed=0)
        made.build((None, columns))
        made.compile("adam")
        return made

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Two epochs do not reach the bound.
        found = OutlierDetector(make, epochs=2, verbose=0).fit(x)
    assert np.isfinite(found.score_samples(x)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"criterion": "boundd"}, "`criterion` must be"),
        ({"members": 0}, "`members` must be"),
        ({"contamination": 0.7}, "`contamination` must"),
        ({"false_positive_rate": 1.0}, "`false_positive_rate` must"),
        ({"steps": 1.5}, "`steps` must be"),
    ],
)
def test_settings_out_of_range(change, message):
    with pytest.raises(ValueError, match=message):
        OutlierDetector(**change).fit(X)


@pytest.mark.parametrize("bad", [np.zeros((1, 2)), np.zeros(5)])
def test_rows_that_are_no_table(bad):
    with pytest.raises(ValueError):
        OutlierDetector(**QUICK).fit(bad)


def test_columns_that_are_not_finite_are_named(detector):
    bad = X[:9].copy()
    bad[[3, 5], 1] = np.nan
    bad[6, 2] = np.nan
    message = r"\(NaN\) in the columns 'x1' \(2 of 9 rows, first in row 3\), 'x2' .*Table"
    with pytest.raises(ValueError, match=message):
        OutlierDetector(lambda columns: tfvae.VAE(1), **QUICK).fit(bad)
    bad[1, 0] = -np.inf
    with pytest.raises(ValueError, match=r"infinity \(inf\) in the column 'x0' \(1 of 9"):
        detector.contributions(bad)


def test_columns_of_a_frame_that_are_no_numbers_are_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"size": [1.0, 2.0], "kind": ["a", "b"], "when": pandas.to_datetime(["2020", "2021"])}
    )
    message = r"columns of numbers, received 'kind' \(.*\), 'when' \(datetime64.*Table\(\)"
    with pytest.raises(ValueError, match=message):
        OutlierDetector(members=1, steps=1).fit(frame)


def test_gaps_for_a_model_that_takes_them():
    """A missing value counts as a usual one, and is no error."""
    x = X / X.std(axis=0)
    x[::5, 1] = np.nan
    vae = tfvae.VAE(1, likelihood=tfvae.likelihoods.Gaussian(missing=True), seed=0)
    vae.compile("adam")
    vae.fit(x, epochs=1, verbose=0)
    found = OutlierDetector(vae, num_samples=2, verbose=0).fit(x)
    parts = found.contributions(x[:6])
    assert np.isfinite(parts).all() and parts[0, 1] == 0.0 == parts[5, 1] and parts[1, 1] != 0.0
    np.testing.assert_allclose(parts.sum(axis=1), -found.score_samples(x[:6]), rtol=1e-4, atol=1e-5)


def test_gaps_are_no_reason_for_a_score():
    """A committee trains on what is there, and finds the same faults beside gaps."""
    rng = np.random.default_rng(0)
    x = X.copy()
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    x[:3] = ODD
    x[3, 1], x[4] = np.nan, np.nan
    found = OutlierDetector(**USUAL).fit(x)
    scores = -found.score_samples(x)
    assert np.isfinite(scores).all() and np.all(scores[:3] > np.quantile(scores, 0.95))
    # Rows with gaps are not above the others.
    gaps = np.isnan(x[5:]).any(axis=1)
    first = np.argsort(-scores[5:])[:60]
    assert gaps[first].mean() < 1.5 * gaps.mean()
    parts = found.contributions(x[3:5])
    assert parts[0, 1] == 0.0 and np.all(parts[1, :4] == 0.0)
    # Training without gaps takes them later.
    assert np.isfinite(OutlierDetector(**QUICK).fit(X).score_samples(x)).all()


def test_a_new_category_is_as_odd_as_one_that_a_row_had():
    rng = np.random.default_rng(0)
    seen = np.concatenate([X, rng.integers(0, 2, (400, 1)), np.zeros((400, 2))], axis=1)
    seen[0, 5] = 1.0
    found = OutlierDetector(**USUAL).fit(seen)
    new = np.repeat(seen[1:21], 2, axis=0)
    new[::2, 5] = new[1::2, 6] = 1.0
    parts = found.contributions(new)
    assert np.mean(parts[1::2, 6]) > 0.8 * np.mean(parts[::2, 5]) > 5.0
    assert np.all(found.predict(new[1::2]) == -1)


def test_scores_do_not_depend_on_how_many_rows_are_scored_at_once(detector, monkeypatch):
    whole = detector.score_samples(X)
    monkeypatch.setattr("tfvae.applications.outliers.detector.NUMBERS_AT_ONCE", 16 * 37)
    np.testing.assert_allclose(detector.score_samples(X), whole, rtol=1e-5, atol=1e-5)


def test_awkward_tables_have_finite_scores():
    """Constant columns, one column, two rows, huge and tiny numbers, far outliers."""
    rng = np.random.default_rng(0)
    constant = np.concatenate([X[:50], np.full((50, 1), 3.0)], axis=1)
    far = X[:50].copy()
    far[0] *= 1e9
    for table in (constant, rng.normal(size=(30, 1)), X[:2], 1e-12 * X[:50], 1e12 * X[:50], far):
        found = OutlierDetector(**QUICK).fit(table)
        assert np.isfinite(found.score_samples(table)).all()
        assert np.isfinite(found.contributions(table)).all()
    assert np.argmin(OutlierDetector(**QUICK).fit(far).score_samples(far)) == 0
    # What was constant in training and is no longer is suspicious.
    found = OutlierDetector(**QUICK).fit(constant)
    moved = constant[:5] + np.array([0.0, 0.0, 0.0, 0.0, 5.0])
    assert np.all(np.argmax(found.contributions(moved), axis=1) == 4)


def test_another_table_is_refused(detector):
    with pytest.raises(ValueError, match="4 features"):
        detector.predict(X[:, :3])


def test_served_scores_are_those_of_python(detector, tmp_path):
    detector.export(tmp_path / "1")
    serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    found = serve(x=tf.constant(X))
    np.testing.assert_allclose(found["score"], -detector.score_samples(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found["is_outlier"], detector.predict(X) == -1)
    np.testing.assert_allclose(
        found["contributions"], detector.contributions(X), rtol=1e-4, atol=1e-4
    )
    names = [name.decode() for name in found["names"].numpy()]
    assert names == detector.get_contribution_names()
    single = serve(x=tf.constant(X[3:4]))
    np.testing.assert_allclose(single["score"][0], found["score"][3], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="must be a new folder"):
        detector.export(tmp_path / "1")


@pytest.mark.parametrize("indicators", ["missing-only", "nan"])
def test_served_raw_columns_have_the_scores_of_python(tmp_path, indicators):
    rng = np.random.default_rng(0)
    rows = {
        "size (cm)": np.where(np.arange(200) % 9, rng.normal(size=200), np.nan),
        "kind": rng.choice(["a", "b"], 200),
        "day": (np.datetime64("2025-01-01") + np.arange(200) % 60).astype(str),
    }
    table = tfvae.tables.Table(indicators=indicators)
    x = table.fit_transform(rows)
    detector = OutlierDetector(members=2, steps=20, num_samples=2, verbose=0).fit(x)
    detector.export(tmp_path / "1", table=table)
    serve = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    raw = {
        "size__cm_": tf.constant(rows["size (cm)"]),
        "kind": tf.constant(rows["kind"]),
        "day": tf.constant(rows["day"]),
    }
    found = serve(**raw)
    np.testing.assert_allclose(found["score"], -detector.score_samples(x), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found["is_outlier"], detector.predict(x) == -1)
    # A value that is not allowed has no score, and is not taken for usual.
    bad = serve(**{name: one[:2] for name, one in raw.items()} | {"day": tf.constant(["x", "y"])})
    assert np.isnan(bad["score"]).all() and np.all(bad["is_outlier"])
    other = tfvae.tables.Table().fit({"kind": rows["kind"]})
    with pytest.raises(ValueError, match="must make the features that the model was built for"):
        detector.export(tmp_path / "2", table=other)
    with pytest.raises(ValueError, match="must be a fitted"):
        detector.export(tmp_path / "2", table=tfvae.tables.Table())
    assert not (tmp_path / "2").exists()


@pytest.mark.slow
@parametrize_with_checks(
    [OutlierDetector(members=2, steps=20, num_samples=2, verbose=0)],
    expected_failed_checks=lambda estimator: {
        "check_methods_subset_invariance": "float32 products round by the size of a batch: 1e-6",
        "check_methods_sample_order_invariance": "float32 products round by the place in a batch",
    },
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_clones():
    made = OutlierDetector(members=3)
    assert sklearn.base.clone(made).get_params() == made.get_params()
