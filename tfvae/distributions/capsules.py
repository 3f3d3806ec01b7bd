"""Neighbourhoods over time and within a capsule: with a roll, or stationary."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.distributions.neighborhood import Neighborhood, centred, fitting
from tfvae.distributions.torus import Box

# For blocks of at least this many latents the FFT is faster than a product with the matrix;
# measured by `benchmarks.topographic`.
LARGE = 1024


def _odd(name: str, value: int) -> int:
    value = _checks.positive_int(name, value)
    if value % 2 == 0:
        raise ValueError(
            f"`{name}` must be odd, received {value}. Choose {value - 1} or {value + 1}."
        )
    return value


class _Capsules(Neighborhood):
    """Neighbourhoods over time and within a capsule, on a grid (T, number of capsules, C)."""

    def axes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The axes of time and of the positions in a capsule."""
        if len(shape) != 3:
            raise ValueError(
                f"`shape` must be a grid of (frames, capsules, capsule size) for "
                f"{type(self).__name__}, received {tuple(shape)}: it is for sequences. Choose "
                "`Torus` for other data."
            )
        return 0, 2

    def _keep_checked(self):
        window = None if self.window is None else _checks.positive_int("window", self.window)
        object.__setattr__(self, "window", window)
        object.__setattr__(self, "coherence", _odd("coherence", self.coherence))

    def _window(self, shape):
        return fitting("window", self.window, shape[0], "frames")

    def _coherence(self, shape):
        return fitting("coherence", self.coherence, shape[2], "latents in a capsule")


@dataclasses.dataclass(frozen=True)
class Shifting(_Capsules):
    """Temporal coherence that shifts: one step in time is one roll in the capsule [KW21].

        v[l, c] = Σ_{(a, b)} u²[(l − a) mod T, (c − b) mod C],
        a, b ∈ {−⌊w/2⌋, …, ⌈w/2⌉ − 1}, |a − b| ≤ (K − 1)/2

    The paper's L = 0 is not a window of one frame here, which would leave each latent its own
    square alone, but K neighbours in the capsule without a roll: `Bubble(window=1)`.

    Args:
        window: w, frames; the paper's 2L is the share w/T. None: all of them, its L = 1/2.
        coherence: K, odd, at most 2w − 1: |a − b| is never above w − 1.

    Raises:
        ValueError: when an argument is not a whole number ≥ 1, K is even or above 2w − 1.

    Example:
        >>> from tfvae.distributions import Shifting
        >>> int(Shifting().sizes((18, 1, 18))[0, 0, 0])
        52
    """

    window: int | None = None
    coherence: int = 3
    forms = ("matrix", "fft")

    def __post_init__(self):
        self._keep_checked()
        if self.window is not None:
            self._check_reach(self.window)

    def _check_reach(self, window):
        """Refuses a K of which the window would leave out a part without a word."""
        if self.coherence > 2 * window - 1:
            raise ValueError(
                f"`coherence` must be at most {2 * window - 1} in a window of {window} frames that "
                f"shifts, received {self.coherence}. Choose a wider window; `Bubble(window=1)` has "
                "neighbours in the capsule without a roll, the published L = 0."
            )

    def offsets(self, shape: Sequence[int]) -> list[tuple[int, int]]:
        """All (a, b) of the sum."""
        self._check_reach(self._window(shape))
        window = centred(self._window(shape))
        reach = (self._coherence(shape) - 1) // 2
        return [(a, b) for a in window for b in window if abs(a - b) <= reach]

    def _kernel(self, shape):
        """1 at each offset, (T, C).

        Raises:
            ValueError: when a latent would count twice.
        """
        self.axes(shape)
        kernel = np.zeros((shape[0], shape[2]))
        for a, b in self.offsets(shape):
            kernel[a % shape[0], b % shape[2]] += 1.0
        if kernel.max() > 1.0:
            raise ValueError(
                f"`window` and `coherence` must not count a latent twice in a capsule of "
                f"{shape[2]}, received {self}. Choose smaller ones."
            )
        return kernel

    def sizes(self, shape: Sequence[int]) -> np.ndarray:
        """ν, the number of offsets, without the matrix: it is the same for all latents."""
        return np.full(shape, self._kernel(shape).sum())

    def groups(self, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray] | None:
        """See `Neighborhood.groups`; the matrix is made only where there is no overlap."""
        kernel = self._kernel(shape)
        # The number of squares that two neighbourhoods share, by the offset between them.
        spectrum = np.abs(np.fft.rfft2(kernel)) ** 2
        common = np.round(np.fft.irfft2(spectrum, s=kernel.shape))
        if np.any((common > 0.0) & (common < kernel.sum())):
            return None
        return super().groups(shape)

    def block(self, shape: Sequence[int]) -> np.ndarray:
        """W over time and positions, from the offsets."""
        kernel = self._kernel(shape)
        frames, _, size = shape
        time = (np.arange(frames)[:, np.newaxis] - np.arange(frames)) % frames
        place = (np.arange(size)[:, np.newaxis] - np.arange(size)) % size
        block = kernel[time[:, np.newaxis, :, np.newaxis], place[np.newaxis, :, np.newaxis, :]]
        return block.reshape(frames * size, frames * size)

    def fastest_form(self, shape: Sequence[int]) -> str:
        """The FFT for large blocks."""
        return "fft" if self._block_size(shape) >= LARGE else "matrix"

    def _sums_by_fft(self, values, shape):
        """W·values by the convolution theorem; values that rounding makes negative become 0."""
        grid = [shape[0], shape[2]]
        kernel = tf.signal.rfft2d(tf.constant(self._kernel(shape), values.dtype))

        def convolved(rows):
            planes = tf.reshape(rows, tf.concat([tf.shape(rows)[:-1], grid], axis=0))
            planes = tf.signal.irfft2d(tf.signal.rfft2d(planes) * kernel, fft_length=grid)
            return tf.nn.relu(tf.reshape(planes, tf.shape(rows)))

        return self._along_axes(convolved, values, shape)


@dataclasses.dataclass(frozen=True)
class Bubble(_Capsules, Box):
    """Stationary temporal coherence: windows in time and in the capsule, without a roll [KW21].

        v[l, c] = Σ_a Σ_b u²[(l − a) mod T, (c − b) mod C],
        a ∈ {−⌊w/2⌋, …, ⌈w/2⌉ − 1}, |b| ≤ (K − 1)/2

    The defaults are the published BubbleVAE of digits; that of sprites has K = 5. A window of one
    frame is the published L = 0: neighbours in the capsule, frames that know nothing of each other.

    Args:
        window: w, frames. None: all of them; the denominators are then equal in all frames, so that
            invariance is built in, not learned.
        coherence: K, odd.

    Raises:
        ValueError: when an argument is not a whole number ≥ 1, or K is even.

    Example:
        >>> from tfvae.distributions import Bubble
        >>> int(Bubble().sizes((18, 1, 18))[0, 0, 0]), int(Bubble(1).sizes((18, 1, 18))[0, 0, 0])
        (15, 3)
    """

    window: int | None = 5
    coherence: int = 3

    def __post_init__(self):
        self._keep_checked()

    def axes(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Of time and the positions in a capsule, the axes with a window wider than one latent."""
        _Capsules.axes(self, shape)
        return Box.axes(self, shape)

    def widths(self, shape: Sequence[int]) -> dict[int, int]:
        """Widths of the windows in time and in the capsule."""
        return {0: self._window(shape), 2: self._coherence(shape)}
