"""Figures of disentanglement: traversals in each category, latents against factors."""

import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tfvae import _checks
from tfvae.plots import _lines, _models, _ranges, _style, _tiles

# Width over height of all tiles together that the panels of a figure aim at.
SHAPE = 1.5
# Inches: above a panel and beside it; a cell with a number; the longest name that lies above one;
# the line that tells a value.
TITLE, MARGIN = 0.3, 0.12
NUMBER = (0.56, 0.34)
LYING = 0.5
VALUE = 0.75
DPI = 100


def category_traversals(
    model, *, dims=None, num_values: int = 7, limits=(-2.0, 2.0), rest=None
) -> Figure:
    """E[x|z, d] while one continuous latent moves, in each category: a panel for each latent.

    The rows of a panel are the categories e_1, …, e_S. Those of several discrete variables are
    shown one variable after the other, while the others are at their first category; a model
    without any has one row.

    Args:
        model: a built model with `latent_dim` = m, `num_categories` = (S_1, …, S_V), and
            `decode_mean` of codes (n, m + Σ S_v): continuous latents, then one-hot blocks.
        dims: the continuous latents to show; all when None.
        num_values: columns of a panel.
        limits: (lowest, highest) value of the latent that moves.
        rest: (m,), where the other continuous latents rest; at 0 when None.

    Returns:
        The figure. Vectors are shown as lines, coloured by the value of the latent.

    Raises:
        ValueError: when the model is not built or is one of sequences, or an argument does not fit.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=4, seed=0)
        >>> vae.build((None, 8, 8, 1))
        >>> len(tfvae.plots.category_traversals(vae).axes)
        4
    """
    values = np.linspace(*_ranges.limits_of(limits), _ranges.at_least_two("num_values", num_values))
    means, rows, latents = _traversed(model, "category_traversals", dims, values, rest)
    if not _tiles.are_images(model.data_shape):
        panels = means.swapaxes(0, 1).reshape(-1, num_values, *model.data_shape)
        titles = [", ".join(filter(None, (latent, row))) for row in rows for latent in latents]
        return _lines.fan_panels(panels, titles, values, "value of $z_i$", len(latents))
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
    model,
    path,
    *,
    dims=None,
    num_values: int = 21,
    limits=(-2.0, 2.0),
    rest=None,
    fps: float = 10.0,
    size: int = 64,
):
    """Writes the traversals of all latents as an animated GIF: a row of tiles for each category.

    The tile in row k and column i is E[x|z, e_k] while z_i moves from the lowest value to the
    highest and back, a frame for each value, for ever.

    Args:
        model: a built model of images; see `category_traversals`, too, for what is not said here.
        path: of the file.
        dims: the continuous latents to show; all when None.
        num_values: frames from the lowest to the highest value; 2·num_values − 2 there and back.
        limits: (lowest, highest) value of the latent that moves.
        rest: (m,), where the other continuous latents rest; at 0 when None.
        fps: frames a second; GIFs know hundredths of a second.
        size: width of a tile, pixels.

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
    means, rows, latents = _traversed(model, "traversal_gif", dims, values, rest)
    if not _tiles.are_images(model.data_shape):
        raise ValueError(
            "`traversal_gif` needs grey or colour images; those of this model have the shape "
            f"{tuple(model.data_shape)}: `category_traversals` shows vectors."
        )
    shown = _scaled(means).swapaxes(0, 2)
    cell, aspect = size / DPI, shown.shape[3] / shown.shape[4]
    grid = (cell * len(latents), cell * aspect * len(rows))
    left = max(map(_style.text_width, rows)) + MARGIN
    figure = _style.new_figure(left + max(grid[0], VALUE) + MARGIN, grid[1] + 2 * TITLE)
    # Placed by hand: nothing may move from one frame to the next.
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
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=round(1000 / fps), loop=0
    )


def latents_against_factors(
    matrix, latent_names=None, factor_names=None, *, title: str = ""
) -> Figure:
    """A matrix of latents against factors in colours, with its numbers in the cells.

    Args:
        matrix: (N, F), such as mutual information or importance; N latents, discrete ones too.
        latent_names: of the rows; None: z_1, …, z_N.
        factor_names: of the columns; None: their numbers.
        title: what the numbers are, and their unit.

    Returns:
        The figure. Negative numbers are blue, positive ones red, where there are negative ones;
        grey: not a number.

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
    latents = _names("latent_names", latent_names, [_latent(i) for i in range(num_latents)])
    factors = _names("factor_names", factor_names, [f"factor {i + 1}" for i in range(num_factors)])
    finite = matrix[np.isfinite(matrix)]
    highest = float(np.max(np.abs(finite), initial=0.0)) or 1.0
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
            # Perceived brightness (ITU-R BT.601).
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


