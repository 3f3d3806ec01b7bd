"""Names beside points: inside the axes, and clear of each other and of all points."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike

from tfvae.plots import _style

# Prices of area outside of the axes, and of a line through the area of a name. Area that hides
# something costs 1.
OUTSIDE, CROSSED = 100.0, 0.25
# Price of a name that lies nearer to another point than to its own, which it would seem to name; up
# to this distance, beyond which its line is long enough to be followed.
AMBIGUOUS, FOLLOWED = 0.5, 18.0
# Letters of a name.
LONGEST = 40
# Points of a line that are looked at.
ON_LINE = 12
# Points of print: half the side of a marker with its edge, and the room around a name.
MARKER, ROOM = 3.5, 1.5
# How far names may lie from their points, the nearest first; from the second on a line leads there.
DISTANCES = (4.0, *(10.0 * 1.25 ** np.arange(16)))
# The first angle is the upper right.
ANGLES = np.deg2rad(30.0) + 2.0 * np.pi * np.arange(16) / 16.0


def name_points(
    axes: Axes, points: ArrayLike, names: Sequence[str], others: ArrayLike = ()
) -> None:
    """Names points, each by the first place with room, and where there is none by the emptiest.

    All else must have been drawn, and the limits must be final: sizes are measured.

    Args:
        axes: of a figure of `_style.new_figure`.
        points: (n, 2), in the units of the axes.
        names: n words; an empty one names nothing.
        others: (m, 2), more places that no name should hide.
    """
    points, others = (np.asarray(each, "float64").reshape(-1, 2) for each in (points, others))
    finite = np.all(np.isfinite(points), axis=1)
    figure = axes.figure
    figure.draw_without_rendering()  # The layout is found.
    pixels = figure.dpi / 72.0
    inside = axes.get_window_extent().padded(-ROOM * pixels)
    seen = np.concatenate([points[finite], others[np.all(np.isfinite(others), axis=1)]])
    centers = axes.transData.transform(seen) if len(seen) else seen
    taken = _around(centers, MARKER * pixels)
    placed = np.zeros([0, 4])
    for point, name in zip(points[finite], np.asarray(names, object)[finite], strict=True):
        if not name:
            continue
        text = axes.annotate(
            _style.shortened(name, LONGEST), point, xytext=(0.0, 0.0),
            textcoords="offset points", ha="left", va="bottom",
            fontsize=_style.SMALL, color=_style.TEXT,
            arrowprops={
                "arrowstyle": "-", "color": _style.TEXT, "linewidth": 0.4, "shrinkA": 0.0,
                "shrinkB": MARKER,
            },
        )  # fmt: skip
        # The extent of an annotation has its line, too.
        size = Text.get_window_extent(text).size + 2.0 * ROOM * pixels
        center = axes.transData.transform(point)
        corners, distances = _places(center, size, pixels)
        boxes = np.concatenate([corners, corners + size], axis=1)
        far = distances > DISTANCES[0]
        lines = _lines(center, boxes)
        crossed = far * np.sum(_within(lines, placed), axis=1) * np.prod(size)
        seems = _nearer_to_others(center, boxes, centers, MARKER * pixels)
        wrong = AMBIGUOUS * np.prod(size) * (seems & (distances < FOLLOWED))
        cost = OUTSIDE * _outside(boxes, inside) + _hidden(boxes, taken) + CROSSED * crossed + wrong
        best = int(np.argmin(cost))
        text.set_position((corners[best] + ROOM * pixels - center) / pixels)
        text.arrow_patch.set_visible(bool(far[best]))
        placed = np.concatenate([placed, boxes[best][None]])
        of_line = _around(lines[best], pixels)[: far[best] * len(lines[best])]
        taken = np.concatenate([taken, boxes[best][None], of_line])


def _around(centers, half):
    """Squares around points, (m, 2) -> (m, 4)."""
    return np.concatenate([centers - half, centers + half], axis=1)


def _lines(center, boxes):
    """Points of the lines from a point to the nearest ones of boxes (k, 4), (k, ON_LINE, 2)."""
    ends = np.clip(center, boxes[:, :2], boxes[:, 2:])
    shares = np.linspace(0.0, 1.0, ON_LINE)[None, :, None]
    return center + shares * (ends - center)[:, None]


def _nearer_to_others(center, boxes, centers, alike):
    """Whether boxes (k, 4) lie nearer to one of `centers` that is not `alike`, (k,)."""
    others = centers[np.linalg.norm(centers - center, axis=1) > alike]
    near = np.clip(center, boxes[:, :2], boxes[:, 2:])
    own = np.linalg.norm(near - center, axis=1)
    near = np.clip(others, boxes[:, None, :2], boxes[:, None, 2:])
    return np.any(np.linalg.norm(near - others, axis=2) <= own[:, None], axis=1)


def _within(points, boxes):
    """Whether points (k, n, 2) lie in a box of (m, 4), (k, n)."""
    low, high = boxes[:, :2], boxes[:, 2:]
    each = points[:, :, None]
    return np.any(np.all((each > low) & (each < high), axis=3), axis=2)


def _places(center, size, pixels):
    """Lower left corners of boxes around a point, (k, 2), and their distances, (k,)."""
    distances, angles = (each.ravel() for each in np.meshgrid(DISTANCES, ANGLES, indexing="ij"))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # The side of the box that faces the point lies at the distance.
    middles = (
        center
        + directions * (distances * pixels)[:, None]
        + 0.5 * size * np.sign(np.round(directions, 6)) * np.sqrt(np.abs(directions))
    )
    return middles - 0.5 * size, distances


def _outside(boxes, inside):
    """Area of boxes (k, 4) that lies outside of the axes, (k,)."""
    low = np.maximum(boxes[:, :2], inside.min)
    within = np.prod(np.clip(np.minimum(boxes[:, 2:], inside.max) - low, 0.0, None), axis=1)
    # Rounding must not tell one box inside from another.
    return np.round(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) - within, 3)


def _hidden(boxes, taken):
    """Area that boxes (k, 4) share with those that are there, (m, 4); (k,)."""
    low = np.maximum(boxes[:, None, :2], taken[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], taken[None, :, 2:])
    return np.sum(np.prod(np.clip(high - low, 0.0, None), axis=2), axis=1)
