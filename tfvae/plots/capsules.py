"""Figures of topographic latents: rolled capsules and maps of what latents represent."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.models.data import latents
from tfvae.plots import _models, _style, _tiles
from tfvae.plots.observations import checked_part, sequence_grid

MARK = {"color": _style.COLORS[6], "linewidth": 1.6}
# Share of the largest absolute values that a colour scale may leave out.
OUTLIERS = 0.005
# Greatest number of capsule numbers along the side of a matrix.
NUMBERED = 24


def capsule_traversals(
    model: keras.Model,
    x: np.ndarray,
    num: int = 4,
    *,
    frame: int = 0,
    labels: Sequence | None = None,
    y: Any = None,
) -> Figure:
    """Sequences, their reconstructions, and the decoded rolls of one frame's capsules [KW21].

    A model with a target beside x shows the target in place of x.

    Column l of the third row shows E[x|Roll_{l−f}(t̂_f)], where f is the rolled frame, marked by a
    box. If a roll acts like a step in time, the third row looks like the first.

    Args:
        model: a built model of sequences of images, such as `tfvae.TopographicVAE`.
        x: sequences, (n, T, *image).
        num: greatest number of sequences to show.
        frame: f, from 0 to T − 1.
        labels: (n,), texts before the rows of each sequence; None: no texts.
        y: condition and target, for a model that needs them.

    Returns:
        The figure, three rows for each sequence.

    Raises:
        ValueError: when the model is not built, has no capsules or no images, or an argument does
            not fit.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(2, 6, 8, 8, 1)).astype("float32")
        >>> vae = tfvae.TopographicVAE(latent_dim=12, likelihood="bernoulli", seed=0)
        >>> vae.build(x.shape)
        >>> figure = tfvae.plots.capsule_traversals(vae, x)
        >>> len(figure.axes[0].get_images())
        36
    """
    _check_frames(model)
    total = len(x)
    x, y = checked_part(model, x, num, y)
    data = y.get("target", x)
    frames = x.shape[1]
    if isinstance(frame, bool) or frame not in range(frames):
        raise ValueError(f"`frame` must be one of 0 to {frames - 1}, received {frame!r}.")
    inputs = _models.decoder_inputs(model, x, y)
    z, condition = np.split(inputs, [model.latent_dim], axis=-1)
    capsules = z.reshape(*z.shape[:-1], *model.capsule_grid)
    rolled = [np.roll(capsules[:, frame], column - frame, axis=-1) for column in range(frames)]
    rolled = np.concatenate([np.stack(rolled, axis=1).reshape(z.shape), condition], axis=-1)
    both = [_models.mean_of_inputs(model, one) for one in (inputs, rolled)]
    names = ["target", "prediction"] if "target" in y else ["data", "reconstruction"]
    names.append("rolled")
    if labels is not None:
        if len(labels) != total:
            raise ValueError(
                f"`labels` must have one entry for each of the {total} sequences, received "
                f"{len(labels)}."
            )
        names = [f"{label}: {name}" for label in labels[: len(x)] for name in names]
    figure = sequence_grid([data, *both], names, limits=_tiles.value_range(data))
    tops = _tiles.row_tops(3 * len(x), 3)
    for top in tops[2::3]:
        figure.axes[0].add_patch(
            Rectangle((frame, top), 1.0, 1.0, fill=False, clip_on=False, **MARK)
        )
    return figure


def forward_prediction(
    model: keras.Model, x: np.ndarray, seen: int, num: int = 4, *, y: Any = None
) -> Figure:
    """Sequences, and the model's prediction of them from their first frames [KW21].

    A model with a target beside x shows the target in place of x.

    Args:
        model: a built model of sequences of images, such as `tfvae.TopographicVAE`.
        x: sequences, (n, T, *image).
        seen: number of frames given to the model, from 1 to T − 1. A line separates them from the
            predicted frames.
        num: greatest number of sequences to show.
        y: condition and target, for a model that needs them.

    Returns:
        The figure, two rows for each sequence: data and `model.predict_sequence`.

    Raises:
        ValueError: when the model is not built, has no capsules or no images, or an argument does
            not fit.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(2, 6, 8, 8, 1)).astype("float32")
        >>> vae = tfvae.TopographicVAE(latent_dim=12, likelihood="bernoulli", seed=0)
        >>> vae.build(x.shape)
        >>> len(tfvae.plots.forward_prediction(vae, x, seen=3).axes[0].get_images())
        24
    """
    _check_frames(model)
    x, y = checked_part(model, x, num, y)
    data = y.get("target", x)
    frames = x.shape[1]
    seen = _checks.positive_int("seen", seen)
    if seen >= frames:
        raise ValueError(
            f"`seen` must be less than the {frames} frames of a sequence, received {seen}."
        )
    figure = sequence_grid(
        [data, model.predict_sequence(x[:, :seen], y=y)],
        ["target" if "target" in y else "data", "model"],
        limits=_tiles.value_range(data),
        heads={"given": seen / 2, "predicted": (seen + frames) / 2},
    )
    figure.axes[0].axvline(seen, **MARK)
    return figure


def topographic_map(
    model: keras.Model,
    images: ArrayLike,
    *,
    grid: tuple[int, int] | None = None,
    y: Any = None,
) -> Figure:
    """The map of latents: each cell shows the image with the largest value of its latent [KW21].

    Args:
        model: a built model whose latents lie on a 2-D grid: the grid of its prior, or (number of
            capsules, capsule size) for sequences.
        images: images (n, *image), or sequences (n, T, *image), whose frames count one by one.
        grid: (rows, columns); None: the model's own grid.
        y: the condition of a model with one.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, its data are not images, or the grid does not fit.

    Example:
        >>> import numpy as np, tfvae
        >>> prior = tfvae.priors.TopographicPrior(tfvae.distributions.Torus((3, 3)), grid=(4, 6))
        >>> vae = tfvae.VAE(latent_dim=24, prior=prior, seed=0)
        >>> x = np.random.default_rng(0).uniform(size=(30, 8, 8, 1)).astype("float32")
        >>> vae.build(x.shape)
        >>> len(tfvae.plots.topographic_map(vae, x).axes[0].get_images())
        24
    """
    images = _models.checked_data(model, images)
    if not _tiles.are_images(model.step_shape):
        raise ValueError(
            "`model` must be a model of grey or colour images, received one of data of the shape "
            f"{tuple(model.step_shape)}."
        )
    rows, columns = _map_shape(model, grid)
    y = _models.checked_beside(model, y, len(images), ("condition",))
    largest = np.argmax(latents(model, images, y), axis=0)
    chosen = images.reshape(-1, *model.step_shape)[largest]
    return _tiles.image_grid(
        chosen.reshape(rows, columns, *model.step_shape),
        [""] * rows,
        cell=min(_tiles.fitting_cell(columns), _tiles.fitting_cell(rows)),
    )


def squares_covariance(
    model: keras.Model, x: ArrayLike, *, correlation: bool = True, y: Any = None
) -> Figure:
    """Correlation or covariance of the squares t² of all latents, over examples or frames [KW21].

    Latents are in the order of the grid. Lines separate its rows, which are the capsules. The
    colour scale covers 99.5% of the off-diagonal values; arrows at the ends of its bar say that
    there are values beyond. Latents without variance are grey.

    Args:
        model: a built model.
        x: data, (n, *data), at least two examples or frames.
        correlation: True: correlation. False: covariance.
        y: the condition of a model with one.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, or `x` does not fit it or holds one example.
    """
    x = _models.checked_data(model, x)
    y = _models.checked_beside(model, y, len(x), ("condition",))
    squares = latents(model, x, y).astype("float64") ** 2
    if len(squares) < 2:
        raise ValueError("`x` must hold at least two examples or frames, received one.")
    matrix = np.atleast_2d(np.cov(squares, rowvar=False, bias=True))
    name = "covariance"
    if correlation:
        deviation = np.sqrt(np.diag(matrix))
        scale = np.outer(deviation, deviation)
        matrix = np.divide(matrix, scale, out=np.full_like(matrix, np.nan), where=scale > 0.0)
        name = "correlation"
    others = matrix[~np.eye(len(matrix), dtype=bool)]
    figure = _style.new_figure(5.4, 4.6)
    axes = _style.plain(figure.add_subplot())
    limit = _symmetric_limit(others if len(others) else matrix)
    shown = axes.imshow(
        matrix, cmap=_style.DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest"
    )
    extend = _style.extend(matrix, limit)
    _style.color_bar(figure, shown, axes, f"{name} of $t_i^2$ and $t_j^2$", extend=extend)
    grid = _grid_of(model)
    if grid is None or len(grid) < 2:
        axes.set(xlabel="latent", ylabel="latent")
        return figure
    size, count = grid[-1], model.latent_dim // grid[-1]
    for edge in size * np.arange(1, count) - 0.5:
        axes.axhline(edge, color=_style.TEXT, linewidth=0.4)
        axes.axvline(edge, color=_style.TEXT, linewidth=0.4)
    word = f"{'capsule' if model.sequence_axes else 'row of the grid'} ({size} latents each)"
    every = math.ceil(count / NUMBERED)
    places = size * np.arange(0, count, every) + (size - 1) / 2
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(places, [str(i) for i in range(0, count, every)])
        axis.set_tick_params(length=0)
        axis.set_label_text(word)
    return figure


def selectivity_maps(
    maps: ArrayLike,
    names: Sequence | None = None,
    *,
    grid: tuple[int, int] | None = None,
    columns: int = 5,
) -> Figure:
    """Maps of latents side by side, on one colour scale centred at 0.

    The scale covers 99.5% of the values; arrows at the ends of its bar say that there are values
    beyond.

    Args:
        maps: (K, rows, columns), or (K, N_z) with `grid`, as `tfvae.evaluation.selectivity` returns
            them.
        names: titles of the K maps; None: their numbers, from 0.
        grid: (rows, columns) of the N_z latents.
        columns: panels per row.

    Returns:
        The figure.

    Raises:
        ValueError: when a shape does not fit.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> maps = np.random.default_rng(0).normal(size=(3, 24))
        >>> len(tfvae.plots.selectivity_maps(maps, ["a", "b", "c"], grid=(4, 6)).axes)
        4
    """
    maps = np.asarray(maps, dtype="float64")
    if grid is not None and maps.ndim == 2 and maps.shape[1] == math.prod(grid):
        maps = maps.reshape(-1, *grid)
    if maps.ndim != 3 or not maps.size:
        raise ValueError(
            "`maps` must have the shape (K, rows, columns), or (K, rows·columns) with `grid`, "
            f"received {maps.shape} and grid={grid}."
        )
    names = range(len(maps)) if names is None else names
    if len(names) != len(maps):
        raise ValueError(f"`names` must have {len(maps)} entries, received {len(names)}.")
    aspect = maps.shape[1] / maps.shape[2]
    figure, panels = _style.panels(
        len(maps),
        _checks.positive_int("columns", columns),
        size=(1.7, 1.55 * min(max(aspect, 0.3), 3.0) + 0.3),
    )
    limit = _symmetric_limit(maps)
    for axes, values, name in zip(panels, maps, names, strict=True):
        shown = axes.imshow(
            values, cmap=_style.DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest"
        )
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        _style.titled(axes, str(name))
    extend = _style.extend(maps, limit)
    _style.color_bar(figure, shown, panels, "selectivity d′", extend=extend)
    return figure


def _symmetric_limit(values):
    """The largest finite absolute value without outliers; 1 if all are 0."""
    sizes = np.abs(values[np.isfinite(values)])
    return (float(np.quantile(sizes, 1.0 - OUTLIERS)) if len(sizes) else 0.0) or 1.0


def _check_frames(model):
    """Raises a ValueError unless the model is built, has capsules and its data are images."""
    if not hasattr(model, "capsules"):
        raise ValueError(
            "`model` must be a model with capsules, such as TopographicVAE, received a "
            f"{type(model).__name__}."
        )
    _models.check_built(model)
    if not _tiles.are_images(model.target_step_shape):
        raise ValueError(
            "`model` must be a model of sequences of grey or colour images, (T, h, w), (T, h, w, 1)"
            f" or (T, h, w, 3), received one of data of the shape {tuple(model.target_shape)}."
        )


def _grid_of(model):
    """The grid of the latents, or None."""
    return model.capsule_grid if hasattr(model, "capsules") else model.prior.grid


def _map_shape(model, grid):
    """The given grid or the model's own, (rows, columns)."""
    chosen = _grid_of(model) if grid is None else tuple(grid)
    if chosen is None or len(chosen) != 2 or math.prod(chosen) != model.latent_dim:
        raise ValueError(
            f"`grid` must have two dimensions and {model.latent_dim} latents, received {chosen}. "
            "Give `grid` as (rows, columns), or give the model a TopographicPrior with a 2-D grid."
        )
    return chosen
