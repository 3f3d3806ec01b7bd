"""The scene of the simulated street: houses, ground, and things that hide people."""

import dataclasses

import numpy as np

from tfvae import _checks
from tfvae.applications.tracking.motion import EXTRA
from tfvae.applications.tracking.street.camera import FAR, NEAR, WALLS, Camera

# Drawn larger by this factor and made smaller, for smooth edges.
FINE = 2
# Metres: radius on the ground of a lamp post, a tree, an advertising column.
RADII = {"lamp": 0.15, "tree": 0.25, "column": 0.6}
LIGHT_IN_SHADE = 0.62
WALL_COLORS = (
    (178, 150, 124),
    (158, 96, 76),
    (206, 196, 176),
    (140, 142, 148),
    (190, 170, 134),
    (122, 106, 98),
    (172, 180, 178),
)
AWNINGS = ((164, 48, 44), (44, 88, 120), (52, 104, 68), (196, 152, 60), (92, 60, 104))  # fmt: skip
GLASS, SKY = (64, 76, 90), ((132, 170, 210), (206, 218, 228))
PAVING = ((166, 160, 152), (150, 146, 144), (176, 162, 140), (148, 152, 156))
METAL, BARK = (70, 76, 80), (88, 66, 50)


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that stands on the ground.

    Attributes:
        z: its depth, metres.
        corner: column and row of the mask's first pixel on the canvas.
        mask: 255 where it hides what is behind, uint8 (height, width).
    """

    z: float
    corner: tuple[int, int]
    mask: np.ndarray


def places(rng: np.random.Generator, camera: Camera) -> list[tuple[str, float, float]]:
    """Kind, x and z of things, far to near."""
    kinds = ["lamp"] * int(rng.integers(2, 4)) + ["tree"] * int(rng.integers(2, 4)) + ["column"]
    found = []
    for kind in kinds:
        for _ in range(50):
            z = rng.uniform(NEAR + (1.5 if kind == "lamp" else 4.0), FAR - 1.0)
            x = rng.uniform(-1.0, 1.0) * camera.half_width(z)
            if all(np.hypot(x - a, z - b) > 3.0 and abs(x / z - a / b) > 0.1 for _, a, b in found):
                found.append((kind, x, z))
                break
    return sorted(found, key=lambda one: -one[2])


class Shade:
    """Where on the ground the houses' shadow lies: bands with soft edges."""

    def __init__(self, rng: np.random.Generator):
        self._slope, self._offset = rng.uniform(-0.7, 0.7), rng.uniform(0.0, 14.0)

    def light(self, x, z):
        """From `LIGHT_IN_SHADE` to 1."""
        across = (x + self._slope * z + self._offset) % 14.0
        edge = np.minimum(across, 14.0 - across)
        inside = ((edge - 4.2) / 0.5).clip(0.0, 1.0)
        return 1.0 - (1.0 - LIGHT_IN_SHADE) * inside


def background(
    rng: np.random.Generator, camera: Camera, shade: Shade, standing: list
) -> tuple[np.ndarray, list[Thing]]:
    """The street without people, and what stands on it, far to near.

    The canvas is larger than an image by the camera's margin on each side.

    Returns:
        RGB, uint8 (height, width, 3), and things.
    """
    cv2 = _checks.package("cv2", "A simulated street", EXTRA)
    size = np.array(camera.size) + 2 * np.array(camera.margin)
    canvas = _ground(rng, camera, shade, size)
    pen = _Pen(cv2, camera, canvas)
    _houses(rng, pen)
    for _, x, z in standing:
        pen.shadow(x, z)
    things = []
    for kind, x, z in standing:
        pen.mask = np.zeros(canvas.shape[:2], "uint8")
        {"lamp": _lamp, "tree": _tree, "column": _column}[kind](rng, pen, x, z)
        mask = cv2.resize(pen.mask, tuple(size), interpolation=cv2.INTER_AREA)
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        if len(rows):
            part = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            solid = np.where(part > 127, 255, 0).astype("uint8")
            things.append(Thing(z, (int(columns[0]), int(rows[0])), solid))
    return cv2.resize(canvas, tuple(size), interpolation=cv2.INTER_AREA), things


