"""How far apart two descriptors of one person are: a threshold from data, without labels."""

from typing import Any, NamedTuple

import numpy as np
import scipy.spatial

from tfvae import _checks

# Frames between a box and the gallery of its own track.
MIN_GAP = 5


class Calibration(NamedTuple):
    """A threshold on the distance of a box's descriptor from the gallery of a track.

    Attributes:
        max_distance: a box at most so far from a gallery is of its person.
        missed: share of boxes that are farther from the gallery of their own track.
        confused: share of galleries of others that are not farther.
        num_distances: how many of each kind it was found from.
    """

    max_distance: float
    missed: float
    confused: float
    num_distances: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"`max_distance` {self.max_distance:.4g}: of {self.num_distances[0]} boxes "
            f"{self.missed:.1%} are farther from their own track; of {self.num_distances[1]} "
            f"tracks of others {self.confused:.1%} are not."
        )


def calibrate(
    features: Any,
    tracklets: Any,
    frames: Any,
    *,
    miss_rate: float = 0.05,
    min_gap: int = MIN_GAP,
    gallery_size: int = 100,
    max_boxes: int = 3_000,
    seed: int = 0,
) -> Calibration:
    """The distance that tells one person from two, from tracks without labels.

    What `AppearanceSort` looks at is the least distance of a box to a gallery. Here it is taken
    from boxes to what was seen of their own track up to `min_gap` frames before, as after an
    occlusion, and to what was seen up to then of the other tracks of the same frame, which are
    other persons. The threshold is the quantile 1 − `miss_rate` of the former. **Choice**: where
    descriptors hardly tell people apart it is loose, and motion decides.

    Args:
        features: descriptors, (n, D).
        tracklets: number of the track of each, (n,).
        frames: (n,).
        miss_rate: share of boxes that are farther from their own track, in (0, 1).
        min_gap: how many frames a box lies behind the gallery of its own track.
        gallery_size: as in `AppearanceSort`.
        max_boxes: boxes that are looked at, drawn at random where there are more.
        seed: of the draws.

    Raises:
        ValueError: when there are no distances of one of the kinds, or no descriptor differs.

    Example, two persons whose descriptors are about 1 apart:

        >>> import numpy as np
        >>> from tfvae.applications.tracking import calibrate
        >>> rng = np.random.default_rng(0)
        >>> tracklets, frames = np.tile([0, 1], 50), np.repeat(np.arange(50), 2)
        >>> features = tracklets[:, None] + 0.1 * rng.normal(size=(100, 1))
        >>> found = calibrate(features, tracklets, frames)
        >>> 0.0 < found.max_distance < 0.8, found.missed < 0.06, found.confused < 0.05
        (True, True, True)
    """
    features = np.asarray(features, "float64")
    tracklets, frames, given = np.asarray(tracklets), np.asarray(frames), len(features)
    if features.ndim != 2 or not len(features) == len(tracklets) == len(frames):
        raise ValueError(
            "`features` (n, D), `tracklets` (n,) and `frames` (n,) must be of one length, received "
            f"{features.shape}, {tracklets.shape} and {frames.shape}."
        )
    miss_rate = _checks.number_in("miss_rate", miss_rate, 0, 1, low_open=True, high_open=True)
    min_gap = _checks.positive_int("min_gap", min_gap)
    gallery_size = _checks.positive_int("gallery_size", gallery_size)
    max_boxes = _checks.positive_int("max_boxes", max_boxes)
    check_pairs(tracklets, frames, min_gap)
    order = np.lexsort((frames, tracklets))
    order = order[np.isfinite(features[order]).all(axis=1)]
    features, tracklets, frames = features[order], tracklets[order], frames[order]
    starts = {one: np.searchsorted(tracklets, one) for one in np.unique(tracklets)}

    def least(box, track, last):
        """Distance of a box to the latest of a track up to a frame; None where there are none."""
        start = starts[track]
        stop = start + np.searchsorted(
            frames[start : np.searchsorted(tracklets, track, "right")], last, "right"
        )
        gallery = features[max(start, stop - gallery_size) : stop]
        if not len(gallery):
            return None
        return float(np.sqrt(np.min(np.sum(np.square(gallery - features[box]), axis=1))))

    same, other = [], []
    chosen = np.random.default_rng(seed).permutation(len(features))[:max_boxes]
    for box in np.sort(chosen):
        same.append(least(box, tracklets[box], frames[box] - min_gap))
        beside = tracklets[frames == frames[box]]
        other += [least(box, one, frames[box]) for one in beside[beside != tracklets[box]]]
    same, other = (np.array([d for d in one if d is not None]) for one in (same, other))
    if not len(same) or not len(other):
        raise ValueError(
            f"`features` must be finite, received {given} descriptors of which {len(features)} "
            f"are: {len(same)} distances within a track and {len(other)} between two are left. "
            "Where all are NaN the model's training went wrong: lower the learning rate."
        )
    threshold = float(np.quantile(same, 1.0 - miss_rate))
    if not 0.0 < threshold < float("inf"):
        raise ValueError(
            "`features` must differ within a track, received descriptors whose distance there is "
            f"{threshold:g} at the quantile {1.0 - miss_rate:g}. Where all are alike the model "
            "tells nobody apart: train it for longer, or on more tracks."
        )
    return Calibration(
        threshold,
        float(np.mean(same > threshold)),
        float(np.mean(other <= threshold)),
        (len(same), len(other)),
    )


