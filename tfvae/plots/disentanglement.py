"""Figures of disentanglement: traversals in each category, latents against factors."""

import math
import os
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image

from tfvae import _checks, _names
from tfvae.plots import _lines, _models, _ranges, _style, _tiles

# Target ratio of width to height of all panels together.
SHAPE = 1.5
# Inches: space above a panel and beside it; size of a cell with a number; longest column name that
# is written horizontally; width of the line with the latent's value.
TITLE, MARGIN = 0.3, 0.12
NUMBER = (0.56, 0.34)
LYING = 0.5
VALUE = 0.75
DPI = 100


def category_traversals(
    model: keras.Model,
    *,
    dims: Iterable[int] | None = None,
    num_values: int = 7,
    limits: tuple[float, float] = (-2.0, 2.0),
    rest: ArrayLike | None = None,
    y: Any = None,
) -> Figure:
    """E[x|z, d, c] while one continuous latent varies: a panel per latent, a row per category.

    The rows are the categories 0, …, S − 1 of d_0, or the labels of a model with labels. With
    several discrete variables, they show one variable after the other, while all others keep their
    first category. Without any, there is one row.

    Args:
        model: a built model.
        dims: the continuous latents to show; None: all.
        num_values: columns of a panel.
        limits: (lowest, highest) value of the varied latent.
        rest: (N_z,), values of the other continuous latents; None: 0.
        y: the condition of all tiles, for a model with one, as in `decode`.

    Returns:
        The figure. Vectors are shown as lines, coloured by the value of the latent; rows of a
        table, of a model with `columns`, as dots by the names of the features.

    Raises:
        ValueError: when the model is not built or models sequences, or an argument does not fit.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=4, seed=0)
        >>> vae.build((None, 8, 8, 1))
        >>> len(tfvae.plots.category_traversals(vae).axes)
        4
    """
    values = np.linspace(*_ranges.limits_of(limits), _ranges.at_least_two("num_values", num_values))
    means, rows, latents = _traversed(model, dims, values, rest, y)
    if not _tiles.are_images(model.target_shape):
        panels = means.swapaxes(0, 1).reshape(-1, num_values, *model.target_shape)
        titles = [", ".join(filter(None, (latent, row))) for row in rows for latent in latents]
        features = _models.feature_names(model)
        label = "value of $z_i$"
        return _lines.fan_panels(panels, titles, values, label, len(latents), features)
    shown = _scaled(means)
    aspect = shown.shape[3] / shown.shape[4]
    columns = _columns(len(latents), (len(rows), num_values * aspect))
    cell = min(_tiles.CELL, _tiles.WIDEST / (columns * num_values))
    size = (cell * num_values + MARGIN, cell * aspect * len(rows) + TITLE)
    figure, panels = _style.panels(len(latents), columns, size=size)
    figure.set_figwidth(figure.get_figwidth() + max(map(_style.text_width, rows)))
    figure.set_layout_engine("compressed")
    span = f"{values[0]:.3g} … {values[-1]:.3g}".replace("-", "−")
    for i, (axes, latent, images) in enumerate(zip(panels, latents, shown, strict=True)):
        _draw(axes, images, model.num_categories, rows if i % columns == 0 else None)
        _style.titled(axes, f"{latent}: {span}")
    return figure


