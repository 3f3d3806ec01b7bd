"""Images in a grid, and the check whether an array is an image."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import _style

# Inches: the width of a tile, the space around the grid, the greatest width of a row of tiles, the
# height of a line of text above the tiles.
CELL = 0.72
PAD = 0.08
WIDEST = 10.0
HEAD = 0.22
# Fractions of a tile: the gap between tiles, and the gap between groups of rows.
GAP = 0.06
GROUP_GAP = 0.25


def are_images(shape: Sequence[int]) -> bool:
    """Whether `shape` is that of a grey or colour image: (h, w), (h, w, 1) or (h, w, 3)."""
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3))


def value_range(images: np.ndarray, ignored: float = 0.0) -> tuple[float, float]:
    """Returns (0, 1) for values within [−0.5, 1.5], otherwise their minimum and maximum.

    The tolerance allows for decoder means that overshoot. `ignored` is the share of values to leave
    out at either end: a few outliers would take the contrast from all other values.
    """
    low, high = (float(limit) for limit in np.quantile(images, [ignored, 1.0 - ignored]))
    if low >= -0.5 and high <= 1.5:
        return 0.0, 1.0
    return low, high


def fitting_cell(columns: int) -> float:
    """Returns the tile width, in inches, at which a row of `columns` tiles fits in `WIDEST`."""
    return min(CELL, WIDEST / columns)


def row_tops(count: int, group: int | None) -> np.ndarray:
    """Returns the tops of `count` rows, in tiles, with a gap between groups of `group` rows."""
    index = np.arange(count)
    return index + (GROUP_GAP * (index // group) if group else 0.0)


def image_grid(
    rows: Sequence[np.ndarray],
    row_labels: Sequence[str],
    *,
    limits: tuple[float, float] | None = None,
    cell: float = CELL,
    group: int | None = None,
    heads: dict[str, float] | None = None,
) -> Figure:
    """A figure of rows of images.

    Args:
        rows: one array (n, h, w), (n, h, w, 1) or (n, h, w, 3) per row; n may differ.
        row_labels: text for each row, "" for none.
        limits: values shown as black and white; None: see `value_range`.
        cell: width of a tile, in inches.
        group: number of rows in a group; groups are set apart. None: one group.
        heads: texts above the tiles, text -> its centre, in tiles from the left.
    """
    low, high = limits or value_range(np.concatenate([np.ravel(row) for row in rows]), 0.005)
    height, width = rows[0].shape[1:3]
    aspect = height / width
    columns = max(len(row) for row in rows)
    label_width = max(_style.text_width(label) for label in row_labels)
    left = PAD + (label_width + 0.08 if label_width else 0.0)
    tops = row_tops(len(rows), group)
    grid = (columns * cell, (tops[-1] + 1) * cell * aspect)
    figure_size = (left + grid[0] + PAD, grid[1] + 2 * PAD + (HEAD if heads else 0.0))
    figure = _style.new_figure(*figure_size)
    # Placed by hand: automatic layout would change the size of the tiles.
    figure.set_layout_engine("none")
    axes = figure.add_axes(
        (
            left / figure_size[0],
            PAD / figure_size[1],
            grid[0] / figure_size[0],
            grid[1] / figure_size[1],
        )
    )
    for top, row in zip(tops, rows, strict=True):
        for c, image in enumerate(row):
            shown = image[..., 0] if image.shape[-1] == 1 and image.ndim == 3 else image
            if shown.ndim == 3:
                # Matplotlib scales grey images only.
                shown = np.clip((shown - low) / ((high - low) or 1.0), 0.0, 1.0)
            axes.imshow(
                shown,
                cmap="gray",
                vmin=low,
                vmax=high,
                extent=(c + GAP / 2, c + 1 - GAP / 2, top + 1 - GAP / 2, top + GAP / 2),
                interpolation="nearest",
            )
    axes.set(xlim=(0, columns), ylim=(tops[-1] + 1, 0), aspect=aspect)
    axes.xaxis.tick_top()
    axes.set_xticks(list((heads or {}).values()), list(heads or {}))
    axes.set_yticks(tops + 0.5, row_labels)
    axes.tick_params(length=0, labelsize=_style.NORMAL, labelcolor=_style.TEXT)
    axes.spines[:].set_visible(False)
    return figure
