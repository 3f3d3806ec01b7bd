"""How boxes move: Kalman filters of constant velocity, all tracks at a time."""

import abc

import numpy as np

from tfvae import _checks

# Names of the extra that tracking needs.
EXTRA = "tfvae[tracking]"


class Motion(abc.ABC):
    """A Kalman filter of constant velocity for each of n tracks.

        x_t = F x_{t−1} + q,  q ~ N(0, Q);      y_t = H x_t + r,  r ~ N(0, R)

    y are four numbers that describe a box. x has the same four, and the velocities of some; F adds
    velocities to positions, H drops them. simdkalman does the arithmetic for all tracks at once.

    Attributes:
        mean: (n, N_x).
        covariance: (n, N_x, N_x).
    """

    # Which of the four numbers have a velocity.
    velocities: tuple[int, ...]

    def __init__(self):
        self._filter = _checks.package("simdkalman", "Tracking", EXTRA).primitives
        size = 4 + len(self.velocities)
        self.transition = np.eye(size)
        self.transition[self.velocities, np.arange(4, size)] = 1.0
        self.observation = np.eye(4, size)
        self.mean, self.covariance = np.zeros((0, size)), np.zeros((0, size, size))

    # ---- what a motion model says ------------------------------------------------------------

    @abc.abstractmethod
    def measured(self, boxes: np.ndarray) -> np.ndarray:
        """Corners (n, 4) -> y (n, 4)."""

    @abc.abstractmethod
    def boxes_of(self, states: np.ndarray) -> np.ndarray:
        """Means of x, (n, N_x) -> corners (n, 4)."""

    @abc.abstractmethod
    def first_variance(self, y: np.ndarray) -> np.ndarray:
        """Variances of x after one measurement, (n, 4) -> (n, N_x)."""

    @abc.abstractmethod
    def process_variance(self, mean: np.ndarray) -> np.ndarray:
        """The diagonal of Q, (n, N_x) or (N_x,)."""

    @abc.abstractmethod
    def noise_variance(self, mean: np.ndarray) -> np.ndarray:
        """The diagonal of R, (n, 4) or (4,)."""

    def possible(self, mean: np.ndarray) -> np.ndarray:
        """Means whose prediction is a box; here all are, (n, N_x) -> (n, N_x)."""
        return mean

    # ---- what a tracker does -----------------------------------------------------------------

    @property
    def boxes(self) -> np.ndarray:
        """Corners of the tracks, (n, 4), float64."""
        return self.boxes_of(self.mean)

    def add(self, boxes: np.ndarray) -> None:
        """Starts tracks at these corners, at rest."""
        y = self.measured(boxes)
        mean = np.concatenate([y, np.zeros((len(y), len(self.velocities)))], axis=1)
        covariance = _diagonal(self.first_variance(y))
        self.mean = np.concatenate([self.mean, mean])
        self.covariance = np.concatenate([self.covariance, covariance])

    def keep(self, kept: np.ndarray) -> None:
        """Keeps the tracks of a mask, (n,), and forgets the others."""
        self.mean, self.covariance = self.mean[kept], self.covariance[kept]

    def predict(self) -> None:
        """One frame on: x ← F x, P ← F P Fᵀ + Q."""
        if not len(self.mean):
            return
        self.mean = self.possible(self.mean)
        mean, self.covariance = self._filter.predict(
            self.mean[..., np.newaxis], self.covariance, self.transition,
            _diagonal(self.process_variance(self.mean)),
        )  # fmt: skip
        self.mean = mean[..., 0]

    def update(self, tracks: np.ndarray, boxes: np.ndarray) -> None:
        """Measurements of some tracks: K = P Hᵀ S⁻¹, x ← x + K(y − H x), P ← P − K H P.

        Args:
            tracks: which, (m,), each once.
            boxes: their corners, (m, 4).
        """
        if not len(tracks):
            return
        before = self.mean[tracks]
        mean, covariance = self._filter.update(
            before[..., np.newaxis], self.covariance[tracks], self.observation,
            _diagonal(self.noise_variance(before)), self.measured(boxes)[..., np.newaxis],
        )  # fmt: skip
        self.mean[tracks], self.covariance[tracks] = mean[..., 0], covariance

    def squared_distances(self, tracks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances of measurements from where tracks are expected [W17].

            d² = (y − H x)ᵀ S⁻¹ (y − H x),   S = H P Hᵀ + R

        Args:
            tracks: which, (n,).
            boxes: corners, (m, 4).

        Returns:
            (n, m); χ² of 4 degrees of freedom where box and track belong together.
        """
        mean = self.mean[tracks]
        spread = self.covariance[tracks][:, :4, :4] + _diagonal(self.noise_variance(mean))
        residual = self.measured(boxes)[np.newaxis] - mean[:, np.newaxis, :4]
        # One inverse for each track, not one system of equations for each pair.
        return np.einsum("nmi,nmi->nm", residual @ np.linalg.inv(spread), residual)


class AreaMotion(Motion):
    """The motion model of SORT [B16]: centre and area move, the aspect ratio stays as it is.

    y = (x, y, s, r): the centre in pixels, area s in pixels², r = width/height. Variances are those
    of the published program: R = diag(1, 1, 10, 10), P_0 = 10 for y and 10⁴ for the velocities,
    Q = diag(1, 1, 1, 1, 10⁻², 10⁻², 10⁻⁴).
    """

    velocities = (0, 1, 2)

    def measured(self, boxes: np.ndarray) -> np.ndarray:
        """Centre, area, aspect ratio."""
        sides = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + sides / 2.0
        area, ratio = sides[:, :1] * sides[:, 1:], sides[:, :1] / sides[:, 1:]
        return np.concatenate([centre, area, ratio], axis=1)

    def boxes_of(self, states: np.ndarray) -> np.ndarray:
        """width = √(s·r), height = s/width; NaN where s·r is negative."""
        with np.errstate(invalid="ignore", divide="ignore"):
            width = np.sqrt(states[:, 2] * states[:, 3])
            half = np.stack([width, states[:, 2] / width], axis=1) / 2.0
        return np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1)

    def first_variance(self, y: np.ndarray) -> np.ndarray:
        """10 and 10⁴."""
        return np.broadcast_to([10.0] * 4 + [1e4] * 3, (len(y), 7))

    def process_variance(self, mean: np.ndarray) -> np.ndarray:
        """Q."""
        return np.array([1.0, 1.0, 1.0, 1.0, 1e-2, 1e-2, 1e-4])

    def noise_variance(self, mean: np.ndarray) -> np.ndarray:
        """R."""
        return np.array([1.0, 1.0, 10.0, 10.0])

    def possible(self, mean: np.ndarray) -> np.ndarray:
        """An area that would vanish stops shrinking."""
        mean = mean.copy()
        mean[mean[:, 2] + mean[:, 6] <= 0.0, 6] = 0.0
        return mean


class HeightMotion(Motion):
    """The motion model of DeepSORT [W17]: centre, aspect ratio and height move.

    y = (x, y, r, h). Standard deviations are in units of the box: h/20 for positions and h/160 for
    velocities in a frame, 0.01 and 10⁻⁵ for the aspect ratio, 0.1 where it is measured; twice and
    ten times as large in the first frame. Nothing depends on the resolution of the video.
    """

    velocities = (0, 1, 2, 3)
    position, velocity = 1.0 / 20.0, 1.0 / 160.0

    def measured(self, boxes: np.ndarray) -> np.ndarray:
        """Centre, aspect ratio, height."""
        sides = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + sides / 2.0
        return np.concatenate([centre, sides[:, :1] / sides[:, 1:], sides[:, 1:]], axis=1)

    def boxes_of(self, states: np.ndarray) -> np.ndarray:
        """width = r·h."""
        half = np.stack([states[:, 2] * states[:, 3], states[:, 3]], axis=1) / 2.0
        return np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1)

    @staticmethod
    def _variance(height, in_heights, ratios):
        """Of deviations in units of the height, and of those of the ratio and its velocity."""
        deviation = np.repeat(np.multiply.outer(height, in_heights), 4, axis=1)
        deviation[:, 2::4] = ratios
        return np.square(deviation)

    def first_variance(self, y: np.ndarray) -> np.ndarray:
        """Twice the deviation of a position, ten times that of a velocity."""
        return self._variance(y[:, 3], (2 * self.position, 10 * self.velocity), (1e-2, 1e-5))

    def process_variance(self, mean: np.ndarray) -> np.ndarray:
        """Q."""
        return self._variance(mean[:, 3], (self.position, self.velocity), (1e-2, 1e-5))

    def noise_variance(self, mean: np.ndarray) -> np.ndarray:
        """R."""
        return self._variance(mean[:, 3], (self.position,), (0.1,))


def _diagonal(variances):
    """(…, k) -> (…, k, k)."""
    return variances[..., np.newaxis] * np.eye(variances.shape[-1])