def _traversed(model, what, dims, values, rest):
    """E[x|z, d] (latents, rows, values, *data), and the names of rows and of latents."""
    _models.check_built(model)
    _models.check_single(model, what)
    dims = _ranges.dims_of(model, dims)
    rest = np.zeros(model.latent_dim) if rest is None else np.asarray(rest, dtype="float64")
    if rest.shape != (model.latent_dim,):
        raise ValueError(
            f"`rest` must have the shape ({model.latent_dim},), latent_dim = {model.latent_dim}; "
            f"received {rest.shape}."
        )
    categories, rows = _categories(model.num_categories)
    z = np.tile(rest, [len(dims), len(rows), len(values), 1])
    for i, dim in enumerate(dims):
        z[i, ..., dim] = values
    blocks = np.broadcast_to(categories[:, np.newaxis], [*z.shape[:-1], categories.shape[1]])
    codes = np.concatenate([z, blocks], axis=-1).astype("float32")
    means = _models.decoded(model, codes.reshape(-1, codes.shape[-1]))
    return means.reshape(*codes.shape[:-1], *model.data_shape), rows, [_latent(i) for i in dims]


def _categories(sizes):
    """One-hot blocks (rows, Σ S_v) of each category of each variable, and the rows' names."""
    if not sizes:
        return np.zeros([1, 0]), [""]
    first = [np.eye(size)[0] for size in sizes]
    codes, names = [], []
    for v, size in enumerate(sizes):
        for k, block in enumerate(np.eye(size)):
            codes.append(np.concatenate([*first[:v], block, *first[v + 1 :]]))
            variable = f"$d_{{{v + 1}}}$ = " if len(sizes) > 1 else ""
            names.append(f"{variable}$e_{{{k + 1}}}$")
    return np.array(codes), names


def _latent(index):
    return f"$z_{{{index + 1}}}$"


def _names(name, names, default):
    """`names` as texts, one for each of `default`."""
    names = default if names is None else [str(one) for one in names]
    if len(names) != len(default):
        raise ValueError(f"`{name}` must have {len(default)} entries, received {len(names)}.")
    return names


def _columns(count, panel):
    """In how many columns `count` panels, (height, width), are closest to `SHAPE` together."""

    def error(columns):
        width, height = columns * panel[1], math.ceil(count / columns) * panel[0]
        return abs(math.log(width / height / SHAPE))

    return min(range(1, count + 1), key=error)


def _scaled(images):
    """Images (..., h, w), (..., h, w, 1) or (..., h, w, 3) from 0, black, to 1, white."""
    low, high = _tiles.value_range(images, 0.005)
    shown = np.clip((images - low) / ((high - low) or 1.0), 0.0, 1.0)
    return shown[..., 0] if shown.ndim == 6 and shown.shape[-1] == 1 else shown


def _mosaic(images):
    """(rows, columns, h, w, ...) as one image (rows·h, columns·w, ...)."""
    rows, columns, h, w = images.shape[:4]
    return images.swapaxes(1, 2).reshape(rows * h, columns * w, *images.shape[4:])


def _draw(axes, images, sizes, names):
    """Rows of tiles and their names, gaps between variables of `sizes`; returns the image."""
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
    """A function that draws `artists` anew over all the rest, which is drawn once: an image."""
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
    """White lines between cells."""
    for draw, count in ((axes.axhline, rows), (axes.axvline, columns)):
        for edge in range(count + 1):
            draw(edge + offset, color="white", linewidth=1.5)
