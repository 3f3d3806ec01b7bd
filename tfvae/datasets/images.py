"""Images by plain NumPy: a rendered pendulum, and shrinking by area averages."""

import numpy as np

from tfvae._checks import number_in


def pendulum_images(angles, *, size=16, noise=0.05, seed=0):
    """Renders a rod that starts at the image centre and points in the direction of each angle.

    With d the distance in pixels from a pixel's centre to the rod's axis (a segment of length
    7/16 · size), the intensity is

        x = clip(clip(size/16 + 1/2 − d, 0, 1) + ε, 0, 1),   ε ~ N(0, noise²),

    so the rod is size/8 pixels thick, and its edge falls linearly over one pixel.

    Args:
      angles: shape (n,), radians, counter-clockwise from the direction of increasing columns.
      size: height and width of an image, pixels; at least 4.
      noise: standard deviation of the additive Gaussian noise, in units of full intensity.
      seed: whatever `numpy.random.default_rng` takes: an int or a sequence of ints.

    Returns:
      float32, shape (n, size, size, 1), within [0, 1].

    Raises:
      ValueError: for angles that are not a finite vector, size < 4 or a negative noise.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import pendulum_images
      >>> pendulum_images(np.linspace(0, np.pi, 5), size=16).shape
      (5, 16, 16, 1)
    """
    angles = np.asarray(angles, np.float32)
    if angles.ndim != 1 or not np.all(np.isfinite(angles)):
        raise ValueError(
            f"angles: expected a vector of finite numbers (radians), got shape {angles.shape}"
            f"{'' if angles.ndim != 1 else ' with NaN or infinite entries'}."
            " Flatten or clean them first."
        )
    if int(size) != size or size < 4:
        raise ValueError(f"size: expected an integer of at least 4 pixels, got {size!r}.")
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


def area_average(images, size):
    """Shrinks square images by an integer factor, each new pixel the mean of the block it covers.

    Args:
      images: shape (..., h, h), any real dtype.
      size: new height and width, pixels; must divide h.

    Returns:
      float32, shape (..., size, size), in the units of `images`.

    Raises:
      ValueError: where the images are not square or size does not divide their side.

    Example:
      >>> from tfvae.datasets import area_average
      >>> area_average([[0, 1], [1, 2]], 1)
      array([[1.]], dtype=float32)
    """
    images = np.asarray(images, np.float32)
    side = images.shape[-1] if images.ndim >= 2 else 0
    if images.ndim < 2 or images.shape[-2] != side:
        raise ValueError(f"images: expected shape (..., h, h), got {images.shape}.")
    if int(size) != size or size < 1 or side % size:
        raise ValueError(
            f"size: expected a divisor of the side of the images, {side} pixels, got {size!r}."
        )
    block = side // size
    return images.reshape(*images.shape[:-2], size, block, size, block).mean((-3, -1))
