"""SORT: tracks from boxes alone."""

from typing import NamedTuple

import numpy as np
import scipy.optimize

from tfvae import _checks
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.motion import AreaMotion, Motion


class Tracks(NamedTuple):
    """The tracks that are seen in a frame.

    Attributes:
        boxes: corners x_min, y_min, x_max, y_max, (n, 4), float64.
        ids: from 1 on, (n,), int64.
        detections: which box of the frame each belongs to, (n,), int64.
    """

    boxes: np.ndarray
    ids: np.ndarray
    detections: np.ndarray


def admissible_pairs(costs: np.ndarray, admissible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The assignment of least cost among admissible pairs, as many pairs as can be.

    Args:
        costs: (n, m), finite where `admissible`.
        admissible: mask, (n, m).

    Returns:
        rows and columns, (k,) each.
    """
    if not admissible.any():
        return np.zeros(0, "int64"), np.zeros(0, "int64")
    # So high that one pair more is always cheaper than any other choice among pairs.
    allowed = costs[admissible]
    low, span = allowed.min(), allowed.max() - allowed.min()
    ceiling = (span + 1.0) * (min(costs.shape) + 1.0)
    rows, columns = scipy.optimize.linear_sum_assignment(np.where(admissible, costs - low, ceiling))
    kept = admissible[rows, columns]
    return rows[kept], columns[kept]


class Tracker:
    """Base class: motion, ages and ids of tracks; a subclass says what belongs together.

    Attributes:
        motion: the Kalman filters.
        ids: of all tracks, seen or not, (n,).
        misses: frames since each was seen, (n,).
        hits: frames in a row in which each was seen, without its first, (n,).
        num_frames: number of frames so far.
    """

    def __init__(self, motion: Motion):
        self.motion = motion
        self.ids = np.zeros(0, "int64")
        self.misses = np.zeros(0, "int64")
        self.hits = np.zeros(0, "int64")
        self.num_frames = 0
        self._next = 1

    def _advance(self):
        """A frame on; the boxes expected, (n, 4). Tracks whose box is impossible are dropped."""
        self.num_frames += 1
        self.motion.predict()
        self.hits[self.misses > 0] = 0
        self.misses += 1
        boxes = self.motion.boxes
        kept = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        self._keep(kept)
        return boxes[kept]

    def _keep(self, kept):
        if not kept.all():
            self.motion.keep(kept)
            self.ids, self.misses, self.hits = (
                one[kept] for one in (self.ids, self.misses, self.hits)
            )

    def _seen(self, tracks, boxes):
        """Tracks (m,) that are seen at corners (m, 4)."""
        self.motion.update(tracks, boxes)
        self.misses[tracks] = 0
        self.hits[tracks] += 1

    def _told(self, told, detections):
        """What is said of the tracks of a mask, (n,), with the box of each, (n,)."""
        boxes = self.motion.boxes_of(self.motion.mean[told])
        return Tracks(boxes, self.ids[told], detections[told])

    def _start(self, boxes):
        """New tracks."""
        if not len(boxes):
            return
        self.motion.add(boxes)
        new = np.zeros(len(boxes), "int64")
        self.ids = np.concatenate([self.ids, self._next + np.arange(len(boxes))])
        self.misses, self.hits = (np.concatenate([one, new]) for one in (self.misses, self.hits))
        self._next += len(boxes)


class Sort(Tracker):
    """SORT [B16]: a Kalman filter for each track, and boxes assigned by their overlap.

    In each frame the tracks are moved on by `AreaMotion`. Boxes and tracks are paired so that the
    sum of their intersections over unions is greatest; pairs that overlap too little are none. A
    box without a track starts one, a track that has not been seen for `max_age` frames ends.

    Args:
        max_age: how many frames a track outlives without a box.
        min_hits: in how many frames in a row, after its first, a track must have been seen before
            it is told; the first frames of a video are exempt.
        min_overlap: intersection over union of a pair, in (0, 1].

    Raises:
        ImportError: where simdkalman is missing.
        ValueError: when an argument lies outside its range.

    Example, a box that moves to the right by 2 pixels a frame:

        >>> from tfvae.applications.tracking import Sort
        >>> tracker = Sort()
        >>> for frame in range(6):
        ...     tracks = tracker.update([[10 + 2 * frame, 10, 40 + 2 * frame, 90]])
        >>> tracks.ids
        array([1])
        >>> tracks.boxes.round()
        array([[20., 10., 50., 90.]])
    """

    def __init__(self, max_age: int = 1, min_hits: int = 3, min_overlap: float = 0.3):
        super().__init__(AreaMotion())
        self.max_age = _checks.positive_int("max_age", max_age)
        self.min_hits = _checks.whole_in("min_hits", min_hits, 0, 2**31)
        self.min_overlap = _checks.number_in("min_overlap", min_overlap, 0.0, 1.0, low_open=True)

    def update(self, boxes, scores=None, embeddings=None) -> Tracks:
        """The next frame.

        Args:
            boxes: corners x_min, y_min, x_max, y_max in pixels, (m, 4); m may be 0, but no frame
                may be left out.
            scores: not looked at.
            embeddings: not looked at.

        Returns:
            `Tracks` seen in this frame, by id.

        Raises:
            ValueError: naming the box that is impossible.
        """
        boxes = box_functions.checked(boxes)
        shared = box_functions.overlaps(self._advance(), boxes)
        # As published, the greatest sum of all overlaps is looked for first.
        tracks, found = scipy.optimize.linear_sum_assignment(-shared)
        enough = shared[tracks, found] >= self.min_overlap
        tracks, found = tracks[enough], found[enough]
        self._seen(tracks, boxes[found])
        free = np.ones(len(boxes), bool)
        free[found] = False
        unpaired = np.flatnonzero(free)
        detections = np.full(len(self.ids), -1)
        detections[tracks] = found
        self._start(boxes[unpaired])
        detections = np.concatenate([detections, unpaired])
        early = self.num_frames <= self.min_hits
        told = (self.misses < 1) & ((self.hits >= self.min_hits) | early)
        tracks = self._told(told, detections)
        self._keep(self.misses <= self.max_age)
        return tracks
