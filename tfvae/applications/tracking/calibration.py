"""How far apart two descriptors of one person are: a threshold from data, without labels."""

from typing import Any, NamedTuple

import numpy as np
import scipy.spatial
import sklearn.metrics

from tfvae import _checks


class Calibration(NamedTuple):
    """A threshold on distance.

    Attributes:
        max_distance: two descriptors at most so far apart are of one person.
        missed: share of pairs of one person that are farther apart.
        confused: share of pairs of two persons that are not.
        num_pairs: how many pairs of one person, and of two, it was found from.
    """

    max_distance: float
    missed: float
    confused: float
    num_pairs: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"`max_distance` {self.max_distance:.4g}: of {self.num_pairs[0]} pairs within a track "
            f"{self.missed:.1%} are farther apart; of {self.num_pairs[1]} pairs within a frame "
            f"{self.confused:.1%} are not."
        )


def calibrate(
    features: Any, tracklets: Any, frames: Any, *, min_gap: int = 5, max_pairs: int = 200_000,
    seed: int = 0,
) -> Calibration:  # fmt: skip
    """The distance that tells one person from two, from tracks without labels.

    Two boxes of a track that was never lost are one person, two boxes of a frame are two. The
    threshold makes the share of pairs that it tells wrong least, both kinds having the same weight:
    it is where the ROC curve is highest above its diagonal.

    Args:
        features: descriptors, (n, D).
        tracklets: number of the track of each, (n,).
        frames: (n,).
        min_gap: how many frames lie between two boxes of a track, at least, if tracks are so long.
        max_pairs: pairs of each kind, drawn at random where there are more.
        seed: of the draws.

    Raises:
        ValueError: when there are no pairs of one of the kinds.

    Example, two persons whose descriptors are about 1 apart:

        >>> import numpy as np
        >>> from tfvae.applications.tracking import calibrate
        >>> rng = np.random.default_rng(0)
        >>> tracklets, frames = np.tile([0, 1], 50), np.repeat(np.arange(50), 2)
        >>> features = tracklets[:, None] + 0.1 * rng.normal(size=(100, 1))
        >>> found = calibrate(features, tracklets, frames)
        >>> 0.3 < found.max_distance < 0.8, found.missed < 0.05, found.confused < 0.05
        (True, True, True)
    """
    features = np.asarray(features, "float64")
    tracklets, frames = np.asarray(tracklets), np.asarray(frames)
    if features.ndim != 2 or not len(features) == len(tracklets) == len(frames):
        raise ValueError(
            "`features` (n, D), `tracklets` (n,) and `frames` (n,) must be of one length, received "
            f"{features.shape}, {tracklets.shape} and {frames.shape}."
        )
    min_gap = _checks.positive_int("min_gap", min_gap)
    known = np.isfinite(features).all(axis=1)
    features, tracklets, frames = features[known], tracklets[known], frames[known]
    rng = np.random.default_rng(seed)
    same = _pairs_within(tracklets, rng, max_pairs)
    apart = np.abs(frames[same[0]] - frames[same[1]])
    wide = apart >= min_gap
    same = [part[wide] for part in same] if wide.any() else same
    other = _pairs_within(frames, rng, max_pairs)
    differ = tracklets[other[0]] != tracklets[other[1]]
    other = [part[differ] for part in other]
    if not len(same[0]) or not len(other[0]):
        raise ValueError(
            "there must be tracks of two boxes and frames of two tracks, received "
            f"{len(same[0])} pairs within a track and {len(other[0])} within a frame."
        )
    distances = [np.linalg.norm(features[a] - features[b], axis=1) for a, b in (same, other)]
    is_same = np.repeat([1, 0], [len(part) for part in distances])
    confused, found, thresholds = sklearn.metrics.roc_curve(is_same, -np.concatenate(distances))
    best = int(np.argmax(found - confused))
    return Calibration(
        float(-thresholds[best]), float(1 - found[best]), float(confused[best]),
        (len(distances[0]), len(distances[1])),
    )  # fmt: skip


def _pairs_within(groups, rng, most):
    """Places of pairs of the same group, both (m,)."""
    order = np.argsort(groups, kind="stable")
    _, counts = np.unique(groups, return_counts=True)
    first, second, start = [], [], 0
    for count in counts:
        rows, columns = np.triu_indices(count, 1)
        share = int(np.ceil(most * count * (count - 1) / max(np.sum(counts * (counts - 1)), 1)))
        if len(rows) > share:
            chosen = rng.choice(len(rows), share, replace=False)
            rows, columns = rows[chosen], columns[chosen]
        first.append(order[start + rows])
        second.append(order[start + columns])
        start += count
    return np.concatenate(first), np.concatenate(second)


def rank_one(features: Any, ids: Any, frames: Any, gap: int) -> tuple[float, int]:
    """How often the nearest box `gap` frames later is the same person.

    Of all boxes whose person is there again, the share for which the descriptor at the least
    Euclidean distance among all boxes of the later frame is that person's.

    Args:
        features: descriptors, (n, D).
        ids: of persons, (n,).
        frames: (n,).
        gap: number of frames.

    Returns:
        The share, and of how many boxes.

    Raises:
        ValueError: when nobody is there again.
    """
    features, ids, frames = np.asarray(features), np.asarray(ids), np.asarray(frames)
    right = asked = 0
    for frame in np.unique(frames):
        now, later = np.flatnonzero(frames == frame), np.flatnonzero(frames == frame + gap)
        now = now[np.isin(ids[now], ids[later])]
        if len(now):
            distances = scipy.spatial.distance.cdist(features[now], features[later])
            right += int(np.sum(ids[later][np.argmin(distances, axis=1)] == ids[now]))
            asked += len(now)
    if not asked:
        raise ValueError(f"`gap` must be one after which somebody is there again, received {gap}.")
    return right / asked, asked
