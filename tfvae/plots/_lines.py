"""Line plots of data that are not images: the features of an example over their index."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tfvae.plots import _style

WIDE = 3
FEATURE, VALUE = "feature", "value"


def flat(examples: np.ndarray) -> np.ndarray:
    """(n, *data) -> (n, N_x)."""
    return np.reshape(examples, [len(examples), -1])


def draw(axes: Axes, example: np.ndarray, **kwargs) -> None:
    """Draws one example as a line over the feature index, with points if there are few."""
    marker = "." if len(example) <= 12 else None
    axes.plot(np.arange(len(example)), example, marker=marker, linewidth=1.2, **kwargs)
    _style.count_along(axes.xaxis)


def label_outer(axes: Sequence[Axes], columns: int) -> None:
    """Labels the axes on the left edge and below the lowest panel of each column only."""
    for i, one in enumerate(axes):
        if i % columns == 0:
            one.set_ylabel(VALUE)
        if i + columns >= len(axes):
            one.set_xlabel(FEATURE)
            one.tick_params(labelbottom=True)
        _style.plain(one)


def line_panels(
    groups: Sequence[np.ndarray],
    names: Sequence[str],
    titles: Sequence[str] | None = None,
    columns: int = WIDE,
    colors: Sequence[str] = _style.PAIR,
) -> Figure:
    """Panels that compare examples: panel i shows example i of every group.

    Args:
        groups: arrays (n, *data) to compare.
        names: legend entries of the groups. A single group has no legend.
        titles: titles of the panels.
        columns: panels per row.
        colors: one for each group, or more.
    """
    count = len(groups[0])
    figure, axes = _style.panels(count, columns, size=(2.6, 1.7), sharex=True, sharey=True)
    for i, one in enumerate(axes):
        for j, (group, name) in enumerate(zip(groups, names, strict=True)):
            draw(one, flat(group)[i], color=colors[j], label=name)
        if titles:
            _style.titled(one, titles[i])
    label_outer(axes, min(columns, count))
    if len(groups) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        _style.legend(figure, handles, labels, loc="outside upper left", ncols=len(groups))
    return figure


def fan_panels(
    rows: Sequence[np.ndarray],
    titles: Sequence[str],
    values: np.ndarray,
    bar_label: str,
    columns: int = WIDE,
) -> Figure:
    """One panel per row, (n, *data): its examples as lines coloured by `values`, (n,)."""
    figure, axes = _style.panels(len(rows), columns, size=(2.9, 2.0), sharex=True, sharey=True)
    norm = Normalize(values[0], values[-1])
    for one, row, title in zip(axes, rows, titles, strict=True):
        for example, value in zip(flat(row), values, strict=True):
            draw(one, example, color=_style.SEQUENTIAL(norm(value)))
        _style.titled(one, title)
    label_outer(axes, min(columns, len(rows)))
    mappable = ScalarMappable(norm, _style.SEQUENTIAL)
    _style.color_bar(figure, mappable, axes, bar_label)
    return figure
