"""The distance up to which two encodings count as the same, from pairs whose answer is known."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from tfvae import _checks
from tfvae.evaluation.tables import Line, Report

# Of the intervals.
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class SameThreshold(Report):
    """A threshold on distances and its errors, with 95% intervals; prints as a table."""

    title = "Threshold of the same"

    value: float
    """Two encodings that are not farther apart count as the same; in the unit of the distances."""
    false_positive_rate: float
    """The share of pairs that differ and count as the same."""
    false_negative_rate: float
    """The share of pairs that are the same and count as different."""
    false_positive_interval: tuple[float, float]
    """Interval of `false_positive_rate` among all pairs there are."""
    false_negative_interval: tuple[float, float]
    """Interval of `false_negative_rate` among all pairs there are."""
    num_same: int
    """The number of pairs that are the same."""
    num_different: int
    """The number of pairs that differ."""

    def lines(self) -> list[Line]:
        """The numbers, in order."""
        return [
            Line("threshold", self.value, ""),
            Line("false positive rate", self.false_positive_rate, ""),
            Line("false positive rate, from", self.false_positive_interval[0], ""),
            Line("false positive rate, to", self.false_positive_interval[1], ""),
            Line("false negative rate", self.false_negative_rate, ""),
            Line("false negative rate, from", self.false_negative_interval[0], ""),
            Line("false negative rate, to", self.false_negative_interval[1], ""),
            Line("pairs that are the same", self.num_same, ""),
            Line("pairs that differ", self.num_different, ""),
        ]


def same_threshold(
    same: ArrayLike, different: ArrayLike, *, false_positive_rate: float | None = None
) -> SameThreshold:
    """The threshold t on distances d, where d ≤ t counts as the same, with the fewest errors.

    FPR(t) is the share of `different` that is ≤ t, FNR(t) the share of `same` that is > t. Without
    `false_positive_rate`, t has the least FPR(t) + FNR(t) (it maximises Youden's J), and of several
    the smallest. With it, t is the largest whose FPR(t) is not above. The value lies half-way
    between the two distances that it separates. The intervals are those of Clopper and Pearson:
    they take pairs as independent, and are too narrow for many pairs of few encodings.

    Args:
        same: distances of pairs that are known to be the same, (n,), from 0.
        different: distances of pairs that are known to differ, (n,), from 0.
        false_positive_rate: largest share of pairs that differ and may count as the same, in
            [0, 1). None: the fewest errors.

    Raises:
        ValueError: when distances do not fit, or pairs that differ have the distance 0 and are more
            than `false_positive_rate` allows.

    Example:
        >>> from tfvae.applications import same_threshold
        >>> found = same_threshold(same=[0.1, 0.2, 0.3, 0.9], different=[0.5, 1.0, 1.5])
        >>> found.value, found.false_positive_rate, found.false_negative_rate
        (0.4, 0.0, 0.25)
    """
    same, different = _distances("same", same), _distances("different", different)
    distances = np.unique(np.concatenate([same, different]))
    # Half-way between neighbours; where there is no number between, the lower one.
    between = distances[:-1] + 0.5 * np.diff(distances)
    between = np.where(between < distances[1:], between, distances[:-1])
    below = distances[:1][distances[:1] > 0] * 0.5
    values = np.concatenate([below, between, distances[-1:]])
    positives = np.searchsorted(different, values, "right")
    negatives = len(same) - np.searchsorted(same, values, "right")
    if false_positive_rate is None:
        # In whole numbers: equal sums stay equal.
        best = int(np.argmin(positives * len(same) + negatives * len(different)))
    else:
        rate = _checks.number_in("false_positive_rate", false_positive_rate, 0, 1, high_open=True)
        allowed = np.flatnonzero(positives <= rate * len(different))
        if not len(allowed):
            raise ValueError(
                f"`false_positive_rate` must be at least {positives[0] / len(different):g}, the "
                f"share of pairs in `different` whose distance is {distances[0]:g}, received "
                f"{rate:g}. Look for duplicates among these pairs."
            )
        best = int(allowed[-1])
    return SameThreshold(
        float(values[best]),
        float(positives[best] / len(different)),
        float(negatives[best] / len(same)),
        _interval(int(positives[best]), len(different)),
        _interval(int(negatives[best]), len(same)),
        len(same),
        len(different),
    )


def groups_of_labels(labels: ArrayLike) -> np.ndarray:
    """Whole numbers from 0 in place of labels of any kind, of the same shape.

    Raises:
        ValueError: when labels cannot be compared, or one is NaN.
    """
    try:
        labels = np.asarray(labels)
        different, groups = np.unique(labels, return_inverse=True)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`labels` must be numbers or strings, (n,), received others: {error}. Leave out rows "
            "without a label."
        ) from error
    if np.any(different != different):  # Only NaN does.
        raise ValueError(
            "`labels` must be numbers or strings, (n,), received NaN. Leave out rows without a "
            "label."
        )
    return groups.reshape(labels.shape)


def pairs_of_labels(
    labels: np.ndarray, same: bool, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of pairs whose labels are the same, or differ, (n,) each.

    All pairs, or `most` of them, drawn at random with replacement, where there are more.
    """
    order = np.argsort(labels, kind="stable")
    _, starts, group, sizes = np.unique(
        labels[order], return_index=True, return_inverse=True, return_counts=True
    )
    number, stops = len(labels), starts + sizes
    partners = sizes[group] - 1 if same else number - sizes[group]
    total = int(np.sum(partners)) // 2
    if total <= most:
        # Each row with all that come after it, in its group or behind its group.
        low = np.arange(number) + 1 if same else stops[group]
        counts = (stops[group] if same else number) - low
        first = np.repeat(np.arange(number), counts)
        second = np.arange(total) + np.repeat(low - np.cumsum(counts) + counts, counts)
        return order[first], order[second]
    first = rng.choice(number, most, p=partners / np.sum(partners))
    second = (rng.random(most) * partners[first]).astype(int)
    if same:
        second += starts[group[first]]
        second += second >= first
    else:
        second += np.where(second >= starts[group[first]], sizes[group[first]], 0)
    return order[first], order[second]


def _interval(count, number):
    test = stats.binomtest(count, number).proportion_ci(CONFIDENCE, method="exact")
    return float(test.low), float(test.high)


def _distances(name, values):
    try:
        values = np.sort(np.asarray(values, "float64"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{name}` must be distances, (n,), received others: {error}.") from error
    if values.ndim != 1 or not len(values) or not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(
            f"`{name}` must be finite distances from 0, (n,) with n ≥ 1, received the shape "
            f"{values.shape} and {_checks.span_of(values)}."
        )
    return values