def traversal_gif(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    dims: Iterable[int] | None = None,
    num_values: int = 21,
    limits: tuple[float, float] = (-2.0, 2.0),
    rest: ArrayLike | None = None,
    y: Any = None,
    fps: float = 10.0,
    size: int = 64,
) -> None:
    """Writes the traversals of all latents as an animated GIF: a row of tiles for each category.

    The tile in row k and column i shows E[x|z, d_0 = k] while z_i moves from the lowest value to
    the highest and back, one frame per value. The GIF loops forever.

    Args:
        model: a built model of images, see `category_traversals`.
        path: path of the file.
        dims: the continuous latents to show; None: all.
        num_values: frames from the lowest to the highest value. The GIF has 2·num_values − 2.
        limits: (lowest, highest) value of the varied latent.
        rest: (N_z,), values of the other continuous latents; None: 0.
        y: the condition of all tiles, for a model with one, as in `decode`.
        fps: frames per second, at most 50. GIFs round the time of a frame to 0.01 s.
        size: width of a tile, in pixels.

    Raises:
        ValueError: when the model is not built or has no images, or an argument does not fit.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=4, seed=0)
        >>> vae.build((None, 8, 8, 1))
        >>> tfvae.plots.traversal_gif(vae, "traversals.gif")  # doctest: +SKIP
    """
    values = np.linspace(*_ranges.limits_of(limits), _ranges.at_least_two("num_values", num_values))
    fps = _checks.number_in("fps", fps, 0.0, 50.0, low_open=True)
    size = _checks.positive_int("size", size)
    means, rows, latents = _traversed(model, dims, values, rest, y)
    if not _tiles.are_images(model.target_shape):
        raise ValueError(
            "`model` must be a model of grey or colour images, received one of data of the shape "
            f"{tuple(model.target_shape)}. Use `category_traversals` for other data."
        )
    shown = _scaled(means).swapaxes(0, 2)
    cell, aspect = size / DPI, shown.shape[3] / shown.shape[4]
    grid = (cell * len(latents), cell * aspect * len(rows))
    left = max(map(_style.text_width, rows)) + MARGIN
    figure = _style.new_figure(left + max(grid[0], VALUE) + MARGIN, grid[1] + 2 * TITLE)
    # Placed by hand: automatic layout could move the axes from frame to frame.
    figure.set_layout_engine("none")
    width, height = figure.get_size_inches()
    axes = _style.plain(
        figure.add_axes((left / width, TITLE / height, grid[0] / width, grid[1] / height))
    )
    image = _draw(axes, shown[0], model.num_categories, rows)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(len(latents)) + 0.5, latents)
    text = axes.text(0.0, -0.5 * TITLE / grid[1], "", va="center", transform=axes.transAxes)
    text.set(fontsize=_style.NORMAL, color=_style.TEXT)
    frames = []
    redraw = _redrawing(figure, [image, *axes.lines, text])
    for value, images in zip(values, shown, strict=True):
        image.set_data(_mosaic(images))
        text.set_text(f"$z_i$ = {value:.2f}".replace("-", "−"))
        frames.append(redraw().convert("P", palette=Image.Palette.ADAPTIVE))
    frames += frames[-2:0:-1]
    _style.write_gif(path, frames, fps)


def latents_against_factors(
    matrix: ArrayLike,
    latent_names: Iterable | None = None,
    factor_names: Iterable | None = None,
    *,
    title: str = "",
) -> Figure:
    """A matrix of latents against factors, as coloured cells with their numbers.

    Args:
        matrix: (N, F), such as mutual information or importance, for N latents, continuous or
            discrete, and F factors.
        latent_names: names of the rows; None: z_0, …, z_{N − 1}.
        factor_names: names of the columns; None: their numbers.
        title: the quantity and its unit.

    Returns:
        The figure. Colours run from 0 to 1, or to the largest number above 1. If any number is
        negative, negative cells are blue and positive ones red. NaN and infinite cells are grey.

    Raises:
        ValueError: when a shape does not fit.

    Example:
        >>> import tfvae.plots
        >>> matrix = [[0.9, 0.0], [0.1, 0.7], [0.0, 0.05]]
        >>> figure = tfvae.plots.latents_against_factors(matrix, factor_names=["x", "scale"])
        >>> [text.get_text() for text in figure.axes[0].texts[:2]]
        ['0.90', '0.00']
    """
    matrix = np.asarray(matrix, dtype="float64")
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(
            f"`matrix` must have the shape (N latents, F factors), received {matrix.shape}."
        )
    num_latents, num_factors = matrix.shape
    latents = _named("latent_names", latent_names, [_latent(i) for i in range(num_latents)])
    factors = _named("factor_names", factor_names, [f"factor {i}" for i in range(num_factors)])
    finite = matrix[np.isfinite(matrix)]
    highest = float(np.max(np.abs(finite), initial=1.0))  # Small numbers look small.
    signed = np.min(finite, initial=0.0) < 0.0
    colors = _style.DIVERGING if signed else _style.SEQUENTIAL.with_extremes(bad=_style.BACKDROP)
    name_width = max(map(_style.text_width, factors))
    head = name_width if name_width > LYING else 0.2
    figure = _style.new_figure(
        max(map(_style.text_width, latents))
        + max(NUMBER[0] * num_factors, _style.text_width(title))
        + 0.2,
        head + NUMBER[1] * num_latents + (TITLE if title else 0.0) + 0.2,
    )
    axes = _style.plain(figure.add_subplot())
    image = axes.imshow(
        matrix,
        cmap=colors,
        vmin=-highest if signed else 0.0,
        vmax=highest,
        aspect="auto",
        interpolation="nearest",
    )
    for (row, column), value in np.ndenumerate(matrix):
        red, green, blue, _ = image.cmap(image.norm(value)) if np.isfinite(value) else (1, 1, 1, 1)
        axes.text(
            column,
            row,
            f"{value:.2f}".replace("-", "−") if np.isfinite(value) else "–",
            ha="center",
            va="center",
            fontsize=_style.SMALL,
            # Luma (ITU-R BT.601): white text on dark cells.
            color="white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else _style.TEXT,
        )
    _separated(axes, num_latents, num_factors, offset=-0.5)
    axes.xaxis.tick_top()
    axes.set_xticks(range(num_factors), factors, rotation=90 if name_width > LYING else 0)
    axes.set_yticks(range(num_latents), latents)
    axes.tick_params(length=0, labelsize=_style.NORMAL)
    axes.spines[:].set_visible(False)
    if title:
        _style.titled(axes, title)
    return figure


