"""Scores of two kinds of members as one, against loops in NumPy."""

import numpy as np
import pytest

from tfvae.applications.outliers.usual import Usual, measured

RNG = np.random.default_rng(0)
USUAL = RNG.normal(size=(2, 4))
WEIGHTS = np.array([1.0, 2.5])


def rows(number=6):
    """Parts of the kinds, (n, 2, 4), and what is missing, (n, 3): there a part is 0."""
    parts, missing = 3.0 * RNG.normal(size=(number, 2, 4)), RNG.uniform(size=(number, 3)) < 0.3
    parts[:, :, :3][np.repeat(missing[:, np.newaxis], 2, axis=1)] = 0.0
    return parts.astype("float32"), missing


def by_loops(parts, missing):
    """Parts of the kind with the highest sum, a gap's 0."""
    found = []
    for row, gaps in zip(parts.astype("float64"), missing, strict=True):
        kinds = [WEIGHTS[g] * (row[g] - USUAL[g]) for g in range(2)]
        for one in kinds:
            one[:3][gaps] = 0.0
        found.append(max(kinds, key=np.sum))
    return np.array(found)


def test_a_row_is_as_odd_as_one_kind_says():
    parts, missing = rows()
    usual, wanted = Usual(USUAL, WEIGHTS), by_loops(parts, missing)
    np.testing.assert_allclose(usual.parts(parts, missing), wanted, atol=1e-5)
    scores = parts.sum(axis=2)
    np.testing.assert_allclose(usual.scores(scores, missing), wanted.sum(axis=1), atol=1e-5)
    x = np.where(missing, np.nan, 1.0)
    np.testing.assert_allclose(usual.of_rows(x, scores), wanted.sum(axis=1), atol=1e-5)


def test_usual_rows_have_nothing_and_the_kinds_one_spread():
    number = 401
    parts = RNG.normal(size=(number, 2, 4)) * [[[1.0], [7.0]]] + [[[3.0], [20.0]]]
    x, scores = np.arange(number)[:, np.newaxis] * np.ones(3), parts.sum(axis=2)
    usual = measured(
        x, scores, lambda rows: parts[rows[:, 0].astype(int)], np.random.default_rng(0)
    )
    kinds = usual.kinds_of_rows(x, scores)
    for own, before in zip(kinds.T, scores.T, strict=True):
        low, high = np.quantile(before, (0.25, 0.75), method="nearest")
        assert abs(own[(before >= low) & (before <= high)].mean()) < 1e-4
    spread = np.quantile(kinds, 0.75, axis=0) - np.median(kinds, axis=0)
    np.testing.assert_allclose(spread[1], spread[0], rtol=1e-5)


@pytest.mark.parametrize("constant", [0, 1])
def test_a_kind_without_a_spread_is_not_stretched(constant):
    parts = RNG.normal(size=(50, 2, 4))
    parts[:, constant] = 1.0
    x, scores = np.arange(50)[:, np.newaxis] * np.ones(3), parts.sum(axis=2)
    usual = measured(
        x, scores, lambda rows: parts[rows[:, 0].astype(int)], np.random.default_rng(0)
    )
    assert np.isfinite(usual.of_rows(x, scores)).all()
    own = usual.kinds_of_rows(x, scores)[:, 1 - constant]
    np.testing.assert_allclose(np.ptp(own), np.ptp(scores[:, 1 - constant]), rtol=1e-5)
