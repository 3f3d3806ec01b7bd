"""The threshold of the same against all thresholds there are."""

import itertools

import numpy as np
import pytest
from scipy import stats

from tfvae.applications import SimilarityIndex, same_threshold
from tfvae.applications.similarity.thresholds import pairs_of_labels


def errors(same, different, value):
    return np.mean(np.array(different) <= value), np.mean(np.array(same) > value)


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_has_fewer_errors(seed):
    rng = np.random.default_rng(seed)
    same, different = rng.integers(0, 8, 15) / 4, rng.integers(2, 12, 25) / 4  # With ties.
    found = same_threshold(same, different)
    rates = found.false_positive_rate, found.false_negative_rate
    assert rates == pytest.approx(errors(same, different, found.value))
    every = [sum(errors(same, different, t)) for t in np.arange(0, 4, 0.125)]
    assert sum(rates) == pytest.approx(min(every))
    for rate in (0.0, 0.04, 0.3, 0.99):
        at = same_threshold(same, different, false_positive_rate=rate)
        assert at.false_positive_rate <= rate
        higher = [errors(same, different, t)[0] for t in np.arange(at.value, 4, 0.125) + 0.125]
        assert all(one > rate for one in higher if one > at.false_positive_rate)
        assert (at.false_positive_rate, at.false_negative_rate) == pytest.approx(
            errors(same, different, at.value)
        )


def test_by_hand():
    found = same_threshold([1, 2, 3, 7], [5, 6, 8, 9], false_positive_rate=0)
    assert (found.value, found.false_positive_rate, found.false_negative_rate) == (4.0, 0.0, 0.25)
    found = same_threshold([1, 2, 3, 7], [5, 6, 8, 9], false_positive_rate=0.5)
    assert (found.value, found.false_positive_rate, found.false_negative_rate) == (7.5, 0.5, 0.0)
    # All the same, and none of them.
    assert same_threshold([1, 2], [2], false_positive_rate=0).value == 1.5
    found = same_threshold([3, 4], [1, 2], false_positive_rate=0)
    assert (found.value, found.false_negative_rate) == (0.5, 1.0)
    found = same_threshold([0, 0], [0, 1])
    assert (found.value, found.false_positive_rate) == (0.5, 0.5)
    # No number is between these two.
    near = np.nextafter(1.0, 2.0)
    assert same_threshold([1.0], [near]).false_positive_rate == 0.0


def test_intervals_are_those_of_the_binomial():
    same, different = np.arange(1, 21.0), np.arange(18.5, 118.5)
    found = same_threshold(same, different)
    count = round(found.false_positive_rate * 100)
    low, high = found.false_positive_interval
    assert stats.binom.sf(count - 1, 100, low) == pytest.approx(0.025) or (count, low) == (0, 0.0)
    assert stats.binom.cdf(count, 100, high) == pytest.approx(0.025)
    missed = round(found.false_negative_rate * 20)
    assert stats.binom.cdf(missed, 20, found.false_negative_interval[1]) == pytest.approx(0.025)
    assert (found.num_same, found.num_different) == (20, 100)
    assert "false negative rate, to" in str(found) and found.to_dict()["threshold"] == found.value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [1]), "`same` must be finite distances"),
        (([1], []), "`different` must be finite distances"),
        (([np.nan], [1]), "with NaN or infinities"),
        (([-1.0], [1]), "values from -1 to -1"),
        (([[1.0]], [1]), r"received the shape \(1, 1\)"),
        ((["a"], [1]), "`same` must be distances, "),
        (([1], [2], 1.0), r"`false_positive_rate` must lie in \[0, 1\)"),
        (([1], [0, 0, 2, 3], 0.4), "must be at least 0.5, the share .* distance is 0, received"),
    ],
)
def test_awkward_input(arguments, message):
    same, different, *rate = arguments
    with pytest.raises(ValueError, match=message):
        same_threshold(same, different, false_positive_rate=rate[0] if rate else None)


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_labels_are_all_of_them_or_drawn_evenly(same):
    labels = np.array([2, 0, 1, 0, 2, 2, 3, 0, 2])
    every = {
        (i, j)
        for i, j in itertools.combinations(range(len(labels)), 2)
        if (labels[i] == labels[j]) == same
    }
    rng = np.random.default_rng(0)
    first, second = pairs_of_labels(labels, same, len(every), rng)
    pairs = [tuple(sorted(pair)) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    assert len(pairs) == len(every) and set(pairs) == every
    for most in (len(every) - 1, 3):
        first, second = pairs_of_labels(labels, same, most, rng)
        assert len(first) == most
        assert {
            tuple(sorted(p)) for p in zip(first.tolist(), second.tolist(), strict=True)
        } <= every
    drawn = [pairs_of_labels(labels, same, len(every) - 1, rng) for _ in range(1_000)]
    first, second = np.concatenate(drawn, axis=1)
    _, counts = np.unique(
        np.minimum(first, second) * 9 + np.maximum(first, second), return_counts=True
    )
    assert len(counts) == len(every) and stats.chisquare(counts).pvalue > 1e-3


def test_many_rows_with_few_pairs():
    """The pairs that do not count are not made."""
    labels = np.arange(100_000) // 2
    first, second = pairs_of_labels(labels, True, 100_000, np.random.default_rng(0))
    assert len(first) == 50_000 and np.all(labels[first] == labels[second])
    labels = np.zeros(100_000, int)
    labels[7] = 1
    first, second = pairs_of_labels(labels, False, 100_000, np.random.default_rng(0))
    assert len(first) == 99_999 and np.all(labels[first] != labels[second])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_from_labels(metric):
    """Clusters that are apart; what is within the threshold has the label of the query."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], 40)
    z = 10.0 * np.repeat(np.eye(3), 40, axis=0) + rng.normal(size=(120, 3))
    index = SimilarityIndex(3, metric=metric)
    index.add(z)
    found = index.same_threshold(z, labels)
    assert (found.false_positive_rate, found.false_negative_rate) == (0.0, 0.0)
    assert (found.num_same, found.num_different) == (3 * 780, 3 * 1600)
    for label, ids in zip(labels, index.within(z, found.value).ids, strict=True):
        assert set(labels[ids]) == {label} and len(ids) == 40
    drawn = index.same_threshold(z, labels, max_pairs=50, seed=1)
    assert (drawn.num_same, drawn.num_different) == (50, 50)
    assert drawn == index.same_threshold(z, labels, max_pairs=50, seed=1)
    assert drawn != index.same_threshold(z, labels, max_pairs=50, seed=2)
