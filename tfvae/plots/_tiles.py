"""Images in a grid, and the question whether an array is an image."""

import numpy as np

from tfvae.plots import _style

# Inches: a tile's width, the space around the grid; part of a tile that is its gap.
CELL = 0.72
GAP = 0.06
PAD = 0.08
# Inches that a long row of tiles takes at most; part of a tile that parts groups of rows; inches of
# a line of text above the tiles.
WIDEST = 10.0
GROUP_GAP = 0.25
HEAD = 0.22


def are_images(shape) -> bool:
    """Whether data of this shape are (h, w), (h, w, 1), or (h, w, 3): grey or colour images."""
    return len(shape) == 2 or (len(shape) == 3 and shape[-1] in (1, 3))


def value_range(images, ignored: float = 0.0) -> tuple[float, float]:
    """[0, 1] for values that are about there (decoder means may overshoot), else their extremes.

    `ignored` is a share of values to leave out at either end: a few outliers dull all the rest.
    """
    low, high = (float(limit) for limit in np.quantile(images, [ignored, 1.0 - ignored]))
    if low >= -0.5 and high <= 1.5:
        return 0.0, 1.0
    return low, high


def fitting_cell(columns: int) -> float:
    """Width of a tile, inches, that keeps a row of `columns` of them within `WIDEST`."""
    return min(CELL, WIDEST / columns)


def row_tops(count: int, group: int | None) -> np.ndarray:
    """Where each of `count` rows begins, in tiles, with a gap between groups of `group` rows."""
    index = np.arange(count)
    return index + (GROUP_GAP * (index // group) if group else 0.0)


def image_grid(rows, row_labels, *, limits=None, cell=CELL, group=None, heads=None):
    """A figure of images, one list of them a row.

    Args:
        rows: arrays (n, h, w), (n, h, w, 1) or (n, h, w, 3), one a row; n may differ.
        row_labels: text for each row, "" for none.
        limits: values shown as black and white; see `value_range` when None.
        cell: width of a tile, inches.
        group: rows that belong together; None: all.
        heads: dict of text above the tiles: text -> its middle, in tiles from the left.
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
    # Placed by hand: automatic layout knows nothing of the fixed size of a tile.
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
                # Matplotlib scales no colours; a constant image keeps its place in the range.
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
