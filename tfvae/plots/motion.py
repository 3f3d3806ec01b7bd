"""Motion as stick figures: a strip of poses, and an animated GIF."""

import io
import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from tfvae import _checks
from tfvae.plots import _style

# The coordinates of CMU's motions drawn to the right (z) and upwards (y): a view from the side.
VIEW = (2, 1)


def stick_figures(
    motions: Mapping[str, ArrayLike],
    parents: Sequence[int],
    *,
    num: int = 12,
    view: tuple[int, int] = VIEW,
) -> Figure:
    """Rows of poses, equally spaced in time: one row for each motion.

    Args:
        motions: name -> positions of joints, (T, joints, 3), as from
            `tfvae.datasets.Skeleton.positions`.
        parents: index of each joint's parent, (joints,), −1 for the root: `Skeleton.parents`.
        num: greatest number of poses in a row.
        view: indices of the coordinates drawn to the right and upwards.

    Returns:
        The figure. All poses have the same scale.

    Raises:
        ValueError: when there is no motion, or a shape does not fit.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> swing = np.linspace(-1.0, 1.0, 30)
        >>> tip = np.stack([0 * swing, np.cos(swing) - 1.0, np.sin(swing)], axis=-1)
        >>> rod = np.stack([np.zeros((30, 3)), tip], axis=1)
        >>> figure = tfvae.plots.stick_figures({"rod": rod}, [-1, 0], num=5)
        >>> len(figure.axes)
        1
    """
    if not motions:
        raise ValueError("`motions` must hold at least one motion, received none.")
    motions = {
        name: _checked(f"motions[{name!r}]", positions, parents)
        for name, positions in motions.items()
    }
    num = _checks.positive_int("num", num)
    rows = []
    for positions in motions.values():
        chosen = np.linspace(0, len(positions) - 1, min(num, len(positions))).round().astype(int)
        rows.append(_centred(positions[chosen], view))
    width, height = (np.ptp(np.concatenate([r[..., i].ravel() for r in rows])) for i in (0, 1))
    step = 1.05 * max(width, 0.25 * height, 1e-9)
    most = max(map(len, rows))
    ratio = max(height, 1e-9) * 1.1 / step
    cell = 9.0 / max(most, 6)
    figure = _style.new_figure(cell * most + 0.4, max(cell * ratio, 0.5) * len(rows) + 0.3)
    grid = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    low, high = (find([find(r[..., 1]) for r in rows]) for find in (np.min, np.max))
    margin = 0.05 * max(height, 1e-9)
    for i, (axes, name, row) in enumerate(zip(grid, motions, rows, strict=True)):
        for k, pose in enumerate(row):
            _draw(
                axes,
                pose + np.array([k * step, 0.0]),
                parents,
                _style.COLORS[i % len(_style.COLORS)],
            )
        axes.set(xlim=(-0.6 * step, (most - 0.4) * step), ylim=(low - margin, high + margin))
        axes.set_aspect("equal")
        axes.axis("off")
        _style.titled(axes, str(name))
    return figure


def motion_gif(
    positions: ArrayLike,
    parents: Sequence[int],
    path: str | os.PathLike,
    *,
    fps: float = 30.0,
    size: int = 240,
    view: tuple[int, int] = VIEW,
) -> None:
    """Writes a motion as an animated GIF that loops forever.

    Args:
        positions: positions of joints, (T, joints, 3).
        parents: index of each joint's parent, (joints,), −1 for the root.
        path: path of the file.
        fps: frames per second, at most 50. GIFs round the time of a frame to 0.01 s.
        size: height and width, in pixels.
        view: indices of the coordinates drawn to the right and upwards.

    Raises:
        ValueError: when a shape or a number does not fit.
    """
    positions = _checked("positions", positions, parents)
    fps = _checks.number_in("fps", fps, 0.0, 50.0, low_open=True)
    size = _checks.positive_int("size", size)
    poses = _centred(positions, view)
    reach = 0.55 * max(np.ptp(poses[..., 0]), np.ptp(poses[..., 1]), 1e-9)
    centre = (poses.min(axis=(0, 1)) + poses.max(axis=(0, 1))) / 2.0
    figure = Figure(figsize=(size / 100, size / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    frames = []
    for pose in poses:
        axes.clear()
        axes.axis("off")
        axes.set(xlim=centre[0] + np.array([-reach, reach]), ylim=centre[1] + [-reach, reach])
        _draw(axes, pose, parents, _style.COLORS[0])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        frames.append(Image.open(buffer).convert("P", palette=Image.Palette.ADAPTIVE))
    _style.write_gif(path, frames, fps)


def _checked(name, positions, parents):
    positions = np.asarray(positions, dtype="float64")
    fits = positions.ndim == 3 and positions.shape[1:] == (len(parents), 3) and len(positions)
    if not fits:
        raise ValueError(
            f"`{name}` must have the shape (T ≥ 1, {len(parents)} joints, 3), received "
            f"{positions.shape}."
        )
    if not np.all(np.isfinite(positions)):
        raise ValueError(f"`{name}` must be finite, received NaN or infinite positions.")
    return positions


def _centred(positions, view):
    """The two drawn coordinates, with the root at horizontal position 0, (T, joints, 2)."""
    shown = positions[..., list(view)]
    return shown - shown[:, :1] * [1.0, 0.0]


def _draw(axes, pose, parents, color):
    for joint, parent in enumerate(parents):
        if parent >= 0:
            axes.plot(*pose[[parent, joint]].T, color=color, linewidth=1.4, solid_capstyle="round")
