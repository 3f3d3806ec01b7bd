"""The figure of a β scan: posterior moments, distortion and rate, and the curve of the two."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from tfvae.plots import _point_names, _style

NEEDED = ("beta", "mean_square", "variance", "distortion", "rate")


def beta_scan(scan: Any) -> Figure:
    """Posterior moments, rate and distortion over β, and the rate–distortion curve.

    β is on a logarithmic axis; 0 has a place of its own at its left end. Dotted lines show the
    moments of a posterior that is the prior N(0, I): variance 1, squared mean 0. The points of the
    curve are named by their β.

    Args:
        scan: a `tfvae.evaluation.BetaScan`, or its `columns`.

    Returns:
        The figure.

    Raises:
        ValueError: when a column is missing, or the columns differ in length.

    Example:
        >>> import tfvae
        >>> figure = tfvae.plots.beta_scan({
        ...     "beta": [0.1, 1.0], "mean_square": [0.9, 0.1], "variance": [0.1, 0.9],
        ...     "distortion": [1.0, 9.0], "rate": [20.0, 2.0],
        ... })
        >>> len(figure.axes)
        4
    """
    columns = _columns(scan)
    beta, rate, distortion = columns["beta"], columns["rate"], columns["distortion"]
    figure, (moments, rates, curve, distortions) = _style.panels(4, 2, size=(3.6, 2.6))
    for name, words, color, style in (
        ("variance", "average variance", _style.PAIR[0], "o-"),
        ("mean_square", "average squared mean", _style.PAIR[1], "s--"),
    ):
        moments.plot(_places(beta), columns[name], style, color=color, markersize=4, label=words)
    for level in (0.0, 1.0):
        moments.axhline(level, color=_style.BACKDROP, linewidth=1, linestyle=":", zorder=0)
    moments.set_ylabel("latent units²")
    _style.legend(moments)
    for axes, values, words in (
        (rates, rate, "rate"),
        (distortions, distortion, "distortion"),
    ):
        axes.plot(_places(beta), values, "o-", color=_style.PAIR[0], markersize=4)
        axes.set_ylabel("nats")
        _style.titled(axes, words)
    _style.titled(moments, "posterior moments")
    for axes in (moments, rates, distortions):
        axes.set_xlabel("β")
        _name_places(axes, beta)
    _draw_curve(curve, beta, rate, distortion)
    return figure


def _draw_curve(axes, beta, rate, distortion):
    axes.plot(rate, distortion, "o-", color=_style.PAIR[0], markersize=4)
    axes.set(xlabel="rate, nats", ylabel="distortion, nats")
    axes.margins(0.12)
    _style.titled(axes, "rate–distortion curve, by β")
    points = np.stack([rate, distortion], axis=1)
    _point_names.name_points(axes, points, [f"{value:g}" for value in beta])


def _places(beta: np.ndarray) -> np.ndarray:
    """log10 β; 0 lies one step left of the least positive β, or at 0 if it is alone."""
    positive = beta[beta > 0.0]
    if not len(positive):
        return np.zeros(len(beta))
    logs = np.log10(np.where(beta > 0.0, beta, positive.min()))
    step = max(1.0, 0.1 * float(np.ptp(logs)))
    return np.where(beta > 0.0, logs, logs.min() - step)


def _name_places(axes: Axes, beta: np.ndarray) -> None:
    """Puts a tick at every power of ten, or at every second or third, and one at 0."""
    places = _places(beta)
    logs = places[beta > 0.0]
    ticks, names = [], []
    if len(logs):
        low, high = np.floor(logs.min()), np.ceil(logs.max())
        step = max(1, int(np.ceil((high - low) / 6)))
        inside = [p for p in np.arange(high, low - 1, -step) if logs.min() - 0.5 <= p]
        ticks, names = inside, [f"$10^{{{int(p)}}}$" if p else "1" for p in inside]
    if np.any(beta == 0.0):
        ticks, names = [*ticks, places[beta == 0.0][0]], [*names, "0"]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels(names)


def _columns(scan):
    """The columns that are drawn, as arrays, β rising."""
    found = scan if isinstance(scan, Mapping) else getattr(scan, "columns", None)
    if not isinstance(found, Mapping) or any(name not in found for name in NEEDED):
        received = sorted(found) if isinstance(found, Mapping) else type(scan).__name__
        raise ValueError(
            "`scan` must be a tfvae.evaluation.BetaScan, or a dict of its columns "
            f"{', '.join(NEEDED)}, received {received}."
        )
    columns = {name: np.asarray(found[name], "float64") for name in NEEDED}
    lengths = {name: values.shape for name, values in columns.items()}
    if len(set(lengths.values())) > 1 or columns["beta"].ndim != 1 or not columns["beta"].size:
        raise ValueError(f"`scan` must have columns of one length, received {lengths}.")
    order = np.argsort(columns["beta"])
    return {name: values[order] for name, values in columns.items()}
