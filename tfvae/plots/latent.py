"""The latent space as a scatter plot: encoded data, prior samples and paths."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _checks, _names
from tfvae.models.data import latents, posterior_moments
from tfvae.plots import _models, _style

# Prefix that tells categories from the other entries of a legend.
CATEGORY = "category "
AXES = tuple(_names.in_figure(_names.latent(i)) for i in (0, 1))
COLORINGS = ("auto", "categorical", "continuous", "cyclic")
MANY = len(_style.COLORS) * len(_style.MARKERS)


def latent_scatter(
    model: keras.Model,
    x: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    y: Any = None,
    coloring: str = "auto",
    label_name: str = "label",
    period: float = 2 * math.pi,
    num_prior: int = 0,
    paths: Mapping[str, ArrayLike] | None = None,
    seed: int = 0,
) -> Figure:
    """Posterior means of the data, for N_z > 2 projected on their two principal axes.

    Prior samples and paths are projected on the same axes. With N_z = 1 the ordinate is the
    posterior standard deviation. The outermost 0.5% of the points at each side may lie outside the
    axes. Sequences have one point per frame. Where the prior makes z of noise, points are the
    latents at the mean of the noise (`model.embed`). Categories are no part of a point.

    Args:
        model: a built model.
        x: data, (n, *data).
        labels: (n,), numbers or names; None: one colour. For sequences (n,) or (n, T).
        y: the condition of a model with one, for each example. Labels are not needed to encode.
        coloring: "categorical" (legend), "continuous" (colour bar), "cyclic" (for angles: a cyclic
            colour map), or "auto": categorical for names and whole numbers, otherwise continuous.
        label_name: name and unit of the labels.
        period: period of cyclic labels.
        num_prior: samples of the prior to show in grey behind the data.
        paths: dict of name -> points (T, N_z), or (T, embedding_dim), to draw as lines.
        seed: seed of the prior samples.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, a condition is missing, or an argument does not
            fit.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(50, 5)).astype("float32")
        >>> vae = tfvae.VHPVAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)
        >>> figure = tfvae.plots.latent_scatter(vae, x, labels=x[:, 0], num_prior=200)
        >>> figure.axes[0].get_xlabel()
        '$z_{0}$'
    """
    x = _models.checked_data(model, x)
    labels, coloring = checked_labels(labels, len(x), coloring, model.sequence_shape)
    period = _checks.number_in("period", period, 0.0, math.inf, low_open=True, high_open=True)
    y = _models.checked_beside(model, y, len(x), ("condition",))
    loc = latents(model, x, y)
    figure = _style.new_figure(5.4, 4.4)
    axes = _style.plain(figure.add_subplot())
    project, names = projection(loc)
    if num_prior:
        _draw_prior(axes, project, _prior_points(model, num_prior, seed), names)
    points = project(loc) if model.latent_dim > 1 else _with_deviation(model, x, y, loc)
    draw_points(figure, axes, points, labels, coloring, label_name, period)
    drawn = []
    for i, (name, path) in enumerate((paths or {}).items()):
        path = _models.checked_latents(model, f"paths[{name!r}]", path)
        path = project(path[:, : model.latent_dim])
        drawn.append(path)
        if model.latent_dim == 1:
            raise ValueError(
                f"`paths` must be None for a model with latent_dim = 1, received {list(paths)}. "
                "Show them with `tfvae.plots.interpolation`."
            )
        style = ("-", "--", ":", "-.")[i % 4]
        # A white rim sets the line off from dark points.
        axes.plot(*path.T, color="white", linewidth=3.2)
        axes.plot(*path.T, style, color="black", linewidth=1.6, label=str(name))
    axes.set(xlabel=names[0], ylabel=names[1])
    if model.latent_dim > 1:
        axes.set_aspect("equal", adjustable="box")
        points = np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections])
        leave_out_stragglers(axes, [points], drawn)
    draw_legends(figure, axes, coloring, label_name)
    return figure


def leave_out_stragglers(
    axes: Axes, points: Sequence[np.ndarray], paths: Sequence[np.ndarray] = ()
) -> None:
    """Sets limits that leave out 0.5% of each set of points at each side, but no path."""
    shown = [np.quantile(one, [0.005, 0.995], axis=0) for one in points]
    shown = np.concatenate([*shown, *paths])
    low, high = np.min(shown, axis=0), np.max(shown, axis=0)
    margin = 0.08 * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _prior_points(model, num, seed):
    """`num` draws z ~ p(z), (num, N_z), frames of as many sequences as are needed."""
    num = _checks.positive_int("num_prior", num)
    sequences = -(-num // math.prod(model.sequence_shape))
    z = np.asarray(model.prior.sample(sequences, seed=(seed, 0)))
    return z.reshape(-1, model.latent_dim)[:num]


def _with_deviation(model, x, y, loc):
    """The single latent, (n, 1), and its posterior standard deviation, together (n, 2)."""
    if not model.prior.posterior_is_over_z:
        raise ValueError(
            f"`model` with a {type(model.prior).__name__} must have latent_dim ≥ 2, received 1. "
            "Its latents have no posterior standard deviation to show."
        )
    return np.concatenate([loc, posterior_moments(model, x, y)[1]], axis=1)


def checked_labels(
    labels: ArrayLike | None, count: int, coloring: str, sequence_shape: Sequence[int] = ()
) -> tuple[np.ndarray | None, str]:
    """Returns the labels as an array, or None, and their kind of colouring.

    Labels of `count` sequences of the shape `sequence_shape`, (T,), are repeated for each frame.

    Raises:
        ValueError: when the labels do not fit the data or the colouring.
    """
    if coloring not in COLORINGS:
        raise ValueError(f"`coloring` must be one of {COLORINGS}, received {coloring!r}.")
    if labels is None:
        return None, "none"
    labels = np.asarray(labels)
    if sequence_shape and labels.shape == (count,):
        labels = np.repeat(labels, *sequence_shape)
    elif sequence_shape and labels.shape == (count, *sequence_shape):
        labels = labels.ravel()
    elif labels.shape != (count,):
        raise ValueError(
            f"`labels` must have one entry for each of the {count} examples, shape ({count},), "
            f"received the shape {labels.shape}."
        )
    are_names = labels.dtype.kind not in "iufb"
    if coloring == "auto":
        few = len(np.unique(labels)) <= MANY
        coloring = (
            "categorical" if are_names or (labels.dtype.kind in "iub" and few) else "continuous"
        )
    if are_names and coloring != "categorical":
        raise ValueError(
            "`coloring` must be 'auto' or 'categorical' for labels that are names, received "
            f"{coloring!r}."
        )
    if coloring == "categorical" and len(np.unique(labels)) > MANY:
        raise ValueError(
            f"`labels` must have at most {MANY} categories, received {len(np.unique(labels))}. Use "
            'coloring="continuous", or show fewer.'
        )
    return labels, coloring


def projection(
    loc: np.ndarray, name: str = "x"
) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[str, str]]:
    """Returns a function (n, N_z) -> (n, min(N_z, 2)), and the names of the axes.

    More than two latents are projected on the two principal axes of `loc`, (n, N_z), encodings of
    the argument `name`.

    Raises:
        ValueError: when there is only one example for two axes.
    """
    latent_dim = loc.shape[1]
    if latent_dim == 1:
        return (lambda z: z), (AXES[0], f"posterior standard deviation of {AXES[0]}")
    if latent_dim == 2:
        return (lambda z: z), AXES
    centre = loc.mean(axis=0)
    _, singular, directions = np.linalg.svd(loc - centre, full_matrices=False)
    if len(singular) < 2:
        raise ValueError(
            f"`{name}` must hold at least two examples for two principal axes, received {len(loc)}."
        )
    shares = singular**2 / (np.sum(singular**2) or 1.0)
    names = tuple(f"principal axis {i} ({shares[i]:.0%} of the variance)" for i in range(2))
    return (lambda z: (z - centre) @ directions[:2].T), names


def draw_legends(figure: Figure, axes: Axes, coloring: str, label_name: str) -> None:
    """Draws a legend of the categories on the right, and one of prior and paths above."""
    handles, names = axes.get_legend_handles_labels()
    categories = [
        (handle, name[len(CATEGORY) :])
        for handle, name in zip(handles, names, strict=True)
        if name.startswith(CATEGORY)
    ]
    others = [
        (handle, name)
        for handle, name in zip(handles, names, strict=True)
        if not name.startswith(CATEGORY)
    ]
    if categories:
        columns = math.ceil(len(categories) / 16)
        _style.legend(
            figure, *zip(*categories, strict=True), loc="outside right upper",
            title=label_name, ncols=columns, markerscale=1.6,
        )  # fmt: skip
    if others:
        _style.legend(
            figure, *zip(*others, strict=True), loc="outside upper left", ncols=4, markerscale=1.6
        )
    # Beside axes of equal scales, Matplotlib finds room for legends and labels in several rounds.
    for _ in range(3):
        figure.draw_without_rendering()


def _draw_prior(axes, project, z, names):
    style = {"color": _style.BACKDROP, "zorder": 0}
    if z.shape[1] == 1:
        low, middle, high = np.quantile(z, [0.05, 0.5, 0.95])
        axes.axvline(low, label="prior: 5%, 50%, 95%", **style)
        for value in (middle, high):
            axes.axvline(value, **style)
        return
    axes.scatter(*project(z).T, s=9, linewidths=0, label="prior", **style)


def draw_points(
    figure: Figure,
    axes: Axes,
    points: np.ndarray,
    labels: np.ndarray | None,
    coloring: str,
    label_name: str,
    period: float,
) -> None:
    """Draws points (n, 2), coloured by their labels according to `coloring`."""
    style = {"s": float(np.clip(8000 / len(points), 6, 16)), "linewidths": 0}
    if coloring == "none":
        axes.scatter(*points.T, color=_style.COLORS[0], **style)
        return
    if coloring == "categorical":
        for i, value in enumerate(np.unique(labels)):
            color = _style.COLORS[i % len(_style.COLORS)]
            marker = _style.MARKERS[i // len(_style.COLORS)]
            axes.scatter(
                *points[labels == value].T,
                color=color,
                marker=marker,
                label=f"{CATEGORY}{value}",
                **style,
            )
        return
    if coloring == "continuous":
        dots = axes.scatter(*points.T, c=labels, cmap=_style.SEQUENTIAL, **style)
        _style.color_bar(figure, dots, axes, label_name)
        return
    dots = axes.scatter(
        *points.T, c=np.mod(labels, period), cmap=_style.CYCLIC, vmin=0.0, vmax=period, **style
    )
    bar = _style.color_bar(figure, dots, axes, label_name)
    if math.isclose(period, 2 * math.pi):
        bar.set_ticks(np.arange(5) * math.pi / 2, labels=["0", "π/2", "π", "3π/2", "2π"])
