"""Neighbourhoods that are a window along each axis of a torus."""

import abc
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.distributions.neighborhood import Neighborhood, centred, fitting

# For blocks of at least this many latents one product for each axis is faster than one for all
# axes; measured by `benchmarks.topographic`.
LARGE = 256


class Box(Neighborhood):
    """Neighbourhoods that are a window along each of their axes."""

    forms = ("matrix", "axes")

    @abc.abstractmethod
    def widths(self, shape: Sequence[int]) -> dict[int, int]:
        """Width of the window along each axis."""

    def axes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The axes along which the window is wider than one latent."""
        return tuple(axis for axis, width in sorted(self.widths(shape).items()) if width > 1)

    def block(self, shape: Sequence[int]) -> np.ndarray:
        """W, a Kronecker product of one window for each axis."""
        widths = self.widths(shape)
        block = np.ones((1, 1))
        for axis in self.axes(shape):
            block = np.kron(block, _ring(shape[axis], widths[axis]))
        return block

    def sizes(self, shape: Sequence[int]) -> np.ndarray:
        """ν, the product of the widths, without the matrix: it is the same for all latents."""
        axes, widths = self.axes(shape), self.widths(shape)
        return np.full(shape, float(math.prod(widths[axis] for axis in axes)))

    def groups(self, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """See `Neighborhood.groups`: windows do not overlap that are one latent or all of an axis.

        Latents of a group are those along the axes of which the window is all.
        """
        widths = self.widths(shape)
        axes = self.axes(shape)
        if any(widths[axis] < shape[axis] for axis in axes):
            return None
        sides = [1 if axis in axes else length for axis, length in enumerate(shape)]
        index = np.arange(math.prod(sides)).reshape(sides)
        nu = float(math.prod(shape[axis] for axis in axes))
        return np.broadcast_to(index, shape).reshape(-1), np.full(index.size, nu)

    def fastest_form(self, shape: Sequence[int]) -> str:
        """Axis by axis for large blocks."""
        return "axes" if self._block_size(shape) >= LARGE else "matrix"

    def _sums_by_axes(self, values, shape):
        """W·values with one product for each axis, as W is a Kronecker product."""
        for axis, width in self.widths(shape).items():
            if width > 1:
                ring = tf.constant(_ring(shape[axis], width), values.dtype)
                lead = len(values.shape) - len(shape)
                values = tf.ensure_shape(_product_along(values, ring, lead + axis), values.shape)
        return values


def _product_along(values, matrix, axis):
    """Σ_j matrix[i, j]·values[…, j, …] along an axis."""
    if axis == len(values.shape) - 1:
        return tf.matmul(values, matrix, transpose_b=True)
    shape = tf.shape(values)
    before, after = tf.reduce_prod(shape[:axis]), tf.reduce_prod(shape[axis + 1 :])
    slabs = tf.reshape(values, [before, shape[axis], after])
    return tf.reshape(tf.matmul(matrix, slabs), shape)


def _ring(length, width):
    """The matrix of a window on a ring, (length, length)."""
    first = np.zeros(length)
    for offset in centred(width):
        first[offset % length] += 1.0
    difference = (np.arange(length)[:, np.newaxis] - np.arange(length)) % length
    return first[difference]


@dataclasses.dataclass(frozen=True)
class Torus(Box):
    """A window around each latent of a torus of one, two, three or more dimensions.

    Args:
        width: of the window along each of the last axes of the grid: 3 or (3,) for rings, (3, 3)
            for a torus, (3, 3, 3) in three dimensions. None for an axis: all of it.

    Raises:
        ValueError: when a width is not a whole number ≥ 1.

    Example:
        >>> from tfvae.distributions import Torus
        >>> int(Torus((3, 3)).matrix((5, 5)).sum(axis=1).max())
        9
    """

    width: int | tuple[int | None, ...] | None = (3, 3)

    def __post_init__(self):
        widths = self.width if isinstance(self.width, (list, tuple)) else (self.width,)
        widths = tuple(w if w is None else _checks.positive_int("width", w) for w in widths)
        object.__setattr__(self, "width", widths)

    def widths(self, shape: Sequence[int]) -> dict[int, int]:
        """Width of the window along each of the last axes."""
        missing = len(shape) - len(self.width)
        if missing < 0:
            raise ValueError(
                f"`width` must have at most {len(shape)} entries for the grid {tuple(shape)}, "
                f"received {self.width}. Give the prior a `grid`, the shape of its latents, with "
                "an axis for each width."
            )
        pairs = zip(self.width, shape[missing:], strict=True)
        return {
            missing + axis: fitting("width", width, length, f"latents along axis {missing + axis}")
            for axis, (width, length) in enumerate(pairs)
        }
