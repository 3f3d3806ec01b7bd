"""Rows far from all others, columns that cannot be standardised, arguments of other types."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.exceptions import NotFittedError

from tfvae.applications import OutlierDetector

QUICK = {"steps": 5, "members": 2}


def test_a_row_however_far_is_an_outlier(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    detector = OutlierDetector(**QUICK).fit(X)
    far = np.array([[1e10, 0.0], [1e25, 0.0], [1e300, 0.0], [-1.7e308, 1.7e308]])
    scores = -detector.score_samples(far)
    assert np.all(np.isfinite(scores)) and np.all(scores > detector.training_scores_.max())
    np.testing.assert_array_equal(detector.predict(far), -1)
    detector.export(tmp_path / "served")
    assert [path.name for path in tmp_path.iterdir()] == ["served"]
    serve = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    np.testing.assert_allclose(serve(x=tf.constant(far))["score"], scores, rtol=1e-5)
    assert np.isnan(serve(x=tf.constant([[np.inf, 0.0]], tf.float64))["score"].numpy()[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: np.r_[X, [[1e300, 0.0]]], "standard deviation that float64 can hold.*'x0'"),
        (lambda X: X * [1.0, 1e-300], "standard deviation that float64 can hold.*'x1'"),
        (lambda X: X * [1.0, np.nan], "a number in each column, received none in 20 rows of 'x1'"),
        (lambda X: np.ma.array(X, mask=X > 1.0), "no masked values"),
        (lambda X: pd.DataFrame(X, columns=["a", "a"]), "columns of different names.*'a'"),
    ],
)
def test_columns_that_cannot_be_standardised_are_named(change, message):
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match=message):
        OutlierDetector(**QUICK).fit(change(X))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "vae"}, "`model` must be None.*received 'vae'"),
        ({"model": lambda columns: None}, "`model` must be None.*a function that gives None"),
        ({"random_state": 1.5}, "`random_state`. must be a whole number.*received 1.5"),
        ({"random_state": np.random.RandomState(0)}, "`random_state`. must be a whole number"),
    ],
)
def test_models_and_random_states_of_other_types_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        OutlierDetector(**arguments).fit(np.random.default_rng(0).normal(size=(20, 2)))


def test_a_detector_that_is_not_fitted_is_not_exported(tmp_path):
    with pytest.raises(NotFittedError):
        OutlierDetector().export(tmp_path / "served")
