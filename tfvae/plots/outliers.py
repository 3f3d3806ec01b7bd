"""A figure of why rows are outliers: what each column adds to a row's score."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from tfvae import _checks
from tfvae.plots import _style

# Panels in a row; inches: width of the bars, height of a bar, space above and below the bars.
COLUMNS = 2
WIDTH, BAR, REST = 2.9, 0.24, 0.85
# Letters of a label, and of a value in it.
LONGEST, LONGEST_VALUE = 34, 14
COMBINATION = "combination of columns"


def outlier_reasons(
    detector: Any,
    rows: Any,
    *,
    num: int = 6,
    titles: Sequence[str] | None = None,
    table: Any = None,
) -> Figure:
    """For each row the columns that add most to its score, in nats, with the row's values.

    Bars start at 0 and add up to the score, the dark line; the dashed line is the threshold. What
    is not among the greatest is one bar, "the rest". Bars to the left make a row less of an
    outlier: its values are closer to what is usual than values mostly are.

    Args:
        detector: a fitted `tfvae.applications.OutlierDetector`.
        rows: the rows to explain, a few, (n, D), as the detector takes them: features.
        num: number of columns to show for each row, at most.
        titles: a title for each row; None: their numbers, from 0.
        table: the fitted `tfvae.tables.Table` that made the features: those of a column are one
            bar, and labels have raw values.

    Returns:
        The figure.

    Raises:
        ValueError: when the rows do not fit the detector, or an argument is out of range.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> detector = tfvae.applications.OutlierDetector(steps=30, members=2).fit(x)
        >>> figure = tfvae.plots.outlier_reasons(detector, [[0.0, 9.0, 0.0]])
        >>> figure.axes[0].get_yticklabels()[0].get_text()
        'x1 = 9'
    """
    num = _checks.positive_int("num", num)
    names, parts = detector.contributions_by_column(rows, table)
    values = _values(names, np.asarray(rows), table)
    titles = [f"row {i}" for i in range(len(parts))] if titles is None else list(titles)
    if len(titles) != len(parts):
        raise ValueError(f"`titles` must have {len(parts)} entries, received {len(titles)}.")
    bars = [
        _bars([*names[:-1], COMBINATION], part, value, num)
        for part, value in zip(parts, values, strict=True)
    ]
    most = max(len(labels) for labels, _ in bars)
    space = max(_style.text_width(label) for labels, _ in bars for label in labels)
    size = (WIDTH + space, REST + BAR * most)
    figure, panels = _style.panels(len(bars), COLUMNS, size=size)
    for axes, (labels, lengths), title in zip(panels, bars, titles, strict=True):
        _draw(axes, labels, lengths, float(np.sum(lengths)), detector.threshold_, title)
        axes.set_ylim(most - 0.4, -0.6)
    for axes in panels[-COLUMNS:]:
        axes.set_xlabel("adds to the score [nats]")
    handles = [panels[0].lines[0], panels[0].lines[1]]
    _style.legend(figure, handles, ["score", "threshold"], loc="outside upper left", ncols=2)
    return figure


def _bars(names, parts, values, num):
    """Labels and lengths of the greatest parts, then of the rest."""
    # Those which make it less of an outlier are part of the rest, unless there is room for all.
    order = np.argsort(-parts, kind="stable")
    shown = order[:num] if len(order) > num + 1 else order
    labels = [_label(names[i], values[i]) for i in shown]
    lengths = [float(parts[i]) for i in shown]
    if len(shown) < len(order):
        labels.append(f"the other {len(order) - len(shown)}")
        lengths.append(float(np.sum(parts[order[len(shown) :]])))
    return labels, lengths


def _label(name, value):
    if not value:
        return name
    value = textwrap.shorten(value, LONGEST_VALUE, placeholder="…") or value[: LONGEST_VALUE - 1]
    name = _style.shortened(name, LONGEST - len(value))
    return _style.plain_text(f"{name} = {value}")


def _values(names, x, table):
    """What each row has in each column, as text; "" of their combination, (n, columns + 1)."""
    columns = x.T
    if table is not None:
        raw = table.inverse_transform(x)
        columns = [raw[name].to_numpy(object) for name in names[:-1]]
        for group in table.groups_:
            # A new category has no name that the table knows.
            if f"{group.column} other" in group.names:
                other = x[:, group.start + group.names.index(f"{group.column} other")] > 0.5
                place = names.index(group.column)
                columns[place] = np.where(other, "a new value", columns[place])
    texts = [[_text(value) for value in column] for column in columns]
    return [[*row, ""] for row in zip(*texts, strict=True)]


def _text(value):
    if isinstance(value, (bool, np.bool_)):
        return str(value)
    if isinstance(value, (int, float, np.number)):
        return "missing" if np.isnan(value) else f"{value:.4g}".replace("-", "−")
    text = str(value)
    return "missing" if text in ("None", "NaT", "<NA>", "nan") else text.removesuffix(" 00:00:00")


def _draw(axes: Axes, labels, lengths, score, threshold, title):
    where = np.arange(len(labels))
    reasons = np.array(lengths) > 0.0
    colors = [_style.COLORS[2] if up else _style.COLORS[0] for up in reasons]
    if labels[-1].startswith("the other "):
        colors[-1] = _style.BACKDROP
    axes.barh(where, lengths, height=0.68, color=colors)
    marks = {"ymin": 0.0, "ymax": 1.0, "linewidth": 1.2, "zorder": 0}
    axes.axvline(score, color=_style.TEXT, **marks)
    axes.axvline(threshold, color=_style.TEXT, linestyle=(0, (4, 3)), **marks)
    axes.axvline(0.0, color="#999999", linewidth=0.8)
    axes.set_yticks(where, labels)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    axes.spines["left"].set_visible(False)
    over = "an outlier" if score > threshold else "usual"
    told = f"{title}: {score:.3g} nats, {over}".replace("-", "−")
    axes.set_title(told, fontsize=_style.NORMAL, color=_style.TEXT, loc="left")
    place = blended_transform_factory(axes.transData, axes.transAxes)
    share = threshold / score if score > max(threshold, 0.0) else None
    if share is not None and threshold > 0.0:
        axes.text(threshold, 0.02, f" {share:.0%} of the score", transform=place, va="bottom",
                  fontsize=_style.SMALL, color=_style.TEXT,
                  bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.6},
                  )  # fmt: skip
