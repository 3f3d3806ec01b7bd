"""Figures of the flatness of a latent space: violins of reports and curves of equal distance."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import scipy.sparse
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.sparse import csgraph

from tfvae import _checks, geometry
from tfvae.plots import _models, _style, latent

# Field of a report, title, scale, and the value of a flat space.
PANELS = (
    ("condition", "condition number", "log", 1.0),
    ("magnification", "normalised MF", "linear", 1.0),
)
# Distance of the outermost curve, as a share of the greatest distance on the map. With a larger
# share, the curves of several centres cross everywhere.
SHOWN_REACH = 0.28
# Digits of round numbers on a log scale, more and more of them.
ROUND = [1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], np.arange(1, 10, 0.1), np.arange(1, 10, 0.01)
RATIOS = ("geodesic over straight line", "linear", 1.0)
# Steps from a grid point to its neighbours, one of each pair of opposite steps. Many directions
# bring the shortest paths close to straight lines.
REACH = 5
STEPS = [
    (down, right)
    for down in range(REACH + 1)
    for right in range(-REACH, REACH + 1)
    if math.gcd(down, right) == 1 and (down > 0 or right > 0)
]


def violins(reports: Mapping[str, Any]) -> Figure:
    """Violins of condition number, normalised magnification factor and length ratio.

    Args:
        reports: name -> `tfvae.evaluation.FlatnessReport`; every panel has one violin for each.

    Returns:
        The figure. A dotted line shows the value of a flat space.

    Raises:
        ValueError: when there is no report.
    """
    if not reports:
        raise ValueError("`reports` must hold at least one report, received none.")
    width, name_width = 2.6 + 0.3 * len(reports), max(map(_style.text_width, map(str, reports)))
    stands = name_width > (width - 0.6) / len(reports)  # Names would overlap.
    height = 2.4 + (name_width if stands else 0.0)
    figure, grid = _style.panels(5, columns=3, size=(width, height))
    groups = []
    for field, title, scale, flat_value in PANELS:
        for where in ("encoded", "between"):
            values = [getattr(report, f"{field}_{where}") for report in reports.values()]
            groups.append((f"{title}, {where}", scale, flat_value, values))
    groups.append((*RATIOS, [report.ratios for report in reports.values()]))
    for axes, (title, scale, flat_value, values) in zip(grid, groups, strict=True):
        _violins(axes, values, list(reports), scale)
        axes.tick_params(axis="x", rotation=90 if stands else 0)
        flat_value = np.log10(flat_value) if scale == "log" else flat_value
        axes.axhline(flat_value, color=_style.TEXT, linewidth=1, linestyle=":")
        if scale == "log":
            axes.set_yticks(*_log_ticks(*axes.get_ylim()))
        _style.titled(axes, title)
    return figure


def _violins(axes, values, names, scale):
    """Draws one violin with its median per group, of log10 of the values on a log scale."""
    shown = [np.log10(v[np.isfinite(v)]) if scale == "log" else v[np.isfinite(v)] for v in values]
    shown = [v if len(v) else np.full(2, np.nan) for v in shown]
    parts = axes.violinplot(shown, showmedians=True, showextrema=False, widths=0.8)
    for i, body in enumerate(parts["bodies"]):
        body.set(facecolor=_style.COLORS[i % len(_style.COLORS)], alpha=0.7, linewidth=0)
    parts["cmedians"].set(color=_style.TEXT, linewidth=1.5)
    axes.set_xticks(np.arange(len(names)) + 1, names)


def _log_ticks(low, high):
    """Places and texts of round numbers from 10^low to 10^high, at least three if there are."""
    decades = np.arange(np.floor(low), np.ceil(high) + 1.0)
    for digits in ROUND:
        places = (decades[:, np.newaxis] + np.log10(digits)).ravel()
        places = places[(places >= low) & (places <= high)]
        if len(places) >= 3:
            break
    every = math.ceil(len(places) / 8)
    return places[::every], [f"{10.0**place:.3g}" for place in places[::every]]


def equidistance(
    model: keras.Model,
    x: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    y: Any = None,
    num_centres: int = 4,
    num_levels: int = 4,
    resolution: int = 120,
    coloring: str = "auto",
    label_name: str = "label",
    period: float = 2 * math.pi,
    seed: int = 0,
) -> Figure:
    """Curves of equal observation-space distance over the log MF of a 2-D latent space [C20].

    In a flat space the curves are evenly spaced circles and the map behind them is uniformly grey.
    Distances are shortest paths on the grid of the map. The length of an edge is the distance
    between its decoded end points. Category and condition of the first example are held everywhere
    on the map, for a model that has them.

    Args:
        model: a built model with latent_dim = 2.
        x: data, (n, *data); their encodings are shown.
        labels: (n,), numbers or names that colour the points; None: one colour. For sequences (n,)
            or (n, T).
        y: labels and condition of each example, for a model that needs them.
        num_centres: number of examples, far apart from each other, around which curves are drawn.
        num_levels: number of curves around each centre.
        resolution: grid points along each axis.
        coloring: see `latent_scatter`.
        label_name: name and unit of the labels.
        period: period of cyclic labels.
        seed: seed for the choice of the first centre.

    Returns:
        The figure.

    Raises:
        ValueError: when latent_dim is not 2, a part of y is missing, or an argument does not fit.
    """
    x = _models.checked_data(model, x)
    labels, coloring = latent.checked_labels(labels, len(x), coloring, model.sequence_shape)
    if model.latent_dim != 2:
        raise ValueError(f"`model` must have latent_dim = 2, received {model.latent_dim}.")
    num_levels = _checks.positive_int("num_levels", num_levels)
    resolution = max(8, _checks.positive_int("resolution", resolution))
    y = _models.checked_beside(model, y, len(x), ("labels", "condition"))
    inputs = _models.decoder_inputs(model, x, y).reshape(-1, model.decoder_input_dim)
    z, held = inputs[:, :2], inputs[0, 2:]
    low, high = np.min(z, axis=0), np.max(z, axis=0)
    margin = 0.15 * np.maximum(high - low, 1e-3)
    axis = [np.linspace(low[i] - margin[i], high[i] + margin[i], resolution) for i in (0, 1)]
    points = np.stack(np.meshgrid(*axis, indexing="ij"), axis=-1).astype("float32")
    rows = points.reshape(-1, 2)
    held = np.broadcast_to(held, [len(rows), len(held)])
    tensors = geometry.metric_tensors(model, rows, held=held)
    logs = geometry.log_magnification_factor(tensors).reshape(resolution, resolution)
    centres = _far_apart(z, _checks.positive_int("num_centres", num_centres), seed)
    means = _models.mean_of_inputs(model, np.concatenate([rows, held], axis=1))
    distances = _grid_distances(means, points, z[centres])
    width, height = (one[-1] - one[0] for one in axis)
    figure = _style.new_figure(5.6, float(np.clip(4.4 * height / width, 2.4, 7.0)))
    axes = _style.plain(figure.add_subplot())
    finite = logs[np.isfinite(logs)]
    if not len(finite):
        raise ValueError(
            "`model` must have a decoder that depends on both latents, received one whose metric "
            "is singular everywhere. Train the model longer or with a smaller weight of the rate."
        )
    mesh = axes.pcolormesh(
        *axis, logs.T, cmap="Greys", shading="nearest", rasterized=True,
        vmin=np.min(finite), vmax=np.min(finite) + max(np.ptp(finite), 1.0) * 1.6,
    )  # fmt: skip
    _style.color_bar(figure, mesh, axes, "log magnification factor")
    latent.draw_points(figure, axes, z, labels, coloring, label_name, period)
    reach = np.median(np.max(np.where(np.isfinite(distances), distances, 0.0), axis=(1, 2)))
    levels = np.linspace(0.0, SHOWN_REACH * reach, num_levels + 1)[1:]
    for distance, centre in zip(distances, z[centres], strict=True):
        axes.contour(*axis, distance.T, levels=levels, colors="black", linewidths=0.9)
        axes.plot(*centre, "+", color="black", markersize=7)
    axes.set(xlabel=latent.AXES[0], ylabel=latent.AXES[1], aspect="equal")
    latent.draw_legends(figure, axes, coloring, label_name)
    return figure


def _far_apart(z, count, seed):
    """Indices of `count` points, each as far as possible from the points before it."""
    anyone = z[np.random.default_rng(seed).integers(len(z))]
    chosen = [int(np.argmax(np.linalg.norm(z - anyone, axis=1)))]
    nearest = np.linalg.norm(z - z[chosen[0]], axis=1)
    while len(chosen) < min(count, len(z)):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.linalg.norm(z - z[chosen[-1]], axis=1))
    return chosen


def _grid_distances(x, points, centres):
    """Distances from each centre to all points of the grid, decoded as x (n·n, …); (C, n, n)."""
    rows, columns, _ = points.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    x = x.reshape(rows * columns, -1)
    edges = []
    for down, right in STEPS:
        i, j = np.meshgrid(np.arange(rows - down), np.arange(columns), indexing="ij")
        inside = (j + right >= 0) & (j + right < columns)
        i, j = i[inside], j[inside]
        one, other = index[i, j], index[i + down, j + right]
        edges.append((one, other, np.linalg.norm(x[one] - x[other], axis=-1)))
    one, other, lengths = (np.concatenate(part) for part in zip(*edges, strict=True))
    graph = scipy.sparse.csr_array((lengths, (one, other)), shape=(index.size, index.size))
    flat_points = points.reshape(-1, 2)
    starts = [int(np.argmin(np.linalg.norm(flat_points - c, axis=1))) for c in centres]
    distances = csgraph.dijkstra(graph, directed=False, indices=starts)
    return distances.reshape(len(centres), rows, columns)
