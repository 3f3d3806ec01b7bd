"""Images in plain NumPy: a rendered pendulum, and downscaling by area averages."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae._checks import number_in


def pendulum_images(
    angles: ArrayLike, *, size: int = 16, noise: float = 0.05, seed: int | Sequence[int] = 0
) -> np.ndarray:
    """Renders, for each angle, a rod that points from the image centre in this direction.

    Let d be the distance in pixels from a pixel's centre to the rod's axis, a segment of length
    7/16 · size. The intensity is

        x = clip(clip(size/16 + 1/2 − d, 0, 1) + ε, 0, 1),   ε ~ N(0, noise²).

    The rod is size/8 pixels thick, and its edge falls linearly over one pixel.

    Args:
      angles: shape (n,), radians, counter-clockwise from the direction of increasing columns.
      size: height and width of an image, pixels; at least 4.
      noise: standard deviation of the additive Gaussian noise, in units of full intensity.
      seed: an int or a sequence of ints, for `numpy.random.default_rng`.

    Returns:
      float32, shape (n, size, size, 1), within [0, 1].

    Raises:
      ValueError: if the angles are not a finite vector, size < 4 or noise < 0.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import pendulum_images
      >>> pendulum_images(np.linspace(0, np.pi, 5), size=16).shape
      (5, 16, 16, 1)
    """
    angles = np.asarray(angles, np.float32)
    if angles.ndim != 1 or not np.all(np.isfinite(angles)):
        raise ValueError(
            f"`angles` must be a vector of finite numbers (radians), received shape {angles.shape}"
            f"{'' if angles.ndim != 1 else ' with NaN or infinite entries'}."
            " Flatten or clean them first."
        )
    if int(size) != size or size < 4:
        raise ValueError(f"`size` must be a whole number of at least 4 pixels, received {size!r}.")
    noise = number_in("noise", noise, 0, np.inf, high_open=True)
    length, half_width = 7 * size / 16, size / 16
    centres = np.arange(size, dtype=np.float32) + 0.5 - size / 2
    right, up = centres[None, None, :], -centres[None, :, None]
    cos, sin = (f(angles)[:, None, None] for f in (np.cos, np.sin))
    along = np.clip(right * cos + up * sin, 0, length)
    distance = np.hypot(right - along * cos, up - along * sin)
    images = np.clip(half_width + 0.5 - distance, 0, 1)
    if noise:
        draws = np.random.default_rng(seed).standard_normal(images.shape, np.float32)
        images = np.clip(images + np.float32(noise) * draws, 0, 1)
    return images.astype(np.float32)[..., None]


def area_average(images: ArrayLike, size: int) -> np.ndarray:
    """Shrinks square images by an integer factor. A new pixel is the mean of its block.

    Args:
      images: shape (..., h, h), any real dtype.
      size: new height and width, pixels; must divide h.

    Returns:
      float32, shape (..., size, size), in the units of `images`.

    Raises:
      ValueError: if the images are not square, or size does not divide their side.

    Example:
      >>> from tfvae.datasets import area_average
      >>> area_average([[0, 1], [1, 2]], 1)
      array([[1.]], dtype=float32)
    """
    images = np.asarray(images, np.float32)
    side = images.shape[-1] if images.ndim >= 2 else 0
    if images.ndim < 2 or images.shape[-2] != side:
        raise ValueError(
            f"`images` must have shape (..., h, h), received {images.shape}. Crop them first."
        )
    if int(size) != size or size < 1 or side % size:
        raise ValueError(
            f"`size` must be a divisor of the side of the images, {side} pixels, received {size!r}."
        )
    block = side // size
    return images.reshape(*images.shape[:-2], size, block, size, block).mean((-3, -1))
