"""Plots of data that are not images: lines over the index of the features, or dots by their names.

A vector whose features have names, such as a row of a table, is drawn as dots, a line of the figure
for each feature: its order means nothing. Above `MOST_NAMES` features names would overlap, and
their place stands for them.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.plots import _style

# Panels in a row, with lines and with dots.
WIDE, WIDE_DOTS = 3, 5
FEATURE, VALUE = "feature", "value"
# Names along an axis, and letters of one of them.
MOST_NAMES, LONGEST = 40, 30
# Inches: the height of a line with a name, the space around the lines, the width of a panel with
# dots, the height of a panel without names, the width of a column of a heat map.
LINE, REST, DOTS, UNNAMED, CELL = 0.17, 0.65, 1.8, 4.0, 0.16
# The height of a legend, which would take room from the names.
LEGEND = 0.3


def flat(examples: np.ndarray) -> np.ndarray:
    """(n, *data) -> (n, N_x)."""
    return np.reshape(examples, [len(examples), -1])


def draw(axes: Axes, example: np.ndarray, **kwargs) -> None:
    """Draws one example as a line over the feature index, with points if there are few."""
    marker = "." if len(example) <= 12 else None
    axes.plot(np.arange(len(example)), example, marker=marker, linewidth=1.2, **kwargs)
    _style.count_along(axes.xaxis)


def draw_dots(axes: Axes, examples: np.ndarray, looks: Sequence[dict]) -> None:
    """Draws examples, (k, N_x), as dots; those of a feature lie on a bar over their range."""
    where, is_many = np.arange(examples.shape[1]), examples.shape[1] > MOST_NAMES
    # A feature without any value has no bar. NaN is a missing value.
    low, high = np.fmin.reduce(examples), np.fmax.reduce(examples)
    axes.hlines(where, low, high, color=_style.BACKDROP, linewidth=1.0 if is_many else 2.5)
    for example, look in zip(examples, looks, strict=True):
        axes.plot(example, where, "o", markersize=2.5 if is_many else 4.0, **look)


def label_outer(axes: Sequence[Axes], columns: int, labels: tuple[str, str]) -> None:
    """Labels the axes, (x, y), on the left edge and below the lowest panel of each column only."""
    for i, one in enumerate(axes):
        if i % columns == 0:
            one.set_ylabel(labels[1])
        if i + columns >= len(axes):
            one.set_xlabel(labels[0])
            one.tick_params(labelbottom=True)
        _style.plain(one)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Puts the names of the features along the ordinate, the first at the top, if there is room."""
    axes.set_ylim(len(names) - 0.4, -0.6)
    if len(names) > MOST_NAMES:
        _style.count_along(axes.yaxis)
        return
    axes.set_yticks(np.arange(len(names)), shown_names(names))
    axes.tick_params(axis="y", length=0)


def shown_names(names: Sequence[str]) -> list[str]:
    """Names as the text of a figure, not longer than `LONGEST`."""
    return [_style.plain_text(_style.shortened(name, LONGEST)) for name in names]


def _named_size(names: Sequence[str]) -> tuple[float, float]:
    """Inches: the width of the names, and the height of a panel with a line for each."""
    if len(names) > MOST_NAMES:
        return 0.4, UNNAMED
    width = max(_style.text_width(name) for name in shown_names(names))
    return width, REST + LINE * len(names)


def _panels(
    count: int, columns: int, size: tuple[float, float], names: Sequence[str] | None
) -> tuple[Figure, list[Axes]]:
    """Panels of one range of values; with names they stand along the ordinate at the left edge."""
    if names is None:
        return _style.panels(count, columns, size=size, sharex=True, sharey=True)
    width, height = _named_size(names)
    size = (DOTS, height)
    figure, axes = _style.panels(count, columns, size=size, sharex=True, sharey=True)
    figure.set_figwidth(figure.get_figwidth() + width)
    name_rows(axes[0], names)
    axes[0].xaxis.set_major_locator(MaxNLocator(nbins=4))
    return figure, axes


def _columns(given: int | None, names: Sequence[str] | None) -> int:
    return given or (WIDE if names is None else WIDE_DOTS)


def _labels(names: Sequence[str] | None) -> tuple[str, str]:
    if names is None:
        return FEATURE, VALUE
    return VALUE, FEATURE if len(names) > MOST_NAMES else ""


def line_panels(
    groups: Sequence[np.ndarray],
    names: Sequence[str],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    colors: Sequence[str] = _style.PAIR,
    features: Sequence[str] | None = None,
) -> Figure:
    """Panels that compare examples: panel i shows example i of every group.

    Args:
        groups: arrays (n, *data) to compare.
        names: legend entries of the groups. A single group has no legend.
        titles: titles of the panels.
        columns: panels per row; None: what suits lines or dots.
        colors: one for each group, or more.
        features: names of the features, which are dots then; None: they are lines.
    """
    count, columns = len(groups[0]), _columns(columns, features)
    figure, axes = _panels(count, columns, (2.6, 1.7), features)
    looks = [{"color": c, "label": name} for c, name in zip(colors, names, strict=False)]
    for i, one in enumerate(axes):
        examples = [flat(group)[i] for group in groups]
        if features is not None:
            draw_dots(one, np.array(examples), looks)
        else:
            for example, look in zip(examples, looks, strict=True):
                draw(one, example, **look)
        if titles:
            _style.titled(one, titles[i])
    label_outer(axes, min(columns, count), _labels(features))
    if len(groups) > 1:
        if features is not None:
            figure.set_figheight(figure.get_figheight() + LEGEND)
        handles, labels = axes[0].get_legend_handles_labels()
        _style.legend(figure, handles, labels, loc="outside upper left", ncols=len(groups))
    return figure


def fan_panels(
    rows: Sequence[np.ndarray],
    titles: Sequence[str],
    values: np.ndarray,
    bar_label: str,
    columns: int | None = None,
    features: Sequence[str] | None = None,
) -> Figure:
    """One panel per row, (n, *data): its examples as lines or dots coloured by `values`, (n,)."""
    columns = _columns(columns, features)
    figure, axes = _panels(len(rows), columns, (2.9, 2.0), features)
    norm = Normalize(values[0], values[-1])
    looks = [{"color": _style.SEQUENTIAL(norm(value))} for value in values]
    for one, row, title in zip(axes, rows, titles, strict=True):
        if features is not None:
            draw_dots(one, flat(row), looks)
        else:
            for example, look in zip(flat(row), looks, strict=True):
                draw(one, example, **look)
        _style.titled(one, title)
    label_outer(axes, min(columns, len(rows)), _labels(features))
    mappable = ScalarMappable(norm, _style.SEQUENTIAL)
    _style.color_bar(figure, mappable, axes, bar_label)
    return figure


def heat_map(examples: np.ndarray, features: Sequence[str], example_name: str) -> Figure:
    """Many examples, (n, N_x), as columns of colours, a row for each feature with its name."""
    width, height = _named_size(features)
    figure, (axes,) = _style.panels(1, 1, size=(width + 1.5 + CELL * len(examples), height))
    limit = float(np.quantile(np.abs(examples), 0.99)) or 1.0
    has_signs = bool(np.any(examples < 0.0))
    image = axes.imshow(
        examples.T,
        cmap=_style.DIVERGING if has_signs else _style.SEQUENTIAL,
        vmin=-limit if has_signs else 0.0,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    name_rows(axes, features)
    axes.set_ylim(len(features) - 0.5, -0.5)
    label_outer([axes], 1, (example_name, _labels(features)[1]))
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    _style.color_bar(figure, image, axes, VALUE, extend=_style.extend(examples, limit))
    return figure
