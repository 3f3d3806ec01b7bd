"""Neighbourhoods of the topographic product: which squares the denominator of a latent sums."""

import abc
import dataclasses
import math

import numpy as np
import tensorflow as tf

from tfvae import _checks

# Latents of a block from which on the form named takes less time than one product with its matrix;
# measured by `benchmarks.topographic`.
LARGE_FOR_AXES, LARGE_FOR_FFT = 256, 1024


class Neighborhood(abc.ABC):
    """v = W·u² over latents that are laid out in a grid; W is a 0/1 matrix, fixed.

    A subclass gives `axes` and `block`: the axes of the grid along which a neighbourhood extends,
    and the matrix over them. All other axes hold copies that know nothing of each other.
    """

    @abc.abstractmethod
    def axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The axes of a grid of that shape along which neighbourhoods extend, rising."""

    @abc.abstractmethod
    def block(self, shape: tuple[int, ...]) -> np.ndarray:
        """W over the latents of these axes alone, (n, n) float64, rows and columns in C order.

        Raises:
            ValueError: when the neighbourhood does not fit the grid.
        """

    def matrix(self, shape: tuple[int, ...]) -> np.ndarray:
        """W over the whole grid, (N, N) float64 with N = Π shape, in C order."""
        shape, axes = tuple(shape), self.axes(shape)
        others = [axis for axis in range(len(shape)) if axis not in axes]
        copies = np.eye(math.prod(shape[axis] for axis in others))
        sizes = [shape[axis] for axis in (*others, *axes)]
        whole = np.kron(copies, self.block(shape)).reshape(sizes + sizes)
        back = np.argsort([*others, *axes])
        size = math.prod(shape)
        return whole.transpose([*back, *(back + len(shape))]).reshape(size, size)

    def sizes(self, shape: tuple[int, ...]) -> np.ndarray:
        """ν, the number of squares that each denominator sums, float64 (*shape)."""
        axes = self.axes(shape)
        counts = self.block(shape).sum(axis=1)
        counts = counts.reshape([n if axis in axes else 1 for axis, n in enumerate(shape)])
        return np.broadcast_to(counts, shape)

    def sums(self, values: tf.Tensor, shape: tuple[int, ...], form: str | None = None) -> tf.Tensor:
        """v = W·values, (..., *shape) -> (..., *shape).

        Args:
            values: u², or whatever is to be summed.
            shape: of the grid.
            form: "matrix", one product with the matrix of a block; others are the subclass's. None:
                the fastest for a grid of this size.
        """
        form = self.fastest_form(shape) if form is None else form
        return getattr(self, f"_sums_by_{_checks.one_of('form', form, self.forms)}")(values, shape)

    forms = ("matrix",)
    """What `form` may be."""

    def fastest_form(self, shape: tuple[int, ...]) -> str:
        """The form that `sums` takes by default."""
        return "matrix"

    def get_config(self) -> dict:
        """The constructor's arguments, as plain Python."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields.items()}

    @classmethod
    def from_config(cls, config):
        """The neighbourhood of such a dict."""
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


def _fitting(name, width, length, what):
    """`width`, or all of `length` where it is None.

    Raises:
        ValueError: when the window is longer than the axis: it would count latents twice.
    """
    width = length if width is None else width
    if width > length:
        raise ValueError(f"`{name}` is {width}, but there are only {length} {what}.")
    return width


def _odd(name, value):
    value = _checks.positive_int(name, value)
    if value % 2 == 0:
        raise ValueError(f"`{name}` must be odd, so that it has a middle; received {value}.")
    return value


class _Capsules(Neighborhood):
    """Neighbourhoods over time and within a capsule, on a grid (T, number of capsules, C)."""

    def axes(self, shape):
        """Time and the places in a capsule."""
        if len(shape) != 3:
            raise ValueError(
                f"{type(self).__name__} needs a grid of (frames, capsules, capsule size), received "
                f"{tuple(shape)}: it is for sequences."
            )
        return 0, 2

    def _window(self, shape):
        return _fitting("window", self.window, shape[0], "frames")

    def _coherence(self, shape):
        return _fitting("coherence", self.coherence, shape[2], "latents in a capsule")


