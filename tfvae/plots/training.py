"""Training curves: distortion, rate, ELBO, constraint and multiplier over the epochs."""

import csv
import os
from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.figure import Figure

from tfvae._checks import number
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
    history: keras.callbacks.History | dict[str, Sequence[float]] | str | os.PathLike,
    *,
    kappa: float | None = None,
    validation_name: str = "validation",
) -> Figure:
    """One panel for each recorded term. Training curves are solid, validation curves dashed.

    The loss is shown only if there is no ELBO: while the multiplier changes, the losses of two
    epochs cannot be compared.

    Args:
        history: the return value of `fit`, its `history` dict, or the path of a file written by
            `keras.callbacks.CSVLogger`.
        kappa: the bound of the constraint; None: the model's bound if `history` is the return value
            of `fit`, otherwise none is drawn.
        validation_name: name of the validation data in the legend.

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
            f"`history` must hold one or more of {[panel[0] for panel in (*PANELS, FALLBACK)]}, "
            f"received {sorted(terms)}."
        )
    figure, grid = _style.panels(len(shown), columns=3, sharex=True)
    for axes, (term, title, unit, scale) in zip(grid, shown, strict=True):
        _draw(axes, *_curves(epochs, terms, term), validation_name)
        if term == "constraint" and kappa is not None:
            line = axes.axhline(kappa, color=_style.TEXT, linewidth=1, linestyle=":")
            _style.legend(axes, [line], [f"κ = {kappa:.3g}"], loc="upper right")
        axes.set(xlabel="epoch", ylabel=unit, yscale=scale)
        _style.count_along(axes.xaxis)
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
    """Epochs and values of `name` in training and in validation; () if there are none."""
    # λ does not depend on the data: the validation curve would be the same.
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
                "`history` must be the return value of `fit`, its `history` dict or the path of a "
                f"file of CSVLogger, received {type(history).__name__}."
            )
        terms = {name: np.asarray(values, dtype="float64") for name, values in terms.items()}
    if not terms or not max(map(len, terms.values())):
        raise ValueError("`history` must hold at least one epoch, received none.")
    count = max(map(len, terms.values()))
    if epochs is None or len(epochs) != count:
        epochs = np.arange(count)
    return np.asarray(epochs, dtype="int64") + 1, terms


def _read_csv(path):
    """Columns of a CSV file as floats; a field that is empty or not a number becomes NaN."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([_number(row[name]) for row in rows]) for name in (rows[0] if rows else ())
    }


def _number(text):
    try:
        return number(text)
    except (AttributeError, ValueError):
        return np.nan


def _kappa_of(model):
    """κ per feature of a model with a constraint, otherwise None."""
    bound = None if model is None else model.objective.bound
    if bound is None or float(bound) <= 0.0:
        return None
    return float(model.likelihood.kappa_of(bound))
