"""Euclidean and cosine distances, both from squared Euclidean ones."""

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks

NAMES = ("euclidean", "cosine")
# float32 is squared in distances.
LARGEST = 1e15


class Metric:
    """A distance of vectors, (n, dim), as a function of the squared Euclidean one, s.

    "euclidean": √s. "cosine": 1 − cos(a, b) = s / 2 for vectors of unit length, as `checked` makes
    them.
    """

    def __init__(self, name: str, dim: int) -> None:
        self.name = _checks.one_of("metric", name, NAMES)
        self.dim = dim

    def distances(self, squares: np.ndarray) -> np.ndarray:
        """Distances of squared Euclidean ones."""
        squares = np.maximum(squares, 0.0)
        return 0.5 * squares if self.name == "cosine" else np.sqrt(squares)

    def reach(self, radius: float) -> float:
        """The Euclidean distance of a distance."""
        return float(np.sqrt(2.0 * radius)) if self.name == "cosine" else radius

    def checked(self, z: ArrayLike, name: str = "z") -> np.ndarray:
        """Rows of float32, of unit length for the cosine.

        Raises:
            ValueError: when `z` has no such rows.
        """
        try:
            if np.ma.is_masked(z) or np.iscomplexobj(z):
                raise ValueError("complex or masked ones")
            with np.errstate(over="ignore"):  # What overflows is not finite.
                z = np.ascontiguousarray(z, dtype="float32")
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"`{name}` must be an array of numbers, received others: {error}."
            ) from error
        if z.ndim != 2 or z.shape[1] != self.dim or not np.all(np.isfinite(z)):
            raise ValueError(
                f"`{name}` must be finite and have the shape (n, {self.dim}), received the shape "
                f"{z.shape}."
            )
        if np.any(np.abs(z) > LARGEST):
            raise ValueError(
                f"`{name}` must lie in ±{LARGEST:g}, where squared distances are finite, received "
                f"{np.max(np.abs(z)):g}."
            )
        return self._unit(z, name) if self.name == "cosine" else z

    def _unit(self, z, name):
        lengths = np.linalg.norm(z.astype("float64"), axis=1, keepdims=True)
        if not np.all(lengths > 0):
            raise ValueError(
                f"`{name}` must have no row of zeros, which has no cosine, received one at the "
                f"position {int(np.argmin(lengths))}."
            )
        return (z / lengths).astype("float32")
