"""Thresholds and their intervals, against SciPy and against draws."""

import numpy as np
import pytest
from scipy import stats

from tfvae.applications.outliers.thresholds import threshold


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [10, 100, 1001])
def test_the_share_above_is_the_rate(n, rate):
    scores = np.random.default_rng(0).permutation(n).astype("float64")
    found = threshold(scores, rate)
    assert np.sum(scores > found.value) == np.floor(rate * n + 0.5)
    assert found.low <= found.value <= found.high
    assert found.least_rate <= np.mean(scores > found.value) <= found.most_rate


def test_intervals_cover_as_often_as_they_say():
    """2,000 samples of a known distribution: 95% of the intervals hold what they are for."""
    rng, n, rate = np.random.default_rng(0), 300, 0.05
    true = stats.norm.isf(rate)
    covered, rates = [], []
    for _ in range(2_000):
        found = threshold(rng.normal(size=n), rate)
        covered.append(found.low <= true <= found.high)
        rates.append(found.least_rate <= stats.norm.sf(found.value) <= found.most_rate)
    assert 0.94 <= np.mean(covered) <= 0.985  # Order statistics are discrete: never below.
    assert 0.94 <= np.mean(rates) <= 0.985


def test_too_few_rows_have_no_upper_end():
    found = threshold(np.arange(20.0), 0.01)
    assert found.high == np.inf and found.value == 19.0
    assert found.most_rate == pytest.approx(1.0 - 0.025 ** (1 / 20))  # no row of 20 lies above


def test_the_report_has_all_numbers():
    found = threshold(np.arange(100.0), 0.1)
    assert found.to_dict()["threshold"] == found.value and "nats" in str(found)