def _traversed(model, dims, values, rest, y):
    """E[x|z, d] (latents, rows, values, *data), and the names of rows and of latents."""
    _models.check_built(model)
    _models.check_single(model)
    dims = _ranges.dims_of(model.latent_dim, dims)
    rest = np.zeros(model.latent_dim) if rest is None else np.asarray(rest, dtype="float64")
    if rest.shape != (model.latent_dim,):
        raise ValueError(
            f"`rest` must have the shape (latent_dim,) = ({model.latent_dim},), received "
            f"{rest.shape}."
        )
    categories, rows = _categories(model.num_categories)
    z = np.tile(rest, [len(dims), len(rows), len(values), 1])
    for i, dim in enumerate(dims):
        z[i, ..., dim] = values
    blocks = np.broadcast_to(categories[:, np.newaxis], [*z.shape[:-1], categories.shape[1]])
    z = np.concatenate([z, blocks], axis=-1).astype("float32")
    means = _models.decoded(model, z.reshape(-1, z.shape[-1]), y)
    return means.reshape(*z.shape[:-1], *model.target_shape), rows, [_latent(i) for i in dims]


def _categories(sizes):
    """One-hot blocks (rows, Σ S_v), one row per category of each variable, and the row names."""
    if not sizes:
        return np.zeros([1, 0]), [""]
    first = [np.eye(size)[0] for size in sizes]
    rows, names = [], []
    for v, size in enumerate(sizes):
        for k, block in enumerate(np.eye(size)):
            rows.append(np.concatenate([*first[:v], block, *first[v + 1 :]]))
            names.append(_names.in_figure(_names.category(v, k)))
    return np.array(rows), names


def _latent(index: int) -> str:
    return _names.in_figure(_names.latent(index))


def _named(name, names, default):
    """`names` as strings, checked to be as many as `default`, or `default` if None."""
    names = default if names is None else [_names.in_figure(str(one)) for one in names]
    if len(names) != len(default):
        raise ValueError(f"`{name}` must have {len(default)} entries, received {len(names)}.")
    return names


def _columns(count, panel):
    """The number of columns for `count` panels, (height, width), that comes closest to `SHAPE`."""

    def error(columns):
        width, height = columns * panel[1], math.ceil(count / columns) * panel[0]
        return abs(math.log(width / height / SHAPE))

    return min(range(1, count + 1), key=error)


def _scaled(images):
    """Images (..., h, w), (..., h, w, 1) or (..., h, w, 3), scaled to 0 (black) to 1 (white)."""
    low, high = _tiles.value_range(images, 0.005)
    shown = np.clip((images - low) / ((high - low) or 1.0), 0.0, 1.0)
    return shown[..., 0] if shown.ndim == 6 and shown.shape[-1] == 1 else shown


def _mosaic(images):
    """(rows, columns, h, w, ...) as one image (rows·h, columns·w, ...)."""
    rows, columns, h, w = images.shape[:4]
    return images.swapaxes(1, 2).reshape(rows * h, columns * w, *images.shape[4:])


def _draw(axes, images, sizes, names):
    """Draws rows of tiles and their names, with gaps between the variables; returns the image."""
    rows, columns, h, w = images.shape[:4]
    image = axes.imshow(
        _mosaic(images), cmap="gray", vmin=0.0, vmax=1.0, extent=(0, columns, rows, 0), aspect=h / w
    )
    _separated(axes, rows, columns)
    for edge in np.cumsum(sizes)[:-1]:
        axes.axhline(edge, color="white", linewidth=6.0)
    axes.set_xticks([])
    axes.set_yticks([] if names is None else np.arange(rows) + 0.5, names)
    axes.tick_params(length=0, labelsize=_style.NORMAL)
    axes.spines[:].set_visible(False)
    return image


def _redrawing(figure, artists):
    """A function that redraws `artists` only, over the rest of the figure; it returns an image."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    for artist in artists:
        artist.set_animated(True)
    canvas.draw()
    rest = canvas.copy_from_bbox(figure.bbox)

    def redraw():
        canvas.restore_region(rest)
        for artist in artists:
            figure.draw_artist(artist)
        return Image.fromarray(np.array(canvas.buffer_rgba())).convert("RGB")

    return redraw


def _separated(axes, rows, columns, offset=0.0):
    """Draws white lines between cells."""
    for draw, count in ((axes.axhline, rows), (axes.axvline, columns)):
        for edge in range(count + 1):
            draw(edge + offset, color="white", linewidth=1.5)
