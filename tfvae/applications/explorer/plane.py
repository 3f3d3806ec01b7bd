"""The map: encoded points in a plane of the latent space as SVG, and the way back from pixels."""

import colorsys
import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.colors import Colormap, to_hex
from matplotlib.ticker import MaxNLocator

from tfvae.applications.explorer.space import MODES, LatentSpace, Neighbour
from tfvae.plots import _style
from tfvae.plots.latent import checked_labels

# Height and width of the map, in units of its SVG.
SIZE = 640
# A click that is nearer to a point than this means the point.
REACH = 14
# Continuous labels have so many colours.
SHADES = 32
# On black, colours are at least this light.
LIGHT = 0.62
MARGIN, TAILS = 0.06, (0.002, 0.998)


class Colors(NamedTuple):
    """The colours of points by a label."""

    index: np.ndarray
    """The number of the colour of each point, (m,)."""
    on_white: list[str]
    on_black: list[str]
    names: list[str]
    """A name for each colour, or the two ends of a range of values."""
    is_range: bool


class Plane:
    """A plane through the latent space, which a square map shows.

    With two latents it is the latent space itself; with more it is spanned by the first two
    principal axes of the points; a single latent is a line.

    Args:
        space: the latent space.
    """

    def __init__(self, space: LatentSpace) -> None:
        self.space = space
        points = space.points if len(space.points) else space.prior_points
        self.origin, self.directions = np.zeros(space.latent_dim), np.eye(space.latent_dim)[:2]
        self.names = space.axis_names(MODES[0])[:2]
        if space.latent_dim > 2 and space.axes is not None:
            self.origin, self.directions = space.axes.mean, space.axes.directions[:2]
            self.names = [f"principal {name}" for name in space.axis_names(MODES[1])[:2]]
        shown = np.concatenate([self.coordinates(one) for one in (points, space.prior_points)])
        low, high = np.quantile(shown, TAILS, axis=0)
        low, high = (np.resize(one, len(self.directions)) for one in (low, high))
        self.middle = np.zeros(2)
        self.middle[: len(low)] = (low + high) / 2
        self.reach = (0.5 + MARGIN) * max(float(np.max(high - low)), 1e-3)

    def coordinates(self, z: np.ndarray) -> np.ndarray:
        """Where z lies in the plane, (…, N_z) -> (…, min(N_z, 2))."""
        return (z - self.origin) @ self.directions.T

    def pixels(self, z: np.ndarray) -> np.ndarray:
        """Where z lies on the map, (n, N_z) -> (n, 2), from the left and from the top."""
        at = np.zeros([len(z), 2])
        at[:, : len(self.directions)] = self.coordinates(z)
        return SIZE / 2 * (1.0 + (at - self.middle) / self.reach * [1.0, -1.0])

    def moved(self, z: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        """z, (N_z,), moved to a place on the map, (2,); all that is orthogonal to it stays."""
        at = self.middle + (np.asarray(pixel) / (SIZE / 2) - 1.0) * self.reach * [1.0, -1.0]
        step = at[: len(self.directions)] - self.coordinates(z)
        return z + step @ self.directions

    def nearest(self, pixel: np.ndarray) -> int | None:
        """The number of the point that a click means, or None if it means none."""
        if not len(self.space.points):
            return None
        apart = np.linalg.norm(self.pixels(self.space.points) - pixel, axis=1)
        found = int(np.argmin(apart))
        return found if apart[found] <= REACH else None

    # ---- what is drawn -------------------------------------------------------------------------

    def frame(self) -> str:
        """Lines at round coordinates, with their numbers."""
        parts = []
        for axis in range(len(self.directions)):
            low, high = self.middle[axis] - self.reach, self.middle[axis] + self.reach
            for value in MaxNLocator(6).tick_values(low, high):
                place = SIZE / 2 * (1.0 + (value - self.middle[axis]) / self.reach)
                if not 0.05 * SIZE < place < 0.97 * SIZE:
                    continue
                text = f"{value + 0.0:.4g}".replace("-", "−")
                line, at = f"M{place:.1f} 0V{SIZE}", f'x="{place:.1f}" y="{SIZE - 8}"'
                if axis == 1:
                    line = f"M0 {SIZE - place:.1f}H{SIZE}"
                    at = f'x="6" y="{SIZE - place - 4:.1f}"'
                kind = ("tick middle", "tick")[axis]
                parts.append(f'<path class="grid" d="{line}"/>')
                parts.append(f'<text class="{kind}" {at}>{text}</text>')
        return "".join(parts)

    def dots(self, z: np.ndarray, name: str) -> str:
        """Points as one path of the class `name`; those outside of the map are left out."""
        at = self.pixels(z)
        at = at[np.all((at >= 0) & (at <= SIZE), axis=1)]
        path = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in at * 10)
        # Whole numbers of tenths are shorter than numbers with a point.
        return f'<path class="dots {name}" transform="scale(.1)" d="{path}"/>' if path else ""

    def backdrop(self, colors: Colors | None) -> str:
        """Samples of the prior, and all points in the colours of their labels."""
        prior = self.dots(self.space.prior_points, "of-prior")
        if colors is None:
            return prior + self.dots(self.space.points, "plain")
        return prior + "".join(
            self.dots(self.space.points[colors.index == i], f"c{i}")
            for i in range(len(colors.on_white))
        )

    def marker(self, z: np.ndarray, neighbours: Sequence[Neighbour] = ()) -> str:
        """A ring at the point, and smaller ones at its neighbours."""
        rings = self.pixels(self.space.points[[one.index for one in neighbours]])
        parts = [f'<circle class="near" cx="{x:.1f}" cy="{y:.1f}" r="7"/>' for x, y in rings]
        x, y = np.clip(self.pixels(z[np.newaxis])[0], 4, SIZE - 4)
        shape = f'cx="{x:.1f}" cy="{y:.1f}" r="9"'
        return "".join(
            [*parts, f'<circle class="here rim" {shape}/><circle class="here" {shape}/>']
        )