def check_pairs(tracklets: np.ndarray, frames: np.ndarray, min_gap: int = MIN_GAP) -> None:
    """Looks whether there is something to calibrate with, which needs no descriptors.

    Raises:
        ValueError: when no track is as long as `min_gap`, or no frame has two tracks.
    """
    same = other = 0
    for track in np.unique(tracklets):
        own = frames[tracklets == track]
        same += int(np.sum(own - own.min() >= min_gap))
    for frame in np.unique(frames):
        here = len(np.unique(tracklets[frames == frame]))
        other += here * (here - 1)
    if not same or not other:
        raise ValueError(
            f"there must be tracks of {min_gap} frames and frames of two tracks, received "
            f"{same} distances within a track and {other} between two. Use more frames, or a video "
            "in which people are seen together."
        )


def rank_one(features: Any, ids: Any, frames: Any, gap: int) -> tuple[float, int]:
    """How often the nearest box `gap` frames later is the same person.

    Of all boxes whose person is there again, the share for which the descriptor at the least
    Euclidean distance among all boxes of the later frame is that person's. A box whose
    descriptor is not finite is nearest to none.

    Args:
        features: descriptors, (n, D).
        ids: of persons, (n,).
        frames: (n,).
        gap: number of frames.

    Returns:
        The share, and of how many boxes.

    Raises:
        ValueError: when nobody is there again, or lengths differ.
    """
    features = np.asarray(features, "float64")
    ids, frames = np.asarray(ids), np.asarray(frames)
    if features.ndim != 2 or not len(features) == len(ids) == len(frames):
        raise ValueError(
            "`features` (n, D), `ids` (n,) and `frames` (n,) must be of one length, received "
            f"{features.shape}, {ids.shape} and {frames.shape}."
        )
    gap = _checks.positive_int("gap", gap)
    right = asked = 0
    for frame in np.unique(frames):
        now, later = np.flatnonzero(frames == frame), np.flatnonzero(frames == frame + gap)
        now = now[np.isin(ids[now], ids[later])]
        if len(now):
            distances = scipy.spatial.distance.cdist(features[now], features[later])
            distances[~np.isfinite(distances)] = np.inf
            is_right = ids[later][np.argmin(distances, axis=1)] == ids[now]
            right += int(np.sum(is_right & np.isfinite(distances.min(axis=1))))
            asked += len(now)
    if not asked:
        raise ValueError(f"`gap` must be one after which somebody is there again, received {gap}.")
    return right / asked, asked
