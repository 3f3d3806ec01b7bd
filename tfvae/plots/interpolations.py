"""Figures of ways through the latent space: traversals of its axes, interpolations along paths."""

import numpy as np
from matplotlib.figure import Figure

from tfvae.plots import _lines, _models, _ranges, _tiles

# Samples of the prior that decide how far a traversal goes.
NUM_FOR_RANGE = 2000
TAILS = (0.01, 0.99)


def traversals(model, x=None, *, dims=None, num_values: int = 9, limits=None, seed: int = 0):
    """E[x|z] while one latent dimension moves and the others rest: a row for each dimension.

    Args:
        model: a built model.
        x: one example, (*data) or (1, *data), at whose encoding the others rest; None: at a sample
            of the prior.
        dims: the dimensions to show; all when None.
        num_values: columns.
        limits: (lowest, highest) value of z_i; None: from the 1% to the 99% quantile of the prior
            in that dimension.
        seed: of the prior's samples.

    Returns:
        The figure. Vectors are shown as lines, coloured by the value of z_i.

    Raises:
        ValueError: when the model is not built or is one of sequences, or an argument does not fit.
    """
    _models.check_built(model)
    _models.check_single(model, "traversals")
    num_values = _ranges.at_least_two("num_values", num_values)
    dims = _ranges.dims_of(model, dims)
    prior = _models.prior_samples(model, NUM_FOR_RANGE, seed)
    base = prior[0] if x is None else _models.codes(model, _one(model, x))[0]
    if limits is None:
        low, high = np.quantile(prior, TAILS, axis=0)
    else:
        low, high = (np.full(model.latent_dim, limit) for limit in _ranges.limits_of(limits))
    z = np.tile(base, [len(dims), num_values, 1]).astype("float32")
    for row, dim in zip(z, dims, strict=True):
        row[:, dim] = np.linspace(low[dim], high[dim], num_values)
    means = _models.decoded(model, z.reshape(-1, model.latent_dim))
    rows = means.reshape(*z.shape[:2], *model.data_shape)
    titles = [
        f"$z_{{{dim + 1}}}$: {low[dim]:.1f} … {high[dim]:.1f}".replace("-", "−") for dim in dims
    ]
    if _tiles.are_images(model.data_shape):
        return _tiles.image_grid(rows, titles)
    return _lines.fan_panels(rows, titles, np.linspace(0.0, 1.0, num_values), "part of the range")


def interpolation(
    model, z_start=None, z_end=None, *, graph=None, paths=None, num_points: int = 12
) -> Figure:
    """E[x|z] along ways from one latent point to another, a row for each way.

    Args:
        model: a built model.
        z_start: (N_z,), where the straight line begins; with `z_end`, or neither.
        z_end: (N_z,).
        graph: a `tfvae.geometry.LatentGraph`; adds its path between the two points.
        paths: dict of name -> points (T, N_z), or one such array; shown as they are.
        num_points: points on the straight line and on the path of the graph, T ≥ 2.

    Returns:
        The figure. Vectors are shown as lines, coloured by the part of the way.

    Raises:
        ValueError: when nothing to show is given, the model is one of sequences, or an argument
            does not fit.
    """
    _models.check_built(model)
    _models.check_single(model, "interpolation")
    num_points = _ranges.at_least_two("num_points", num_points)
    ways = {}
    if (z_start is None) != (z_end is None) or (graph is not None and z_start is None):
        raise ValueError("`z_start` and `z_end` belong together, and `graph` needs both of them.")
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
        raise ValueError("Nothing to show: give `z_start` and `z_end`, or `paths`.")
    rows = [_models.decoded(model, points) for points in ways.values()]
    if _tiles.are_images(model.data_shape):
        return _tiles.image_grid(rows, list(ways))
    if len({len(row) for row in rows}) > 1:
        raise ValueError("Ways of vectors must have the same number of points each.")
    return _lines.fan_panels(
        rows, list(ways), np.linspace(0.0, 1.0, len(rows[0])), "part of the way"
    )


def _one(model, x):
    """A single example as a batch of one."""
    x = np.asarray(x)
    x = x[np.newaxis] if x.shape == tuple(model.data_shape) else x
    x = _models.checked_data(model, x)
    if len(x) != 1:
        raise ValueError(f"`x` must be one example, received {len(x)}: use x[0].")
    return x
