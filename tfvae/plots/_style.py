"""The look that all figures share: colours, axes, panels."""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, hsv_to_rgb
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

# Ten colours that stay apart for readers with a colour-vision deficiency (M. Petroff, 2021).
COLORS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#94a4a2",
    "#a96b59", "#e76300", "#717581", "#b9ac70", "#92dadd",
)  # fmt: skip
# Two curves to compare.
PAIR = COLORS[0], COLORS[2]
MARKERS = "o^sDvP"
TEXT = "#333333"
BACKDROP = "#d4d4d4"
SMALL, NORMAL = 8, 9

# Without its lightest part, which is hard to see on white.
SEQUENTIAL = ListedColormap(
    colormaps["viridis"](np.linspace(0.0, 0.92, 256)), name="tfvae_sequential"
)
# Saturated all the way round, so that no angle looks like the grey of a backdrop.
CYCLIC = ListedColormap(
    hsv_to_rgb([(hue, 1.0, 1.0) for hue in np.linspace(0.0, 1.0, 256)]) * [0.84, 0.74, 0.84],
    name="tfvae_cyclic",
)
# Two colours that part at 0; grey where there is no number.
DIVERGING = colormaps["RdBu_r"].with_extremes(bad=BACKDROP)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that pyplot knows nothing of."""
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def text_width(text: str) -> float:
    """Width in inches that a label of normal size takes."""
    return TextPath((0, 0), text, size=NORMAL).get_extents().width / 72 if text else 0.0


def panels(count: int, columns: int, size=(3.2, 2.3), **kwargs):
    """A figure with `count` axes, row by row in `columns` columns; returns it and the axes."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = new_figure(size[0] * columns, size[1] * rows)
    grid = figure.subplots(rows, columns, squeeze=False, **kwargs)
    for axes in grid.flat[count:]:
        axes.remove()
    for axes in grid.flat[:count]:
        plain(axes)
    return figure, list(grid.flat[:count])


def plain(axes):
    """Takes away what carries no information, and sets sizes and greys."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(labelsize=SMALL, color="#999999", labelcolor=TEXT)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(fontsize=NORMAL, color=TEXT)
    return axes


def titled(axes, text: str):
    """A title at the left edge."""
    axes.set_title(text, fontsize=NORMAL, color=TEXT, loc="left")


def legend(where, *handles_and_names, **kwargs):
    """A legend without a frame, of a figure or of axes."""
    made = where.legend(
        *handles_and_names,
        frameon=False,
        fontsize=SMALL,
        labelcolor=TEXT,
        handlelength=1.8,
        **kwargs,
    )
    made.get_title().set(fontsize=SMALL, color=TEXT)
    return made


def color_bar(figure, mappable, axes, label: str, **kwargs):
    """A slim colour bar with a label."""
    bar = figure.colorbar(mappable, ax=axes, aspect=30, pad=0.02, **kwargs)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, color="#999999", labelcolor=TEXT)
    bar.set_label(label, fontsize=NORMAL, color=TEXT)
    return bar
