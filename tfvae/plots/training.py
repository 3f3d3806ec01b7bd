"""The course of training: distortion, rate, ELBO, constraint and multiplier over the epochs."""

import csv
import os

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.plots import _style

# Term, title, label of the ordinate, scale.
PANELS = (
    ("distortion", "distortion", "nats", "linear"),
    ("rate", "rate", "nats", "linear"),
    ("elbo", "ELBO", "nats", "linear"),
    ("constraint", "constraint", "error per feature", "linear"),
    ("lambda", "multiplier λ", "λ", "log"),
    ("flatness", "flatness penalty", "penalty", "log"),
)
FALLBACK = ("loss", "loss", "loss", "linear")


def training_curves(
    history, *, kappa: float | None = None, validation_name: str = "validation"
) -> Figure:
    """One panel for each term that was recorded; training solid, validation dashed.

    The loss is shown only where there is no ELBO: with a multiplier that moves, its values of two
    epochs do not compare.

    Args:
        history: what `fit` returns, its `history` dict, or the path of a file that
            `keras.callbacks.CSVLogger` wrote.
        kappa: the bound that the constraint had; None: taken from the model when `history` is what
            `fit` returned, else not drawn.
        validation_name: what the validation data are called in the legend.

    Returns:
        The figure.

    Raises:
        ValueError: when `history` is none of these, or holds no term to show.
    """
    epochs, terms = _read(history)
    if kappa is None:
        kappa = _kappa_of(getattr(history, "model", None))
    shown = [panel for panel in PANELS if any(_curves(epochs, terms, panel[0]))]
    if not any(panel[0] == "elbo" for panel in shown) and any(_curves(epochs, terms, "loss")):
        shown.append(FALLBACK)
    if not shown:
        raise ValueError(
            f"`history` holds no term to show, only {sorted(terms)}; expected some of "
            f"{[panel[0] for panel in (*PANELS, FALLBACK)]}."
        )
    figure, grid = _style.panels(len(shown), columns=3, sharex=True)
    for axes, (term, title, unit, scale) in zip(grid, shown, strict=True):
        _draw(axes, *_curves(epochs, terms, term), validation_name)
        if term == "constraint" and kappa is not None:
            line = axes.axhline(kappa, color=_style.TEXT, linewidth=1, linestyle=":")
            _style.legend(axes, [line], [f"κ = {kappa:.3g}"], loc="upper right")
        axes.set(xlabel="epoch", ylabel=unit, yscale=scale)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.tick_params(labelbottom=True)
        _style.titled(axes, title)
        _style.plain(axes)
    handles, names = grid[0].get_legend_handles_labels()
    if len(handles) > 1:
        _style.legend(figure, handles, names, loc="outside upper left", ncols=2)
    return figure


def _draw(axes, train, validation, validation_name):
    for curve, color, style, name in (
        (train, _style.PAIR[0], "-", "training"),
        (validation, _style.PAIR[1], "--", validation_name),
    ):
        if curve:
            marker = "o" if len(curve[0]) < 4 else None
            axes.plot(
                *curve, style, color=color, marker=marker, markersize=3, linewidth=1.5, label=name
            )


def _curves(epochs, terms, name):
    """Epochs and values of `name` in training and in validation; () where there is none."""
    # λ is a state, not a mean over data: validation would repeat it.
    validation = () if name == "lambda" else _curve(epochs, terms.get("val_" + name))
    return _curve(epochs, terms.get(name)), validation


def _curve(epochs, values):
    if values is None or not np.any(np.isfinite(values)):
        return ()
    if len(values) < len(epochs):
        # Keras validates every m-th epoch and records nothing in between.
        every = len(epochs) // len(values)
        epochs = epochs[every - 1 :: every][: len(values)]
    known = np.isfinite(values)
    return epochs[known], values[known]


def _read(history):
    """The epochs, counted from 1, and the values of every term."""
    if isinstance(history, (str, os.PathLike)):
        terms = _read_csv(history)
        epochs = terms.pop("epoch", None)
    else:
        terms = getattr(history, "history", history)
        epochs = getattr(history, "epoch", None)
        if not isinstance(terms, dict):
            raise ValueError(
                "`history` must be what `fit` returns, its `history` dict or the path of a "
                f"CSVLogger's file, received {type(history).__name__}."
            )
        terms = {name: np.asarray(values, dtype="float64") for name, values in terms.items()}
    if not terms or not max(map(len, terms.values())):
        raise ValueError("`history` is empty: no epoch has been recorded.")
    count = max(map(len, terms.values()))
    if epochs is None or len(epochs) != count:
        epochs = np.arange(count)
    return np.asarray(epochs, dtype="int64") + 1, terms


def _read_csv(path):
    """Columns of a CSV file as floats, NaN where a field is empty or no number."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([_number(row[name]) for row in rows]) for name in (rows[0] if rows else ())
    }


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return np.nan


def _kappa_of(model):
    """κ per feature of a model with a constraint, else None."""
    bound = None if model is None else model.objective.bound
    if bound is None or float(bound) <= 0.0:
        return None
    return float(model.likelihood.kappa_of(bound))