@dataclasses.dataclass(frozen=True)
class Shifting(_Capsules):
    """Temporal coherence that shifts: one step in time is one roll in the capsule [KW21, eq. 10].

        v[l, c] = Σ_{(a, b)} u²[(l − a) mod T, (c − b) mod C],
        a, b ∈ {−⌊w/2⌋, …, ⌈w/2⌉ − 1}, |a − b| ≤ (K − 1)/2

    Args:
        window: w, frames; None: all of them (L = 1/2 in the paper); 1: no coherence (L = 0).
        coherence: K, odd.

    Raises:
        ValueError: when an argument is no whole number ≥ 1, or K is even.

    Example:
        >>> from tfvae.distributions import Shifting
        >>> int(Shifting().sizes((18, 1, 18))[0, 0, 0]), int(Shifting(1).sizes((18, 1, 18)).max())
        (52, 1)
    """

    window: int | None = None
    coherence: int = 3
    forms = ("matrix", "fft")

    def __post_init__(self):
        if self.window is not None:
            _checks.positive_int("window", self.window)
        _odd("coherence", self.coherence)

    def offsets(self, shape) -> list[tuple[int, int]]:
        """All (a, b)."""
        window = centred(self._window(shape))
        reach = (self._coherence(shape) - 1) // 2
        return [(a, b) for a in window for b in window if abs(a - b) <= reach]

    def _kernel(self, shape):
        """1 at each offset, (T, C)."""
        kernel = np.zeros((shape[0], shape[2]))
        for a, b in self.offsets(shape):
            kernel[a % shape[0], b % shape[2]] += 1.0
        return kernel

    def block(self, shape):
        """W over time and places, from the offsets."""
        self.axes(shape)
        frames, _, size = shape
        kernel = self._kernel(shape)
        if kernel.max() > 1.0:
            raise ValueError(f"{self} counts latents twice in a capsule of {size}: choose less.")
        time = (np.arange(frames)[:, np.newaxis] - np.arange(frames)) % frames
        place = (np.arange(size)[:, np.newaxis] - np.arange(size)) % size
        block = kernel[time[:, np.newaxis, :, np.newaxis], place[np.newaxis, :, np.newaxis, :]]
        return block.reshape(frames * size, frames * size)

    def fastest_form(self, shape):
        """The FFT for large blocks."""
        return "fft" if self._block_size(shape) >= LARGE_FOR_FFT else "matrix"

    def _sums_by_fft(self, values, shape):
        """By the convolution theorem; what rounding makes negative is 0."""
        grid = [shape[0], shape[2]]
        kernel = tf.signal.rfft2d(tf.constant(self._kernel(shape), values.dtype))

        def convolved(rows):
            planes = tf.reshape(rows, tf.concat([tf.shape(rows)[:-1], grid], axis=0))
            planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * kernel, fft_length=grid)
            return tf.nn.relu(tf.reshape(planes, tf.shape(rows)))

        return self._along_axes(convolved, values, shape)


class _Box(Neighborhood):
    """Neighbourhoods that are a window along each of their axes."""

    forms = ("matrix", "axes")

    @abc.abstractmethod
    def widths(self, shape) -> dict[int, int]:
        """Width of the window along each axis."""

    def axes(self, shape):
        """Those along which the window is wider than one latent."""
        return tuple(axis for axis, width in sorted(self.widths(shape).items()) if width > 1)

    def block(self, shape):
        """W, a Kronecker product of one window for each axis."""
        widths = self.widths(shape)
        block = np.ones((1, 1))
        for axis in self.axes(shape):
            block = np.kron(block, _ring(shape[axis], widths[axis]))
        return block

    def fastest_form(self, shape):
        """Axis by axis for large blocks."""
        return "axes" if self._block_size(shape) >= LARGE_FOR_AXES else "matrix"

    def _sums_by_axes(self, values, shape):
        """One product for each axis: W is a Kronecker product."""
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
class Bubble(_Capsules, _Box):
    """Stationary temporal coherence: a window in time and one in the capsule, no roll [KW21].

        v[l, c] = Σ_a Σ_b u²[(l − a) mod T, (c − b) mod C],
        a ∈ {−⌊w/2⌋, …, ⌈w/2⌉ − 1}, |b| ≤ (K − 1)/2

    Args:
        window: w, frames; None: all of them.
        coherence: K, odd.

    Raises:
        ValueError: when an argument is no whole number ≥ 1, or K is even.

    Example:
        >>> from tfvae.distributions import Bubble
        >>> int(Bubble(window=5).sizes((18, 1, 18))[0, 0, 0])
        15
    """

    window: int | None = None
    coherence: int = 3

    def __post_init__(self):
        if self.window is not None:
            _checks.positive_int("window", self.window)
        _odd("coherence", self.coherence)

    def axes(self, shape):
        """Time and the places in a capsule, as far as the windows reach beyond one latent."""
        _Capsules.axes(self, shape)
        return _Box.axes(self, shape)

    def widths(self, shape):
        """Of the window in time and of that in the capsule."""
        return {0: self._window(shape), 2: self._coherence(shape)}


