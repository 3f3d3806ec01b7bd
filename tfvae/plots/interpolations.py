"""Figures of paths through the latent space: traversals of its axes and interpolations."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _names
from tfvae.geometry import LatentGraph
from tfvae.models import data
from tfvae.plots import _lines, _models, _ranges, _tiles

# Samples of the prior, and their quantiles that limit a traversal.
NUM_FOR_RANGE = 2000
TAILS = (0.01, 0.99)
# Standard deviations of the data that a traversal of a principal axis goes to each side.
AXIS_REACH = 2.0


def traversals(
    model: keras.Model,
    x: ArrayLike | None = None,
    *,
    y: Any = None,
    dims: Iterable[int] | None = None,
    num_values: int = 9,
    limits: tuple[float, float] | None = None,
    axes: Any = None,
    seed: int = 0,
) -> Figure:
    """E[x|z, d, c] while one latent varies and all else stays fixed: a row per latent dimension.

    With `axes` the coordinate along one principal axis varies in place of one latent.

    Args:
        model: a built model.
        x: one example, (*data) or (1, *data), whose embedding gives the fixed values, categories
            among them; None: a sample of the prior gives them.
        y: label and condition of this one example, for a model that needs them.
        dims: the dimensions, or the numbers of the axes, to show; None: all.
        num_values: columns.
        limits: (lowest, highest) value of z_i, or of the coordinate along an axis, which is 0 at
            the mean; None: the 1% and 99% quantiles of the prior in that dimension or, with `axes`,
            from −2 to 2 standard deviations of the data.
        axes: `tfvae.evaluation.PrincipalAxes`; None: the latents themselves.
        seed: seed of the prior samples.

    Returns:
        The figure. Vectors are shown as lines, coloured by the value of z_i; rows of a table, of a
        model with `columns`, as dots by the names of the features.

    Raises:
        ValueError: when the model is not built or models sequences, a part of y is missing, or an
            argument does not fit.

    Example, the three directions in which encodings vary most:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(50, 8, 8, 1)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=5, seed=0)
        >>> vae.build(x.shape)
        >>> axes = tfvae.evaluation.principal_axes(vae, x)
        >>> figure = tfvae.plots.traversals(vae, x[0], axes=axes, dims=range(3))
    """
    _models.check_built(model)
    _models.check_single(model)
    y = _models.beside_one(model, y)
    num_values = _ranges.at_least_two("num_values", num_values)
    latent_dim = model.latent_dim
    if axes is not None and np.shape(axes.mean) != (latent_dim,):
        raise ValueError(
            f"`axes` must be those of {latent_dim} latents, received {np.size(axes.mean)}. Find "
            "them by `tfvae.evaluation.principal_axes` of this model."
        )
    directions = np.eye(latent_dim) if axes is None else axes.directions
    dims = _ranges.dims_of(len(directions), dims)
    prior = np.asarray(model.sample_prior(NUM_FOR_RANGE, y, seed=(seed, 0)))
    base = prior[0] if x is None else data.embeddings(model, _one(model, x), y)[0]
    if limits is not None:
        low, high = (np.full(len(directions), limit) for limit in _ranges.limits_of(limits))
    elif axes is None:
        low, high = np.quantile(prior[:, :latent_dim], TAILS, axis=0)
    else:
        high = AXIS_REACH * np.sqrt(axes.variances)
        low = -high
    held = base[:latent_dim] if axes is None else axes.coordinates(base[:latent_dim])
    z = np.tile(base, [len(dims), num_values, 1]).astype("float32")
    for row, dim in zip(z, dims, strict=True):
        moved = np.linspace(low[dim], high[dim], num_values) - held[dim]
        row[:, :latent_dim] += moved[:, np.newaxis] * directions[dim]
    means = _models.decoded(model, z.reshape(-1, model.embedding_dim), y)
    rows = means.reshape(*z.shape[:2], *model.target_shape)
    titles = [
        (_names.in_figure(_names.latent(dim)) if axes is None else _axis_name(axes, dim))
        + f": {low[dim]:.1f} … {high[dim]:.1f}".replace("-", "−")
        for dim in dims
    ]
    if _tiles.are_images(model.target_shape):
        return _tiles.image_grid(rows, titles)
    values, features = np.linspace(0.0, 1.0, num_values), _models.feature_names(model)
    return _lines.fan_panels(rows, titles, values, "part of the range", features=features)


def interpolation(
    model: keras.Model,
    z_start: ArrayLike | None = None,
    z_end: ArrayLike | None = None,
    *,
    graph: LatentGraph | None = None,
    paths: dict[str, ArrayLike] | ArrayLike | None = None,
    y: Any = None,
    num_points: int = 12,
) -> Figure:
    """E[x|z, d, c] along paths from one latent point to another, a row per path.

    Args:
        model: a built model.
        z_start: (N_z,), start of a straight line. Give it with `z_end` or not at all. For a model
            with categories also (embedding_dim,), as `embed` gives it.
        z_end: end of the straight line, of the same length.
        graph: adds the path of this graph from `z_start` to `z_end`, both (N_z,).
        paths: further paths: a dict of name -> points (T, N_z), or one such array.
        y: category and condition of all points, for a model that has them: as in `decode`.
            y={"labels": k} gives the category of points without one.
        num_points: points on the straight line and on the path of the graph, at least 2.

    Returns:
        The figure. Vectors are shown as lines, coloured by the position on the path; rows of a
        table, of a model with `columns`, as dots by the names of the features.

    Raises:
        ValueError: when there is no path to show, the model models sequences, a part of y is
            missing, or an argument does not fit.
    """
    _models.check_built(model)
    _models.check_single(model)
    num_points = _ranges.at_least_two("num_points", num_points)
    ways = {}
    if (z_start is None) != (z_end is None) or (graph is not None and z_start is None):
        received = {"z_start": z_start, "z_end": z_end, "graph": graph}
        raise ValueError(
            "`z_start` and `z_end` must be given together, and `graph` with both, received "
            f"only {[name for name, value in received.items() if value is not None]}."
        )
    if z_start is not None:
        start, end = (
            _models.checked_latents(model, name, np.asarray(z)[np.newaxis])[0]
            for name, z in (("z_start", z_start), ("z_end", z_end))
        )
        parts = np.linspace(0.0, 1.0, num_points, dtype="float32")[:, np.newaxis]
        ways["straight line"] = start + parts * (end - start)
        if graph is not None:
            ways["graph path"] = graph.interpolate(start, end, num_points)
    if paths is not None:
        named = paths if isinstance(paths, dict) else {"path": paths}
        for name, points in named.items():
            ways[str(name)] = _models.checked_latents(model, f"paths[{name!r}]", points)
    if not ways:
        raise ValueError(
            "`paths` must hold at least one path, received none. Give `paths`, or `z_start` and "
            "`z_end`."
        )
    rows = [_models.decoded(model, points, y) for points in ways.values()]
    if _tiles.are_images(model.target_shape):
        return _tiles.image_grid(rows, list(ways))
    lengths = {name: len(points) for name, points in ways.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            "`paths` must all have the same number of points if the data are not images, received "
            f"{lengths}. `num_points` sets it for the straight line and the path of the graph."
        )
    values, features = np.linspace(0.0, 1.0, len(rows[0])), _models.feature_names(model)
    return _lines.fan_panels(rows, list(ways), values, "part of the way", features=features)


def _axis_name(axes, index):
    return f"axis {index} ({axes.shares[index]:.0%})"


def _one(model, x):
    """Returns a single example as a batch of one."""
    x = np.asarray(x)
    x = x[np.newaxis] if x.shape == tuple(model.data_shape) else x
    x = _models.checked_data(model, x)
    if len(x) != 1:
        raise ValueError(f"`x` must be one example, received {len(x)}. Give x[0].")
    return x
