"""A noisy detector: boxes that tremble, people that are missed, false alarms, scores."""

import numpy as np

from tfvae.applications.tracking.street.camera import FAR, NEAR, Camera

# Shares of a person that must be seen for a detection to be possible, and to be as likely as of
# somebody who is seen whole.
HIDDEN, WHOLE = 0.15, 0.55
# Scores of people who are seen whole, and of false alarms: means and deviation.
RIGHT, WRONG, SPREAD = 0.9, 0.4, 0.09
LEAST_SCORE = 0.05


def detection_probability(visibility, miss_rate: float):
    """(1 − miss_rate)·s, where s rises from 0 to 1 with the visibility from 0.15 to 0.55."""
    seen = (np.asarray(visibility) - HIDDEN) / (WHOLE - HIDDEN)
    return (1.0 - miss_rate) * seen.clip(0.0, 1.0)


class Detector:
    """Detections of one frame after the other.

    Of somebody who is found with the probability `detection_probability` the centre is off by
    N(0, σ² w²) and N(0, σ² h²), and sides are wrong by factors exp N(0, σ²), σ = `box_noise`·(2 −
    visibility). False alarms are as large as somebody would be at their place; half of them come
    again and again at the same few places.
    """

    def __init__(
        self, rng: np.random.Generator, camera: Camera, miss_rate: float, box_noise: float,
        false_alarms: float,
    ):  # fmt: skip
        self._rng, self._camera = rng, camera
        self._miss_rate, self._box_noise, self._false_alarms = miss_rate, box_noise, false_alarms
        self._spots = self._places(4)

    def __call__(self, frame) -> tuple[np.ndarray, np.ndarray]:
        """Corners (m, 4) and scores (m,) in a `Frame`, in random order."""
        rng = self._rng
        wanted = detection_probability(frame.visibility, self._miss_rate)
        found = rng.uniform(size=len(wanted)) < wanted
        boxes = self._noisy(frame.boxes, frame.visibility)[found]
        scores = RIGHT - 0.45 * (1.0 - frame.visibility[found]) + rng.normal(0, SPREAD, found.sum())
        alarms = self._alarms(int(rng.poisson(self._false_alarms)))
        boxes = np.concatenate([boxes, alarms])
        scores = np.concatenate([scores, rng.normal(WRONG, SPREAD, len(alarms))])
        order = rng.permutation(len(boxes))
        return boxes[order], scores.clip(LEAST_SCORE, 1.0)[order]

    def _noisy(self, boxes, visibility):
        spread = self._box_noise * (2.0 - visibility)[:, np.newaxis]
        sides = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + sides / 2.0
        noise = spread * self._rng.normal(size=(2, len(boxes), 2))
        half = sides * np.exp(noise[1]) / 2.0
        centre = centre + noise[0] * sides
        return np.concatenate([centre - half, centre + half], axis=1)

    def _places(self, num):
        """u, v of the ground and pixels a metre, (num, 3), where people could stand."""
        z = self._rng.uniform(NEAR, FAR, num)
        x = self._rng.uniform(-0.9, 0.9, num) * self._camera.half_width(z)
        return np.stack([self._camera.column(x, z), self._camera.row(z), self._camera.scale(z)], 1)

    def _alarms(self, num):
        places = self._places(num)
        again = self._rng.uniform(size=num) < 0.5
        places[again] = self._spots[self._rng.integers(len(self._spots), size=num)][again]
        places[:, :2] += 0.1 * places[:, 2:] * self._rng.normal(size=(num, 2))
        height = places[:, 2] * self._rng.normal(1.7, 0.2, num).clip(1.1, 2.3)
        half = height * self._rng.normal(0.2, 0.03, num).clip(0.1, 0.3)
        u, v = places[:, 0], places[:, 1]
        return np.stack([u - half, v - height, u + half, v], axis=1)
