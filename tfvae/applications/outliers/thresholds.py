"""The score above which a row is an outlier, and how well the data determine it."""

import dataclasses
import math

import numpy as np
from scipy import stats

from tfvae.evaluation.tables import Line, Report

# Of the intervals.
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Threshold(Report):
    """A threshold that a share of rows exceeds, with 95% intervals; prints as a table."""

    title = "Threshold of outliers"

    value: float
    """Rows with a higher score are outliers, nats."""
    rate: float
    """The share of rows that was to exceed it."""
    low: float
    """Lower end of the interval of the threshold that has this rate among all rows there are."""
    high: float
    """Its upper end; infinite where there are too few rows to tell."""
    least_rate: float
    """Lower end of the interval of the share of new rows that exceed `value`."""
    most_rate: float
    """Its upper end."""

    def lines(self) -> list[Line]:
        """The numbers, in order."""
        return [
            Line("threshold", self.value, "nats"),
            Line("threshold, from", self.low, "nats"),
            Line("threshold, to", self.high, "nats"),
            Line("rate asked for", self.rate, ""),
            Line("rate of new rows, from", self.least_rate, ""),
            Line("rate of new rows, to", self.most_rate, ""),
        ]


def threshold(scores: np.ndarray, rate: float) -> Threshold:
    """The quantile 1 − `rate` of scores, (n,), with what order statistics tell of it.

    The number of n scores above the true quantile is Binomial(n, rate), whatever their
    distribution: the interval of the threshold is between two order statistics. The rate of new
    rows above the r-th largest score is Beta(r, n + 1 − r) distributed. Rows count as independent.

    Returns:
        `value` lies half-way between the two scores that it separates.
    """
    n = len(scores)
    ordered = np.sort(scores)
    # So many scores lie above.
    above = min(max(math.floor(rate * n + 0.5), 0), n - 1)
    value = ordered[n - 1] if above == 0 else 0.5 * (ordered[n - above - 1] + ordered[n - above])
    tail = 0.5 * (1.0 - CONFIDENCE)
    fewest, most = (int(stats.binom.ppf(q, n, rate)) for q in (tail, 1.0 - tail))
    low = ordered[max(n - most - 1, 0)]
    high = ordered[n - fewest] if fewest > 0 else math.inf
    least_rate = stats.beta.ppf(tail, above, n + 1 - above) if above else 0.0
    most_rate = stats.beta.ppf(1.0 - tail, above + 1, n - above)
    return Threshold(*(float(one) for one in (value, rate, low, high, least_rate, most_rate)))
