"""Observables of generated events beside those of the data, with their ratio."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae._histograms import histograms
from tfvae.plots import _style

COLUMNS = 3
# Ratios beyond are marked at the edge.
RATIOS = (0.5, 1.5)


def event_histograms(
    samples: Mapping[str, Mapping[str, ArrayLike]],
    reference: Mapping[str, ArrayLike],
    *,
    weights: ArrayLike | None = None,
    units: Mapping[str, str] | None = None,
    bins: int = 30,
) -> Figure:
    """A histogram of each observable with the ratio to the reference below it.

    The reference is the grey area, generated events are lines. Bins have equal width between the
    0.5% and the 99.5% quantile of the reference, and the outermost ones also count what lies
    beyond. Bars and the grey band in the ratio are standard errors, those of the ratio's numerator
    and of its denominator. Ratios outside of the axes are triangles at the edge, and a bin without
    reference has no ratio.

    Args:
        samples: for each name of a sample, such as "density buffer", its observables, as from
            `tfvae.datasets.event_observables`; at most six samples.
        reference: the same observables of the data.
        weights: event weights of the reference, (m,), not negative. None: equal ones.
        units: unit of observables by name, for the labels, such as {"mass": "GeV"}.
        bins: number of bins.

    Returns:
        The figure.

    Raises:
        ValueError: when there are no samples or more than six, observables are missing, or values
            or weights do not fit.

    Example:
        >>> import tfvae.plots
        >>> from tfvae.datasets import event_observables, two_body_decays
        >>> first, second = (
        ...     event_observables(two_body_decays(500, width=2.5, seed=seed)) for seed in (0, 1)
        ... )
        >>> figure = tfvae.plots.event_histograms({"generated": first}, second)
        >>> len(figure.axes)  # Two for each of the seven observables
        14
    """
    if not 1 <= len(samples) <= len(_style.MARKERS):
        raise ValueError(
            f"`samples` must be 1 to {len(_style.MARKERS)} samples by name, received "
            f"{len(samples)}."
        )
    for name, sample in samples.items():
        missing = sorted(set(reference) - set(sample))
        if missing:
            raise ValueError(
                f"`samples` must have the observables of `reference`, received {name!r} without "
                f"{missing}."
            )
    unknown = sorted(set(units or {}) - set(reference))
    if unknown:
        raise ValueError(
            f"`units` must be of observables among {sorted(reference)}, received {unknown}."
        )
    bins = _checks.positive_int("bins", bins)
    columns = min(COLUMNS, len(reference))
    rows = -(-len(reference) // columns)
    figure = _style.new_figure(3.2 * columns, 2.9 * rows + 0.3)
    outer = figure.add_gridspec(rows, columns)
    for i, (name, values) in enumerate(reference.items()):
        inner = outer[i // columns, i % columns].subgridspec(
            2, 1, height_ratios=(3, 1), hspace=0.02
        )
        top = _style.plain(figure.add_subplot(inner[0]))
        bottom = _style.plain(figure.add_subplot(inner[1], sharex=top))
        each = {
            key: histograms(sample[name], values, weights, bins, name)
            for key, sample in samples.items()
        }
        _draw(top, bottom, each)
        unit = (units or {}).get(name)
        bottom.set_xlabel(f"{name} ({unit})" if unit else name)
        top.tick_params(labelbottom=False)
        if i % columns == 0:
            top.set_ylabel("share of events")
            bottom.set_ylabel("ratio")
    handles, names = figure.axes[0].get_legend_handles_labels()
    _style.legend(figure, handles, names, loc="outside upper left", ncols=len(names))
    return figure


def _draw(top, bottom, each):
    """One observable: shares above, ratios below."""
    first = next(iter(each.values()))
    edges, reference = first.edges, first.reference
    middle = (edges[:-1] + edges[1:]) / 2
    top.stairs(reference, edges, fill=True, color=_style.BACKDROP, label="data")
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(reference > 0.0, first.reference_error / reference, np.nan)
    bottom.stairs(1.0 + error, edges, baseline=1.0 - error, fill=True, color=_style.BACKDROP)
    bottom.axhline(1.0, color="#999999", linewidth=0.8)
    for i, (name, both) in enumerate(each.items()):
        style = {"color": _style.COLORS[i]}
        top.stairs(both.generated, edges, linewidth=1.2, label=name, **style)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio, bar = both.generated / reference, both.generated_error / reference
        ratio = np.where(reference > 0.0, ratio, np.nan)
        low, high = RATIOS
        inside = (ratio >= low) & (ratio <= high)
        bottom.errorbar(
            middle[inside], ratio[inside], bar[inside],
            fmt=_style.MARKERS[i], markersize=2.2, linewidth=0.8, **style,
        )  # fmt: skip
        for beyond, edge, marker in ((ratio > high, high, "^"), (ratio < low, low, "v")):
            if not np.any(beyond):  # Matplotlib cannot lay out a line without points, unclipped.
                continue
            bottom.plot(
                middle[beyond], np.full(np.sum(beyond), edge), marker,
                markersize=3.5, clip_on=False, **style,
            )  # fmt: skip
    bottom.set(ylim=RATIOS, xlim=edges[[0, -1]], yticks=[0.6, 1.0, 1.4])
    top.set_ylim(bottom=0.0)
