"""Neighbourhoods of the topographic product: the squares that each latent's denominator sums."""

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks


class Neighborhood(abc.ABC):
    """v = W·u² over a grid of latents; W is a fixed 0/1 matrix.

    A subclass gives `axes` and `block`: the axes of the grid along which a neighbourhood extends,
    and the matrix over them. All other axes hold independent copies.
    """

    @abc.abstractmethod
    def axes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The axes of a grid `shape` along which neighbourhoods extend, in ascending order."""

    @abc.abstractmethod
    def block(self, shape: Sequence[int]) -> np.ndarray:
        """W over the latents of `axes` alone, (n, n) float64, rows and columns in C order.

        Raises:
            ValueError: when the neighbourhood does not fit the grid.
        """

    def matrix(self, shape: Sequence[int]) -> np.ndarray:
        """W over the whole grid, (N, N) float64 with N = Π shape, in C order."""
        shape, axes = tuple(shape), self.axes(shape)
        others = [axis for axis in range(len(shape)) if axis not in axes]
        copies = np.eye(math.prod(shape[axis] for axis in others))
        sizes = [shape[axis] for axis in (*others, *axes)]
        whole = np.kron(copies, self.block(shape)).reshape(sizes + sizes)
        back = np.argsort([*others, *axes])
        size = math.prod(shape)
        return whole.transpose([*back, *(back + len(shape))]).reshape(size, size)

    def sizes(self, shape: Sequence[int]) -> np.ndarray:
        """ν, the number of squares that each denominator sums, float64 (*shape)."""
        axes = self.axes(shape)
        counts = self.block(shape).sum(axis=1)
        counts = counts.reshape([n if axis in axes else 1 for axis, n in enumerate(shape)])
        return np.broadcast_to(counts, shape)

    def groups(self, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """The group of each latent, (N,), and ν of each group; None when neighbourhoods overlap.

        Latents of one group have the same neighbourhood.
        """
        rows, index = np.unique(self.matrix(shape), axis=0, return_inverse=True)
        return None if np.any(rows.sum(axis=0) > 1.0) else (index.reshape(-1), rows.sum(axis=1))

    def sums(self, values: tf.Tensor, shape: Sequence[int], form: str | None = None) -> tf.Tensor:
        """v = W·values, (..., *shape) -> (..., *shape).

        Args:
            values: the terms of the sums, such as u².
            shape: of the grid.
            form: one of `forms`; "matrix" is a product with the matrix of a block. None: the
                fastest for a grid of this size.

        Raises:
            ValueError: when `form` is unknown, or the neighbourhood does not fit the grid.
        """
        form = self.fastest_form(shape) if form is None else form
        return getattr(self, f"_sums_by_{_checks.one_of('form', form, self.forms)}")(values, shape)

    forms = ("matrix",)
    """The values of `form` that `sums` knows."""

    def fastest_form(self, shape: Sequence[int]) -> str:
        """The form that `sums` uses by default."""
        return "matrix"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as plain Python."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Neighborhood":
        """The neighbourhood with the arguments in `config`."""
        return cls(**config)

    def _block_size(self, shape):
        return math.prod(shape[axis] for axis in self.axes(shape))

    def _sums_by_matrix(self, values, shape):
        block = tf.constant(self.block(shape), values.dtype)
        return self._along_axes(
            lambda rows: tf.matmul(rows, block, transpose_b=True), values, shape
        )

    def _along_axes(self, function, values, shape):
        """Applies a function of rows (..., n) to the axes of the neighbourhood, joined."""
        axes = self.axes(shape)
        others = [axis for axis in range(len(shape)) if axis not in axes]
        lead = len(values.shape) - len(shape)
        order = [*range(lead), *(lead + axis for axis in (*others, *axes))]
        moved = tf.transpose(values, order)
        joined = tf.reshape(moved, [-1, self._block_size(shape)])
        result = tf.reshape(function(joined), tf.shape(moved))
        return tf.ensure_shape(tf.transpose(result, np.argsort(order)), values.shape)


def centred(width: int) -> range:
    """Offsets −⌊w/2⌋, …, ⌈w/2⌉ − 1 of a window of w."""
    return range(-(width // 2), (width + 1) // 2)


def fitting(name: str, width: int | None, length: int, what: str) -> int:
    """`width`, or `length` when `width` is None.

    Raises:
        ValueError: when the window is longer than the axis; it would count latents twice.
    """
    width = length if width is None else width
    if width > length:
        raise ValueError(
            f"`{name}` must be at most {length}, the number of {what}, received {width}. Give the "
            "neighbourhood a smaller one."
        )
    return width


@dataclasses.dataclass(frozen=True, eq=False)
class Explicit(Neighborhood):
    """Any 0/1 matrix W over all latents of the grid, in C order.

    Args:
        rows: W, (N, N); row i marks the squares that the denominator of latent i sums.

    Raises:
        ValueError: when it is not square, holds numbers other than 0 and 1, or has an empty row.

    Example, two independent pairs:
        >>> from tfvae.distributions import Explicit
        >>> pairs = Explicit([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
        >>> pairs.sizes((4,))
        array([2., 2., 2., 2.])
    """

    rows: ArrayLike

    def __post_init__(self):
        rows = np.asarray(self.rows, dtype="float64")
        if rows.ndim != 2 or rows.shape[0] != rows.shape[1] or not len(rows):
            raise ValueError(f"`rows` must be a square matrix, received the shape {rows.shape}.")
        others = rows[(rows != 0.0) & (rows != 1.0)]
        if len(others):
            raise ValueError(f"`rows` must hold nothing but 0 and 1, received {others[0]:g}.")
        if np.any(rows.sum(axis=1) == 0.0):
            empty = int(np.argmin(rows.sum(axis=1)))
            raise ValueError(
                f"`rows` must have a 1 in every row, received none in row {empty}. Its latent "
                "would be divided by 0."
            )
        object.__setattr__(self, "rows", rows)

    def axes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """All axes."""
        return tuple(range(len(shape)))

    def block(self, shape: Sequence[int]) -> np.ndarray:
        """W itself."""
        if math.prod(shape) != len(self.rows):
            raise ValueError(
                f"`rows` must be a matrix over the {math.prod(shape)} latents of the grid "
                f"{tuple(shape)}, received one over {len(self.rows)}."
            )
        return self.rows
