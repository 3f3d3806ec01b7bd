"""The look that all figures share: colours, axes, panels."""

import math
import os
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from PIL import Image

from tfvae import _files

# Ten colours that readers with a colour-vision deficiency can tell apart, from each other and from
# the grey of the prior: seven of M. Petroff's (2021), and others for his two greys and light cyan.
COLORS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#5a0f1e",
    "#a96b59", "#e76300", "#2d2d5a", "#b9ac70", "#691eff",
)  # fmt: skip
# Two curves to compare.
PAIR = COLORS[0], COLORS[2]
MARKERS = "o^sDvP"
TEXT = "#333333"
BACKDROP = "#d4d4d4"
SMALL, NORMAL = 8, 9

# Without the lightest part of viridis, which is hard to see on white.
SEQUENTIAL = ListedColormap(
    colormaps["viridis"](np.linspace(0.0, 0.92, 256)), name="tfvae_sequential"
)
# An ellipse in CIELAB: L runs with the cosine of the angle, b with its sine, the two axes that all
# eyes see. No angle looks like the grey backdrop.
_CIRCLE = (
    "#b493a4", "#bd8988", "#b57464", "#a05940", "#823c22", "#61220f",
    "#450d01", "#310304", "#250117", "#1b0e2c", "#0e1f4a", "#01366d",
    "#20518e", "#4b6ca9", "#7682b6", "#9b90b5",
)  # fmt: skip
CYCLIC = LinearSegmentedColormap.from_list("tfvae_cyclic", [*_CIRCLE, _CIRCLE[0]])
# Two colours that meet at 0; grey marks NaN.
DIVERGING = colormaps["RdBu_r"].with_extremes(bad=BACKDROP)


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure, in inches, that is not registered with pyplot."""
    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def text_width(text: str) -> float:
    """Returns the width of a label of normal size, in inches."""
    return TextPath((0, 0), text, size=NORMAL).get_extents().width / 72 if text else 0.0


def shortened(text: str, most: int) -> str:
    """A text of at most `most` letters; a longer one without its middle, which tells least."""
    if len(text) <= most:
        return text
    return f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"


def plain_text(text: str) -> str:
    """A text as Matplotlib shows it, which would read formulas between dollars."""
    return text.replace("$", r"\$")


def panels(
    count: int, columns: int, size: tuple[float, float] = (3.2, 2.3), **kwargs
) -> tuple[Figure, list[Axes]]:
    """Returns a figure and its `count` axes, row by row in `columns` columns of `size` inches."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = new_figure(size[0] * columns, size[1] * rows)
    grid = figure.subplots(rows, columns, squeeze=False, **kwargs)
    for axes in grid.flat[count:]:
        axes.remove()
    for axes in grid.flat[:count]:
        plain(axes)
    return figure, list(grid.flat[:count])


def plain(axes: Axes) -> Axes:
    """Removes the top and right spines and sets font sizes and greys."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(which="both", labelsize=SMALL, color="#999999", labelcolor=TEXT)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(fontsize=NORMAL, color=TEXT)
    return axes


def count_along(axis: Axis) -> None:
    """Puts ticks at whole numbers only, even if there is one."""
    axis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))


def titled(axes: Axes, text: str) -> None:
    """Sets a title at the left edge."""
    axes.set_title(text, fontsize=NORMAL, color=TEXT, loc="left")


def legend(where: Figure | Axes, *handles_and_names: Sequence, **kwargs) -> Legend:
    """Adds a legend without a frame to a figure or axes."""
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


def write_gif(path: str | os.PathLike, frames: Sequence[Image.Image], fps: float) -> None:
    """Writes frames as a GIF that repeats, completely or not at all."""
    duration = round(1000 / fps)
    with _files.replacing(path) as partial:
        frames[0].save(partial, save_all=True, append_images=frames[1:], duration=duration, loop=0)


def extend(values: np.ndarray, limit: float) -> str:
    """Returns beyond which ends of a colour bar from −limit to limit there are values."""
    finite = values[np.isfinite(values)]
    below, above = np.any(finite < -limit), np.any(finite > limit)
    return ("neither", "min", "max", "both")[below + 2 * above]


def color_bar(
    figure: Figure, mappable: ScalarMappable, axes: Axes | Sequence[Axes], label: str, **kwargs
) -> Colorbar:
    """Adds a slim colour bar with a label."""
    # A label longer than the axes would be cut.
    figure.set_figheight(max(figure.get_figheight(), text_width(label) + 0.5))
    bar = figure.colorbar(mappable, ax=axes, aspect=30, pad=0.02, **kwargs)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=SMALL, color="#999999", labelcolor=TEXT)
    bar.set_label(label, fontsize=NORMAL, color=TEXT)
    return bar