class _Pen:
    """Draws on the fine canvas in metres: x to the right, y up from the ground, at a depth."""

    def __init__(self, cv2, camera, canvas):
        self.cv2, self.camera, self.canvas, self.mask = cv2, camera, canvas, None

    def points(self, x, y, z):
        u = self.camera.column(x, z) + self.camera.margin[0]
        v = self.camera.row(z) + self.camera.margin[1] - self.camera.scale(z) * np.asarray(y)
        return np.round(FINE * np.stack(np.broadcast_arrays(u, v), axis=-1)).astype("int32")

    def polygon(self, x, y, z, color):
        points = self.points(x, y, z)
        self.cv2.fillPoly(self.canvas, [points], [float(one) for one in color])
        if self.mask is not None:
            self.cv2.fillPoly(self.mask, [points], 255)

    def box(self, left, right, low, high, z, color):
        self.polygon([left, right, right, left], [low, low, high, high], z, color)

    def disc(self, x, y, z, radius, color, squash=1.0):
        angle = np.linspace(0.0, 2.0 * np.pi, 28, endpoint=False)
        self.polygon(x + radius * np.cos(angle), y + squash * radius * np.sin(angle), z, color)

    def shadow(self, x, z):
        """Soft, on the ground."""
        centre, radius = self.points(x, 0.0, z), self.camera.scale(z) * FINE
        rows, columns = np.ogrid[: self.canvas.shape[0], : self.canvas.shape[1]]
        distance = ((columns - centre[0]) / (0.9 * radius)) ** 2
        distance = distance + ((rows - centre[1]) / (0.26 * radius)) ** 2
        near = distance < 1.0
        dark = 1.0 - 0.55 * (1.0 - distance[near]).clip(0.0, 0.7)
        self.canvas[near] = self.canvas[near] * dark[:, np.newaxis]


def _ground(rng, camera, shade, size):
    """Sky above, paving below, both with the grain of the real thing."""
    width, height = FINE * size
    u = (np.arange(width, dtype="float32") + 0.5) / FINE - camera.margin[0]
    v = (np.arange(height, dtype="float32") + 0.5) / FINE - camera.margin[1]
    lowest = camera.row(WALLS) - 1.0
    x, z = camera.ground(u[np.newaxis], np.maximum(v, lowest)[:, np.newaxis])
    z = np.broadcast_to(z, x.shape)
    tile = rng.uniform(0.7, 1.5)
    shift = rng.uniform(0.0, 1.0)
    row = np.floor(z / tile)
    column = np.floor(x / tile + shift * (row % 2))
    # A number in [0, 1) for each tile, in the way of shaders.
    grain = np.sin(column * 12.9898 + row * 78.233) * 43758.5453 % 1.0
    base = np.array(PAVING[rng.integers(len(PAVING))], "float32")
    color = base + 16.0 * (grain[..., np.newaxis] - 0.5)
    # Joints between tiles fade where they are thinner than a pixel.
    joint = 0.035
    inside = np.minimum((z / tile) % 1.0, (x / tile + shift * (row % 2)) % 1.0)
    visible = (joint * camera.scale(z) / 1.5).clip(0.0, 1.0)
    color = color - 34.0 * (visible * (inside < joint / tile))[..., np.newaxis]
    kerb, road = (z > FAR + 1.6)[..., np.newaxis], (z > FAR + 1.9)[..., np.newaxis]
    color = np.where(road, base * 0.82, np.where(kerb, base * 1.15, color))
    color = color * shade.light(x, z)[..., np.newaxis]
    color = color + 3.0 * rng.standard_normal(color.shape[:2], "float32")[..., np.newaxis]
    share = (v / lowest).clip(0.0, 1.0)[:, np.newaxis, np.newaxis]
    sky = np.array(SKY[0], "float32") * (1.0 - share) + np.array(SKY[1], "float32") * share
    above = (v < lowest)[:, np.newaxis, np.newaxis]
    return np.ascontiguousarray(np.where(above, sky, color).clip(0, 255).astype("uint8"))


