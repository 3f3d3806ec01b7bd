"""Frames of the simulated street, with boxes of all people and how much of each is seen."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tfvae import _checks
from tfvae.applications.tracking.motion import EXTRA
from tfvae.applications.tracking.street import figures, scene
from tfvae.applications.tracking.street.camera import Camera
from tfvae.applications.tracking.street.looks import Looks
from tfvae.applications.tracking.street.walks import Walks

# OpenCV counts in this part of a pixel.
BITS = 4
# Least share of a box that lies inside the image; people of whom less does are not annotated.
LEAST_INSIDE = 0.2
# Seconds of a cloud; gains without one and under one.
CLOUD, SUNNY, CLOUDED = 9.0, 1.12, 0.92
NOISE = 2.5
# On the map of who is seen where.
NOBODY, THING = 0, -1


class Frame(NamedTuple):
    """A frame of the street.

    Attributes:
        image: RGB, uint8 (height, width, 3).
        people: which are annotated, from 0 on, (n,).
        boxes: corners of their boxes, hidden parts and parts beyond the image included, (n, 4).
        visibility: share of each person's pixels that is seen in the image, (n,).
        seen: who is seen at each pixel, from 1 on, 0: nobody, −1: a thing; int32 (height, width).
    """

    image: np.ndarray
    people: np.ndarray
    boxes: np.ndarray
    visibility: np.ndarray
    seen: np.ndarray


def frames(
    rng: np.random.Generator, camera: Camera, looks: Looks, walks: Walks, shade: scene.Shade,
    canvas: np.ndarray, things: list[scene.Thing], frame_rate: float,
) -> Iterator[Frame]:  # fmt: skip
    """All frames, one after the other."""
    painter = _Painter(rng, camera, looks, walks, shade, canvas, things, frame_rate)
    for time in range(len(camera.pan)):
        yield painter.frame(time)


class _Painter:
    """Paints people and things from far to near."""

    def __init__(self, rng, camera, looks, walks, shade, canvas, things, frame_rate):
        self._cv2 = _checks.package("cv2", "A simulated street", EXTRA)
        self._camera, self._looks, self._walks, self._shade = camera, looks, walks, shade
        self._canvas, self._things = canvas, things
        # The map of who is seen reaches beyond the image: a person is counted whole.
        width, height = camera.size
        self._pad = width // 4, height // 2
        count = len(camera.pan)
        self._gains = _gains(rng, count, frame_rate)
        self._noise = rng.normal(0.0, NOISE, (height + 32, width + 32, 3)).round().astype("int16")
        self._shifts = rng.integers(0, 33, (count, 2))

    def frame(self, time):
        camera, walks, margin = self._camera, self._walks, self._camera.margin
        width, height = camera.size
        pan = camera.pan[time]
        left, top = margin[0] + int(pan[0]), margin[1] + int(pan[1])
        image = self._canvas[top : top + height, left : left + width].copy()
        pad = self._pad
        seen = np.zeros((height + 2 * pad[1], width + 2 * pad[0]), "int32")
        x, z = walks.x[time], walks.z[time]
        u, v = camera.column(x, z) - pan[0], camera.row(z) - pan[1]
        size = self._looks.height * camera.scale(z)
        near = np.flatnonzero((u + size > 0.0) & (u - size < width))
        part = self._looks.of_people(near)
        drawn = figures.figures(
            part, walks.heading[time, near], walks.phase[time, near], walks.swing[time, near]
        )
        light = self._shade.light(x, z)
        order = [(-z[p], 0, k) for k, p in enumerate(near)]
        order += [(-thing.z, 1, k) for k, thing in enumerate(self._things)]
        boxes, totals = np.zeros((len(near), 4)), np.zeros(len(near), "int64")
        for _, kind, k in sorted(order):
            if kind:
                self._paste(image, seen, self._things[k], left, top)
                continue
            p = near[k]
            foot = np.array([u[p], v[p]])
            self._shadow(image, foot, size[p])
            boxes[k], totals[k] = self._person(
                image, seen, foot, size[p], drawn[k], light[p], int(p) + 1
            )
        inside = seen[pad[1] : pad[1] + height, pad[0] : pad[0] + width]
        counts = np.bincount(inside[inside > 0], minlength=len(x) + 1)[near + 1]
        shown = np.minimum(boxes[:, 2:], camera.size) - np.maximum(boxes[:, :2], 0.0)
        share = np.prod(shown.clip(0.0), axis=1) / np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        kept = share >= LEAST_INSIDE
        visibility = counts / np.maximum(totals, 1)
        return Frame(self._lit(image, time), near[kept], boxes[kept], visibility[kept], inside)

    def _person(self, image, seen, foot, size, parts, light, number):
        """Paints one; its box, and the number of its pixels."""
        cv2 = self._cv2
        corners = foot + size * np.concatenate([polygon for polygon, _ in parts])
        # OpenCV's pixels have their centres at whole numbers, those of boxes at halves.
        fixed = np.round((corners - 0.5) * 2**BITS).astype("int32")
        shifted = fixed + np.array(self._pad, "int32") * 2**BITS
        tones = np.minimum(light * np.array([color for _, color in parts]), 255.0).tolist()
        first = 0
        for (polygon, _), tone in zip(parts, tones, strict=True):
            part = slice(first, first + len(polygon))
            cv2.fillConvexPoly(image, fixed[part], tone, cv2.LINE_AA, BITS)
            cv2.fillConvexPoly(seen, shifted[part], number, cv2.LINE_8, BITS)
            first = part.stop
        # OpenCV paints pixels on an edge too: on average half a pixel more on each side.
        low, high = corners.min(axis=0) - 0.5, corners.max(axis=0) + 0.5
        columns, rows = (
            slice(
                max(int(low[axis]) + self._pad[axis] - 2, 0), int(high[axis]) + self._pad[axis] + 3
            )
            for axis in (0, 1)
        )
        return np.concatenate([low, high]), np.count_nonzero(seen[rows, columns] == number)

    def _shadow(self, image, foot, size):
        """A soft shadow around the feet."""
        across, along = 0.17 * size, 0.05 * size
        left, top = int(foot[0] - across) - 1, int(foot[1] - along) - 1
        right, low = int(foot[0] + across) + 2, int(foot[1] + along) + 2
        left, top = max(left, 0), max(top, 0)
        region = image[top : max(low, top), left : max(right, left)]
        if not region.size:
            return
        columns = (np.arange(left, left + region.shape[1]) + 0.5 - foot[0]) / across
        rows = (np.arange(top, top + region.shape[0]) + 0.5 - foot[1]) / along
        near = 1.0 - columns**2 - rows[:, np.newaxis] ** 2
        region[:] = region * (1.0 - 0.4 * near.clip(0.0, 0.6))[..., np.newaxis]

    def _paste(self, image, seen, thing, left, top):
        """A thing again over the people behind it: it is on the canvas already."""
        column, row = thing.corner[0] - left, thing.corner[1] - top
        height, width = thing.mask.shape
        first, last = max(column, 0), min(column + width, image.shape[1])
        begin, end = max(row, 0), min(row + height, image.shape[0])
        if first >= last or begin >= end:
            return
        mask = thing.mask[begin - row : end - row, first - column : last - column]
        source = self._canvas[begin + top : end + top, first + left : last + left]
        target = image[begin:end, first:last]
        self._cv2.copyTo(source, mask, target)
        region = seen[self._pad[1] + begin : self._pad[1] + end,
                      self._pad[0] + first : self._pad[0] + last]  # fmt: skip
        region[mask > 0] = THING

    def _lit(self, image, time):
        cv2 = self._cv2
        table = np.arange(256)[:, np.newaxis] * self._gains[time]
        image = cv2.LUT(image, table.clip(0, 255).round().astype("uint8")[np.newaxis])
        row, column = self._shifts[time]
        height, width = image.shape[:2]
        noise = self._noise[row : row + height, column : column + width]
        return cv2.add(image, noise, dtype=cv2.CV_8U)


def _gains(rng, count, frame_rate):
    """Gains of red, green and blue, (count, 3): clouds pass, and the light's colour follows."""
    time = np.arange(count)[:, np.newaxis] / frame_rate
    angle = rng.uniform(0.0, 2.0 * np.pi, 2) + 2.0 * np.pi * time / (CLOUD * np.array([1.0, 2.7]))
    cloud = 0.5 + 0.25 * np.sin(angle).sum(axis=1, keepdims=True)
    return (SUNNY + (CLOUDED - SUNNY) * cloud) * (1.0 + (cloud - 0.5) * rng.normal(0.0, 0.04, 3))
