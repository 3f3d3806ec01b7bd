"""The camera of the simulated street: where points of the ground lie in the image."""

import dataclasses

import numpy as np

# Metres: depths between which people walk, and depth of the walls of the houses.
NEAR, FAR, WALLS = 8.3, 25.0, 29.0
# Depth of the ground at the lower edge of the image.
LOWER = NEAR - 0.5
# Focal length in widths of the image, and the horizon in heights of the image.
FOCAL, HORIZON = 0.88, 0.17
# Seconds of one swing of the pan, and its tremor in shares of its reach.
PERIOD, TREMOR = 14.0, 0.02


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along z, x to the right, from above the ground.

        u = W/2 + f x/z,   v = horizon + f·height/z

    Its height above the ground is such that the ground fills the image below the horizon. It turns
    by angles so small that all of the image moves alike, by whole pixels.

    Attributes:
        size: width and height of an image, pixels.
        pan: how far it has turned in each frame, pixels to the right and down, (T, 2), int64.
    """

    size: tuple[int, int]
    pan: np.ndarray

    @classmethod
    def of(
        cls, rng: np.random.Generator, size: tuple[int, int], num_frames: int, frame_rate: float,
        motion: float,
    ) -> "Camera":  # fmt: skip
        """A slow pan to and fro of `motion` widths of the image to either side, that trembles."""
        reach = motion * size[0]
        time = np.arange(num_frames) / frame_rate
        angle = 2.0 * np.pi * (time / PERIOD + rng.uniform())
        slow = np.stack([np.sin(angle), 0.25 * np.sin(1.7 * angle)], axis=1)
        tremor = TREMOR * rng.normal(size=(num_frames, 2)).clip(-2.0, 2.0)
        return cls(size, np.round(reach * (slow + tremor)).astype("int64"))

    @property
    def margin(self) -> tuple[int, int]:
        """How far the image moves at most, to either side and up or down, pixels."""
        return tuple(int(one) for one in np.abs(self.pan).max(axis=0))

    @property
    def focal(self) -> float:
        """f, pixels."""
        return FOCAL * self.size[0]

    @property
    def _drop(self):
        """f·height."""
        return self.size[1] * (1.0 - HORIZON) * LOWER

    def row(self, z):
        """v of the ground at depth z, without pan."""
        return HORIZON * self.size[1] + self._drop / np.asarray(z)

    def column(self, x, z):
        """u of a point, without pan."""
        return 0.5 * self.size[0] + self.focal * np.asarray(x) / z

    def scale(self, z):
        """Pixels a metre at depth z."""
        return self.focal / np.asarray(z)

    def ground(self, u, v):
        """x and z of the ground that is seen at u and v, below the horizon, without pan."""
        z = self._drop / (v - HORIZON * self.size[1])
        return (u - 0.5 * self.size[0]) * z / self.focal, z

    def half_width(self, z):
        """How far to either side the image reaches at depth z, metres."""
        return 0.5 * self.size[0] * np.asarray(z) / self.focal