def _houses(rng, pen):
    """A row of them, to beyond both edges of the canvas."""
    reach = pen.camera.half_width(WALLS) * (1.0 + 2.0 * pen.camera.margin[0] / pen.camera.size[0])
    left = -reach - rng.uniform(0.0, 6.0)
    while left < reach:
        right = left + rng.uniform(6.0, 11.0)
        wall = np.array(WALL_COLORS[rng.integers(len(WALL_COLORS))]) * rng.uniform(0.85, 1.05)
        floors = int(rng.integers(2, 5))
        top = 3.4 + 2.7 * floors
        pen.box(left, right, 0.0, top, WALLS, wall)
        pen.box(left, right, top - 0.3, top, WALLS, 0.7 * wall)
        pen.box(left, left + 0.12, 0.0, top, WALLS, 0.78 * wall)
        pen.box(left, right, 0.0, 0.45, WALLS, 0.66 * wall)
        count = int((right - left) // rng.uniform(1.5, 2.3))
        middles = left + (np.arange(count) + 0.5) * (right - left) / count
        _ground_floor(rng, pen, middles, (right - left) / count, wall)
        for floor in range(floors):
            low = 3.8 + 2.7 * floor
            for middle in middles:
                glass = np.array(GLASS) * rng.uniform(0.7, 1.5)
                pen.box(middle - 0.55, middle + 0.55, low - 0.1, low + 1.6, WALLS, 1.2 * wall)
                pen.box(middle - 0.45, middle + 0.45, low, low + 1.5, WALLS, glass)
                pen.box(middle - 0.03, middle + 0.03, low, low + 1.5, WALLS, 1.2 * wall)
        left = right


def _ground_floor(rng, pen, middles, step, wall):
    """Shop windows under awnings, and a door."""
    door = int(rng.integers(len(middles)))
    awning = np.array(AWNINGS[rng.integers(len(AWNINGS))])
    shop = rng.uniform() < 0.7
    for number, middle in enumerate(middles):
        half = 0.42 * step
        if number == door:
            pen.box(middle - 0.6, middle + 0.6, 0.0, 2.5, WALLS, 0.55 * wall)
            pen.box(middle - 0.5, middle + 0.5, 0.0, 2.4, WALLS, 0.45 * awning)
            continue
        glass = np.array(GLASS) * rng.uniform(0.8, 1.6)
        pen.box(middle - half, middle + half, 0.6, 2.6, WALLS, glass)
        pen.polygon(
            middle + half * np.array([-0.8, -0.2, -0.5, -1.0]), [0.6, 2.6, 2.6, 0.6], WALLS,
            1.25 * glass,
        )  # fmt: skip
        if shop:
            for strip, at in enumerate(np.linspace(-half, half, 7)[:-1]):
                color = awning if strip % 2 else np.array([226, 222, 214])
                pen.box(middle + at, middle + at + half / 3.0, 2.35, 3.0, WALLS, color)


def _lamp(rng, pen, x, z):
    metal = np.array(METAL) * rng.uniform(0.7, 1.2)
    side = rng.choice([-1.0, 1.0])
    pen.box(x - 0.13, x + 0.13, 0.0, 0.7, z, 0.8 * metal)
    pen.box(x - 0.07, x + 0.07, 0.0, 5.0, z, metal)
    pen.box(x + 0.02, x + 0.07, 0.0, 5.0, z, 0.7 * metal)
    pen.box(*sorted([x, x + side * 0.9]), 4.9, 5.0, z, metal)
    pen.disc(x + side * 0.9, 4.85, z, 0.22, (236, 226, 190), 0.6)


def _tree(rng, pen, x, z):
    bark = np.array(BARK) * rng.uniform(0.8, 1.2)
    pen.polygon([x - 0.2, x + 0.2, x + 0.12, x - 0.12], [0.0, 0.0, 2.9, 2.9], z, bark)
    pen.polygon([x + 0.05, x + 0.2, x + 0.12, x + 0.04], [0.0, 0.0, 2.9, 2.9], z, 0.7 * bark)
    leaf = np.array([rng.uniform(56, 96), rng.uniform(96, 126), rng.uniform(44, 66)])
    for level in range(3):
        for _ in range(14):
            angle, far = (
                rng.uniform(0.0, 2.0 * np.pi),
                np.sqrt(rng.uniform()) * (1.25 - 0.2 * level),
            )
            light = 0.62 + 0.2 * level + rng.uniform(-0.06, 0.06)
            pen.disc(
                x - 0.12 * level + far * np.cos(angle),
                3.55 + 0.2 * level + 0.75 * far * np.sin(angle),
                z, rng.uniform(0.26, 0.48), light * leaf, 0.85,
            )  # fmt: skip


def _column(rng, pen, x, z):
    """An advertising column with posters."""
    base = np.array([120, 124, 118]) * rng.uniform(0.8, 1.1)
    pen.box(x - 0.6, x + 0.6, 0.0, 2.9, z, base)
    at = x - 0.55
    while at < x + 0.4:
        wide = min(rng.uniform(0.25, 0.5), x + 0.55 - at)
        paper = rng.uniform(60, 235, 3)
        pen.box(at, at + wide, 0.6, 2.6, z, paper)
        pen.disc(at + wide / 2, rng.uniform(1.4, 2.1), z, 0.4 * wide, rng.uniform(30, 235, 3), 1.3)
        for low in (0.75, 0.95):
            pen.box(at + 0.05, at + wide - 0.05, low, low + 0.09, z, 0.5 * paper)
        at += wide + 0.03
    pen.box(x + 0.4, x + 0.6, 0.0, 2.9, z, 0.72 * base)
    pen.box(x - 0.68, x + 0.68, 2.9, 3.08, z, 0.6 * base)
    pen.disc(x, 3.08, z, 0.6, 0.6 * base, 0.35)