def colors_of(space: LatentSpace, name: str, coloring: str = "auto") -> Colors:
    """The colours of the points by the label `name`.

    Raises:
        ValueError: when the label cannot be shown so.
    """
    labels = space.point_labels(name)
    labels, coloring = checked_labels(labels, len(labels), coloring)
    if coloring == "categorical":
        values, index = np.unique(labels, return_inverse=True)
        chosen = [_style.COLORS[i % len(_style.COLORS)] for i in range(len(values))]
        return Colors(index, chosen, list(map(_lighter, chosen)), list(map(str, values)), False)
    values = np.asarray(labels, "float64")
    if coloring == "cyclic":
        low, high, ramp = 0.0, 2 * np.pi, _style.CYCLIC
        with np.errstate(invalid="ignore"):
            values = np.mod(values, high)
    else:
        finite = values[np.isfinite(values)]
        low, high = (np.min(finite), np.max(finite)) if len(finite) else (0.0, 1.0)
        ramp = _style.SEQUENTIAL
    parts = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)  # Infinities are the ends.
    index = np.minimum((np.nan_to_num(parts) * SHADES).astype(int), SHADES - 1)
    chosen = _shades(ramp)
    ends = [f"{end:.4g}".replace("-", "−") for end in (low, high)]
    return Colors(index, chosen, list(map(_lighter, chosen)), ends, True)


def legend(colors: Colors, name: str) -> str:
    """The names of the colours, or the two ends of a range, as HTML."""
    title = f'<span class="title">{html.escape(name)}</span>'
    if not colors.is_range:
        keys = "".join(
            f'<span class="key"><i class="c{i}"></i>{html.escape(text)}</span>'
            for i, text in enumerate(colors.names)
        )
        return f'<div class="legend">{title}{keys}</div>'
    ramp = "".join(f'<i class="c{i}"></i>' for i in range(len(colors.on_white)))
    low, high = map(html.escape, colors.names)
    return f'<div class="legend">{title}{low}<span class="ramp">{ramp}</span>{high}</div>'


def color_rules(colors: Colors) -> str:
    """CSS rules of the classes c0, c1, … on a light and on a dark page."""
    rules = [f".c{i}{{--c:{color}}}" for i, color in enumerate(colors.on_white)]
    rules += [f".body--dark .c{i}{{--c:{color}}}" for i, color in enumerate(colors.on_black)]
    return "".join(rules)


def _shades(ramp: Colormap) -> list[str]:
    return [to_hex(ramp((i + 0.5) / SHADES)) for i in range(SHADES)]


def _lighter(color: str) -> str:
    """The same hue, light enough to be seen on black; what is darker stays darker."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    light = LIGHT + (0.92 - LIGHT) * max(0.0, light - 0.2) / 0.8
    return to_hex(colorsys.hls_to_rgb(hue, light, min(1.0, strength * 0.95)))
