"""Distances between all pairs of latent points: Euclidean, or along geodesics."""

from typing import Any

import keras
import numpy as np
import scipy.spatial.distance
from numpy.typing import ArrayLike

from tfvae import _checks, _progress
from tfvae.geometry.geodesics import geodesics, kept
from tfvae.geometry.metric import Mean

KINDS = ("euclidean", "geodesic")
# Pairs whose curves are held at a time.
PAIRS_AT_A_TIME = 1024


def distance_matrix(
    mean: Mean | keras.Model,
    z: ArrayLike,
    *,
    kind: str = "geodesic",
    verbose: str | int = "auto",
    **options: Any,
) -> np.ndarray:
    """Distances of all pairs, (n, N_z) -> (n, n), symmetric, 0 on the diagonal.

    Args:
        mean: function z -> x of TensorFlow, such as `decoder_mean(model, y)`, or a built model; not
            used by "euclidean".
        z: latent points, (n, N_z).
        kind: "geodesic", the length of the shortest curve found, in the unit of the data; or
            "euclidean", in the unit of the latent space.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.
        options: further arguments of `geodesics`.

    Raises:
        ValueError: when `z` is not finite or has another shape.

    Example:
        >>> import numpy as np
        >>> from tfvae.geometry import distance_matrix
        >>> distance_matrix(lambda z: 2.0 * z, [[0.0, 0.0], [3.0, 4.0]]).round(3)
        array([[ 0., 10.],
               [10.,  0.]])
    """
    kind = _checks.one_of("kind", kind, KINDS)
    z = np.asarray(z, dtype="float32")
    if z.ndim != 2 or not np.all(np.isfinite(z)):
        raise ValueError(
            f"`z` must be finite and have the shape (n, N_z), received the shape {z.shape}."
        )
    if kind == "euclidean" and len(z):
        return scipy.spatial.distance.squareform(scipy.spatial.distance.pdist(z))
    first, second = np.triu_indices(len(z), k=1)
    distances = np.zeros((len(z), len(z)))
    mean = kept(mean)
    of_pairs = {name: options.pop(name, None) for name in ("held", "start")}
    with _progress.progress(len(first), verbose, "geodesic") as add:
        for i in range(0, len(first), PAIRS_AT_A_TIME):
            rows = slice(i, i + PAIRS_AT_A_TIME)
            own = {n: None if one is None else one[rows] for n, one in of_pairs.items()}
            ends = first[rows], second[rows]
            found = geodesics(mean, z[ends[0]], z[ends[1]], verbose=0, **own, **options)
            distances[ends] = distances[ends[::-1]] = found.lengths
            add(len(ends[0]))
    return distances
