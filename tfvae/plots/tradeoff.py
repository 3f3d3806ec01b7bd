"""The figure of two quantities that models trade for each other, with error bars and a front."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae.plots import _point_names, _style

# Places of an error bar that names keep clear of.
ALONG_BAR = 15


def pareto_front(points: ArrayLike, higher: Sequence[bool] = (False, False)) -> np.ndarray:
    """Which points no other one beats: none is at least as good in both, and better in one.

    Args:
        points: (n, 2).
        higher: for each column, whether more is better.

    Returns:
        Booleans, (n,). A point with NaN is not on the front, and beats none.

    Raises:
        ValueError: when `points` has another shape.

    Example:
        >>> import tfvae
        >>> tfvae.plots.pareto_front([[1.0, 3.0], [2.0, 1.0], [2.0, 3.0]]).tolist()
        [True, True, False]
    """
    points = np.asarray(points, "float64")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"`points` must have the shape (n, 2), received {points.shape}.")
    costs = points * np.where(higher, -1.0, 1.0)
    at_least = np.all(costs[:, None] <= costs[None], axis=2)
    better = np.any(costs[:, None] < costs[None], axis=2)
    return ~np.any(at_least & better, axis=0) & ~np.any(np.isnan(points), axis=1)


def tradeoff(
    groups: Mapping[str, Mapping[str, ArrayLike]],
    *,
    x_name: str = "rate, nats",
    y_name: str = "distortion, nats",
    higher: Sequence[bool] = (False, False),
    front: bool = False,
    connect: bool = False,
    named_by: str = "",
) -> Figure:
    """Two quantities of many models, as rate and distortion are, with error bars.

    Args:
        groups: points by the name of their group, each a dict of "x" and "y", (n,), and perhaps
            their standard errors "x_error" and "y_error" (NaN: none), and "names" of the points.
        x_name: of the horizontal axis, with its unit.
        y_name: of the vertical axis.
        higher: for x and y, whether more is better; for the front.
        front: whether to draw the Pareto front of all points. The others are then pale.
        connect: whether to connect the points of a group in their order.
        named_by: what the names of the points are; the title of the legend.

    Returns:
        The figure.

    Raises:
        ValueError: when there is no point, or lengths differ.

    Example:
        >>> import tfvae
        >>> points = {"x": [20.0, 2.0], "y": [1.0, 9.0], "y_error": [0.1, 0.3]}
        >>> figure = tfvae.plots.tradeoff({"β-VAE": {**points, "names": ["β 0.1", "β 1"]}})
        >>> figure.axes[0].get_xlabel()
        'rate, nats'
    """
    columns = {name: _columns(name, group) for name, group in groups.items()}
    if not any(len(group["x"]) for group in columns.values()):
        raise ValueError("`groups` must have at least one point, received none.")
    width = max(map(_style.text_width, [*columns, named_by]))
    figure = _style.new_figure(5.6 + width, 3.8)
    axes = _style.plain(figure.add_subplot())
    points = np.concatenate([np.stack([g["x"], g["y"]], axis=1) for g in columns.values()])
    chosen = pareto_front(points, higher) if front else np.ones(len(points), bool)
    if front and chosen.sum() > 1:  # One point has no line.
        _draw_front(axes, points[chosen], higher)
    begin = 0
    for place, (name, group) in enumerate(columns.items()):
        on = chosen[begin : begin + len(group["x"])]
        begin += len(group["x"])
        color = _style.COLORS[place % len(_style.COLORS)]
        marker = _style.MARKERS[place % len(_style.MARKERS)]
        if connect:
            axes.plot(group["x"], group["y"], "-", color=color, linewidth=1, alpha=0.5)
        for part, alpha in ((on, 1.0), (~on, 0.35)):
            if part.any():
                x, y, x_error, y_error = (
                    group[key][part] for key in ("x", "y", "x_error", "y_error")
                )
                axes.errorbar(
                    x, y, xerr=x_error, yerr=y_error, fmt=marker, color=color, markersize=5,
                    elinewidth=1, capsize=2, alpha=alpha,
                )  # fmt: skip
        axes.plot([], [], marker, color=color, markersize=5, label=name)
    axes.set(xlabel=x_name, ylabel=y_name)
    axes.margins(0.12)
    _style.legend(
        axes, loc="upper left", bbox_to_anchor=(1.0, 1.0), title=named_by, alignment="left"
    )
    _name_points(axes, columns, chosen)
    return figure


def _draw_front(axes, points, higher):
    """Steps through the points of the front: what lies beyond them is beaten."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    x, y = points[order].T
    # A step goes where both are worse, so that no point of it is better than all of the front.
    where = "pre" if higher[0] else "post"
    axes.step(
        x, y, where=where, color=_style.TEXT, linewidth=1, linestyle="--", label="Pareto front",
        zorder=0,
    )  # fmt: skip


def _name_points(axes, columns, chosen):
    """Names points of the front, beside the others and the error bars."""
    x, y, *errors, names = (
        np.concatenate([group[key] for group in columns.values()])
        for key in ("x", "y", "x_error", "y_error", "name")
    )
    points = np.stack([x, y], axis=1)
    bars = [
        points + share * error[:, None] * direction
        for error, direction in zip(errors, np.eye(2), strict=True)
        for share in np.linspace(-1.0, 1.0, ALONG_BAR)
    ]
    others = np.concatenate([points[~chosen], *bars])
    _point_names.name_points(axes, points[chosen], names[chosen], others)


def _columns(name, group):
    """The columns of a group as arrays, with NaN for errors and "" for names that are missing."""
    found = {key: np.asarray(group[key], "float64") for key in ("x", "y")}
    length = found["x"].shape
    for key in ("x_error", "y_error"):
        found[key] = np.asarray(group.get(key, np.full(length, np.nan)), "float64")
    found["name"] = np.asarray(group.get("names", [""] * found["x"].size), dtype=object)
    shapes = {key: values.shape for key, values in found.items()}
    if len(set(shapes.values())) > 1 or found["x"].ndim != 1:
        raise ValueError(
            f"`groups[{name!r}]` must have columns of one length, (n,), received {shapes}."
        )
    return found