@dataclasses.dataclass(frozen=True)
class Torus(_Box):
    """A window around each latent of a torus of one, two, three or more dimensions.

    Args:
        width: of the window along each of the last axes of the grid: 3 or (3,) for rings, (3, 3)
            for a torus, (3, 3, 3) in three dimensions. None along an axis: all of it.

    Raises:
        ValueError: when a width is no whole number ≥ 1.

    Example:
        >>> from tfvae.distributions import Torus
        >>> Torus((3, 3)).matrix((5, 5)).sum(axis=1).max()
        9.0
    """

    width: int | tuple[int | None, ...] | None = (3, 3)

    def __post_init__(self):
        widths = self.width if isinstance(self.width, (list, tuple)) else (self.width,)
        widths = tuple(widths)
        for width in widths:
            if width is not None:
                _checks.positive_int("width", width)
        object.__setattr__(self, "width", widths)

    def widths(self, shape):
        """Of the window along each of the last axes."""
        missing = len(shape) - len(self.width)
        if missing < 0:
            raise ValueError(
                f"{self} has more axes than the grid of latents {tuple(shape)}: give the prior a "
                "`grid`, the shape in which its latents are laid out."
            )
        pairs = zip(self.width, shape[missing:], strict=True)
        return {
            missing + axis: _fitting("width", width, length, f"latents along axis {missing + axis}")
            for axis, (width, length) in enumerate(pairs)
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Explicit(Neighborhood):
    """Any 0/1 matrix W over all latents of the grid, in C order.

    Args:
        rows: W, (N, N): row i says which squares the denominator of latent i sums.

    Raises:
        ValueError: when it is not square, holds other numbers, or has an empty row.

    Example, two independent pairs:
        >>> from tfvae.distributions import Explicit
        >>> pairs = Explicit([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
        >>> pairs.sizes((4,))
        array([2., 2., 2., 2.])
    """

    rows: np.ndarray

    def __post_init__(self):
        rows = np.asarray(self.rows, dtype="float64")
        if rows.ndim != 2 or rows.shape[0] != rows.shape[1] or not len(rows):
            raise ValueError(f"`rows` must be a square matrix, received the shape {rows.shape}.")
        if not np.all((rows == 0.0) | (rows == 1.0)):
            raise ValueError("`rows` must hold nothing but 0 and 1.")
        if np.any(rows.sum(axis=1) == 0.0):
            empty = int(np.argmin(rows.sum(axis=1)))
            raise ValueError(f"Row {empty} of `rows` is empty: its latent would be divided by 0.")
        object.__setattr__(self, "rows", rows)

    def axes(self, shape):
        """All of them."""
        return tuple(range(len(shape)))

    def block(self, shape):
        """W itself."""
        if math.prod(shape) != len(self.rows):
            raise ValueError(
                f"The grid {tuple(shape)} has {math.prod(shape)} latents, but `rows` is a matrix "
                f"over {len(self.rows)}."
            )
        return self.rows


NAMES = {"bubble": Bubble, "shifting": Shifting, "torus": Torus}


def get(identifier) -> Neighborhood:
    """The neighbourhood for a short name ("shifting", "bubble", "torus") or the object itself."""
    return _checks.named_object("neighborhood", identifier, Neighborhood, NAMES)
