"""Neighbourhoods over time and within a capsule: with a roll, or stationary."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.distributions.neighborhood import Neighborhood, centred, fitting
from tfvae.distributions.torus import Box

# Latents of a block from which on the FFT takes less time than one product with its matrix;
# measured by `benchmarks.topographic`.
LARGE = 1024


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
        return fitting("window", self.window, shape[0], "frames")

    def _coherence(self, shape):
        return fitting("coherence", self.coherence, shape[2], "latents in a capsule")


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
        return "fft" if self._block_size(shape) >= LARGE else "matrix"

    def _sums_by_fft(self, values, shape):
        """By the convolution theorem; what rounding makes negative is 0."""
        grid = [shape[0], shape[2]]
        kernel = tf.signal.rfft2d(tf.constant(self._kernel(shape), values.dtype))

        def convolved(rows):
            planes = tf.reshape(rows, tf.concat([tf.shape(rows)[:-1], grid], axis=0))
            planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * kernel, fft_length=grid)
            return tf.nn.relu(tf.reshape(planes, tf.shape(rows)))

        return self._along_axes(convolved, values, shape)


@dataclasses.dataclass(frozen=True)
class Bubble(_Capsules, Box):
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
        return Box.axes(self, shape)

    def widths(self, shape):
        """Of the window in time and of that in the capsule."""
        return {0: self._window(shape), 2: self._coherence(shape)}
