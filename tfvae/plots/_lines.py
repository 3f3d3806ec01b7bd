"""Data that are no images: features of an example as a line."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from tfvae.plots import _style

WIDE = 3
FEATURE, VALUE = "feature", "value"


def flat(examples):
    """(n, *data) -> (n, N_x)."""
    return np.reshape(examples, [len(examples), -1])


def draw(axes, example, **kwargs):
    """One example as a line over the index of the feature, with points when they are few."""
    marker = "." if len(example) <= 12 else None
    axes.plot(np.arange(len(example)), example, marker=marker, linewidth=1.2, **kwargs)


def label_outer(axes, columns: int):
    """Axis labels on the left edge and below the lowest panel of each column only."""
    for i, one in enumerate(axes):
        if i % columns == 0:
            one.set_ylabel(VALUE)
        if i + columns >= len(axes):
            one.set_xlabel(FEATURE)
            one.tick_params(labelbottom=True)
        _style.plain(one)


def line_panels(groups, names, titles=None, columns=WIDE):
    """Panels that compare examples: `groups` holds arrays (n, *data), the i-th of each in panel i.

    Args:
        groups: what is compared.
        names: of the groups, for the legend, which is left out for a single group.
        titles: of the panels.
        columns: panels a row.
    """
    count = len(groups[0])
    figure, axes = _style.panels(count, columns, size=(2.6, 1.7), sharex=True, sharey=True)
    for i, one in enumerate(axes):
        for j, (group, name) in enumerate(zip(groups, names, strict=True)):
            draw(one, flat(group)[i], color=_style.PAIR[j], label=name)
        if titles:
            _style.titled(one, titles[i])
    label_outer(axes, min(columns, count))
    if len(groups) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        _style.legend(figure, handles, labels, loc="outside upper left", ncols=len(groups))
    return figure


def fan_panels(rows, titles, values, bar_label, columns=WIDE):
    """Panels in which the lines of one row, (n, *data), are coloured by `values`, (n,)."""
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
