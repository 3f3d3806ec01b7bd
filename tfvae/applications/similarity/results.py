"""What a search returns."""

from typing import Any, NamedTuple

import numpy as np


class SearchResult(NamedTuple):
    """The nearest neighbours of n queries, the nearest first."""

    ids: list[list[int | str]]
    """The neighbours' ids, (n, k) as lists."""
    distances: np.ndarray
    """Their distances, (n, k): Euclidean, in the unit of the latent space, or 1 − cosine."""
    metadata: list[list[Any]]
    """The neighbours' metadata, (n, k) as lists; None for neighbours without metadata."""


class RangeResult(NamedTuple):
    """All that is within a radius of n queries, the nearest first; a list for each query."""

    ids: list[list[int | str]]
    """Their ids."""
    distances: list[np.ndarray]
    """Their distances: Euclidean, in the unit of the latent space, or 1 − cosine."""
    metadata: list[list[Any]]
    """Their metadata; None for those without metadata."""
