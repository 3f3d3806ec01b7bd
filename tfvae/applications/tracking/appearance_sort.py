"""Tracks from boxes and appearance: a cascade of matches, gated by motion."""

from typing import Any

import numpy as np
import scipy.spatial
import scipy.stats

from tfvae import _checks
from tfvae.applications.tracking import boxes as box_functions
from tfvae.applications.tracking.motion import HeightMotion
from tfvae.applications.tracking.sort import Tracker, Tracks, admissible_pairs

# Numbers that are compared at a time, about as many as a processor's cache holds.
CHUNK = 100_000


class AppearanceSort(Tracker):
    """DeepSORT's way of tracking [W17], with any descriptor: tracks are found again by appearance.

    With descriptors of a `FlatManifoldVAE` this is VHP-FMVAE-SORT, with those of a `VHPVAE`
    VHP-VAE-SORT [C20]. In each frame:

    1. confirmed tracks are matched in the order of their age, so that one seen lately comes first.
       d is the least Euclidean distance of the box's descriptor to those in the track's gallery,
       and s the distance of the box's centre from where `HeightMotion` expects it, in heights. A
       pair is admissible if d ≤ `max_distance`, and if the box is near: its squared Mahalanobis
       distance within the `gate` quantile of χ² with 4 degrees of freedom, or s ≤ `max_heights`.
       Its cost is d/max_distance + motion_weight·s (**choice**: [W17] looks at d alone, which lets
       neighbours of similar looks change places);
    2. what is left of tracks that are new or were seen in the last frame is matched by overlap, as
       in `Sort`;
    3. boxes without a track start one. It is confirmed, and told, after `min_hits` frames in a row;
       if it is missed before, it was a false alarm.

    Args:
        max_distance: of a box's descriptor from a gallery; see `calibrate`.
        max_age: how many frames a track outlives without a box.
        min_hits: in how many frames in a row, after its first, a track must have been seen.
        min_overlap: intersection over union of a pair of step 2, in (0, 1].
        gallery_size: number of descriptors that a track keeps, the latest.
        gate: quantile in (0, 1).
        max_heights: a distance between centres, in heights of the expected box.
        motion_weight: of the distance between centres in the cost of a pair.

    Raises:
        ImportError: where simdkalman is missing.
        ValueError: when an argument lies outside its range.

    Example, somebody who is hidden for four frames:

        >>> import numpy as np
        >>> from tfvae.applications.tracking import AppearanceSort
        >>> tracker = AppearanceSort(max_distance=0.5)
        >>> ids = []
        >>> for frame in range(12):
        ...     boxes, looks = [[10 + 2 * frame, 10, 40 + 2 * frame, 90]], [[0.1, 0.7]]
        ...     seen = [] if 5 <= frame < 9 else boxes
        ...     ids += tracker.update(seen, embeddings=looks[: len(seen)]).ids.tolist()
        >>> ids
        [1, 1, 1, 1, 1]
    """

    def __init__(
        self,
        max_distance: float,
        max_age: int = 30,
        min_hits: int = 3,
        min_overlap: float = 0.3,
        gallery_size: int = 100,
        gate: float = 0.95,
        max_heights: float = 1.0,
        motion_weight: float = 3.0,
    ):
        super().__init__(HeightMotion())
        self.max_distance = _checks.number_in(
            "max_distance", max_distance, 0.0, float("inf"), low_open=True, high_open=True
        )
        self.max_age = _checks.positive_int("max_age", max_age)
        self.min_hits = _checks.whole_in("min_hits", min_hits, 0, 2**31)
        self.min_overlap = _checks.number_in("min_overlap", min_overlap, 0.0, 1.0, low_open=True)
        self.gallery_size = _checks.positive_int("gallery_size", gallery_size)
        self.gate = _checks.number_in("gate", gate, 0.0, 1.0, low_open=True, high_open=True)
        self.max_heights = _checks.number_in("max_heights", max_heights, 0.0, float("inf"))
        self.motion_weight = _checks.number_in(
            "motion_weight", motion_weight, 0.0, float("inf"), high_open=True
        )
        self.confirmed = np.zeros(0, bool)
        # How many descriptors each track was given, and the latest of them, (n, gallery_size, D).
        self._num_kept = np.zeros(0, "int64")
        self._gallery = None
        self._gate = scipy.stats.chi2.ppf(self.gate, df=4)

    def update(self, boxes: Any, scores: Any = None, embeddings: Any = None) -> Tracks:
        """The next frame.

        Args:
            boxes: corners x_min, y_min, x_max, y_max in pixels, (m, 4); m may be 0, but no frame
                may be left out.
            scores: not looked at.
            embeddings: descriptors of the boxes, (m, D); rows that are not finite are matched by
                overlap.

        Returns:
            `Tracks` seen in this frame, by id.

        Raises:
            ValueError: naming the box that is impossible, or descriptors that do not fit.
        """
        boxes = box_functions.checked(boxes)
        embeddings = self._checked_embeddings(embeddings, len(boxes))
        expected = self._advance()
        detections = np.full(len(self.ids), -1)
        free = np.ones(len(boxes), bool)
        for pairs in (self._by_appearance, self._by_overlap):
            for tracks, found in pairs(expected, boxes, embeddings, detections, free):
                detections[tracks] = found
                free[found] = False
        tracks = np.flatnonzero(detections >= 0)
        self._seen(tracks, boxes[detections[tracks]])
        self.confirmed |= self.hits >= self.min_hits
        self._start(boxes[free])
        detections = np.concatenate([detections, np.flatnonzero(free)])
        self._remember(detections, embeddings)
        told = (self.misses < 1) & self.confirmed
        result = self._told(told, detections)
        self._keep((self.misses <= self.max_age) & (self.confirmed | (self.misses < 1)))
        return result

    def _checked_embeddings(self, embeddings, number):
        if not number and not (embeddings is not None and np.size(embeddings)):
            return None
        if embeddings is None:
            raise ValueError(
                f"`embeddings` must be given, one row for each of {number} boxes, received None. "
                "From an image: Descriptor.get_features. Without appearance: Sort()."
            )
        embeddings = box_functions.as_array("embeddings", embeddings, "float32")
        if embeddings.ndim != 2 or len(embeddings) != number or not embeddings.shape[1]:
            raise ValueError(
                f"`embeddings` must have a row for each of {number} boxes, ({number}, D), received "
                f"{embeddings.shape}."
            )
        if self._gallery is None:
            self._gallery = np.zeros((0, self.gallery_size, embeddings.shape[1]), "float32")
        known = self._gallery.shape[-1]
        if known != embeddings.shape[1]:
            raise ValueError(
                f"`embeddings` must have {known} columns as before, received {embeddings.shape[1]}."
            )
        return embeddings

    # ---- matches -----------------------------------------------------------------------------

    def _by_appearance(self, expected, boxes, embeddings, detections, free):
        """The cascade: confirmed tracks in the order of their age."""
        tracks = np.flatnonzero(self.confirmed)
        if embeddings is None or not len(tracks):
            return
        costs, admissible = self._compared(tracks, expected[tracks], boxes, embeddings)
        ages = self.misses[tracks]
        for age in np.unique(ages):
            of_age, left = np.flatnonzero(ages == age), np.flatnonzero(free)
            part = of_age[:, np.newaxis], left
            rows, columns = admissible_pairs(costs[part], admissible[part])
            yield tracks[of_age[rows]], left[columns]

    def _compared(self, tracks, expected, boxes, embeddings):
        """Costs of pairs, and which are admissible, (n, m) each."""
        centres = [(one[:, :2] + one[:, 2:]) / 2.0 for one in (expected, boxes)]
        heights = scipy.spatial.distance.cdist(*centres)
        heights /= (expected[:, 3] - expected[:, 1])[:, np.newaxis]
        near = heights <= self.max_heights
        step = max(1, box_functions.PAIRS // len(boxes))
        for start in range(0, len(tracks), step):
            part = slice(start, start + step)
            near[part] |= self.motion.squared_distances(tracks[part], boxes) <= self._gate
        distances = self.distances(tracks, embeddings, near)
        admissible = distances <= self.max_distance
        distances /= self.max_distance
        heights *= self.motion_weight
        distances += heights
        return distances, admissible

    def distances(
        self, tracks: np.ndarray, embeddings: np.ndarray, near: np.ndarray | None = None
    ) -> np.ndarray:
        """Least Euclidean distances of descriptors to the galleries of tracks.

        Args:
            tracks: places in `ids`, (n,).
            embeddings: (m, D).
            near: pairs that are looked at, (n, m); None: all.

        Returns:
            (n, m); ∞ for other pairs, and where there is no descriptor.
        """
        found = np.full((len(tracks), len(embeddings)), np.inf)
        rows, columns = np.nonzero(np.ones(found.shape, bool) if near is None else near)
        used = min(self._num_kept[tracks].max(initial=0), self.gallery_size)
        if used:
            step = max(1, CHUNK // (used * embeddings.shape[1]))
            for start in range(0, len(rows), step):
                row, column = rows[start : start + step], columns[start : start + step]
                with np.errstate(invalid="ignore"):
                    away = self._gallery[tracks[row], :used] - embeddings[column, np.newaxis]
                squares = np.einsum("kgd,kgd->kg", away, away).min(axis=1)
                found[row, column] = np.sqrt(squares)
        found[np.isnan(found)] = np.inf
        return found

    def _by_overlap(self, expected, boxes, embeddings, detections, free):
        """New tracks, and those seen in the last frame."""
        tracks = np.flatnonzero((detections < 0) & (self.misses == 1))
        left = np.flatnonzero(free)
        if not len(tracks) or not len(left):
            return
        shared = box_functions.overlaps(expected[tracks], boxes[left])
        rows, columns = admissible_pairs(-shared, shared >= self.min_overlap)
        yield tracks[rows], left[columns]

    # ---- state -------------------------------------------------------------------------------

    def _keep(self, kept):
        if not kept.all():
            self.confirmed, self._num_kept = self.confirmed[kept], self._num_kept[kept]
            self._gallery = self._gallery[kept]
        super()._keep(kept)

    def _start(self, boxes):
        if not len(boxes):
            return
        super()._start(boxes)
        new = np.zeros(len(boxes), "int64")
        self.confirmed = np.concatenate([self.confirmed, new > 0])
        self._num_kept = np.concatenate([self._num_kept, new])
        # No descriptor is infinitely far from all.
        empty = np.full((len(boxes), *self._gallery.shape[1:]), np.inf, "float32")
        self._gallery = np.concatenate([self._gallery, empty])

    def _remember(self, detections, embeddings):
        """The descriptors of boxes join the galleries, each in the place of the oldest."""
        if embeddings is None:
            return
        tracks = np.flatnonzero(detections >= 0)
        found = embeddings[detections[tracks]]
        known = np.isfinite(found).all(axis=1)
        tracks = tracks[known]
        self._gallery[tracks, self._num_kept[tracks] % self.gallery_size] = found[known]
        self._num_kept[tracks] += 1
