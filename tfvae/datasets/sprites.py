"""Sprites in plain NumPy: images like those of dSprites, rendered from their five factors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae._checks import positive_int, whole_in

SHAPES = ("square", "ellipse", "heart")
SPRITE_FACTORS = ("shape", "scale", "orientation", "x_position", "y_position")

# The share of the image that a sprite of scale 1 covers. With 0.072, the mean of all pixels in the
# whole grid is 0.0426; dSprites has 0.043.
AREA = 0.072
# For shapes of area 1: the longer semi-axis of the ellipse, and the unit of the heart.
_SEMI_AXIS = np.sqrt(2 / np.pi)
_HEART = 1 / np.sqrt(180 * np.pi)

_MIN_SIZE = 16
_CHUNK_PIXELS = 2**22


def sprite_images(
    shape: ArrayLike,
    scale: ArrayLike,
    orientation: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    size: int = 64,
) -> np.ndarray:
    """Renders white sprites on black: the images of dSprites [MHHL17].

    A pixel is 1 if its centre lies in the sprite or on its border; nothing is smoothed. In pixels,
    right and down from the upper left corner of the image, the centre of the sprite is

        c = size · (33 + 62 (x, y)) / 128.

    For size = 64, the 32 positions of dSprites run from 16.5 to 47.5 in steps of one pixel. With
    ℓ = scale · size · √0.072, the coordinates of a pixel centre p in the frame of the sprite are

        (u, v) = R(−θ) (p − c) / ℓ,   R(θ) = [[cos θ, −sin θ], [sin θ, cos θ]].

    The orientation θ turns from right to down, clockwise as displayed. In this frame, all shapes
    have area 1 and their centroid at the origin:

        square:   max(|u|, |v|) ≤ 1/2
        ellipse:  u² + 4 v² ≤ 2/π, the longer axis along u
        heart:    |X| ≤ 16 and |Y − (4 − 2 C² − 8 C⁴)| ≤ 19 C − 8 C³, with C² = 1 − |X/16|^⅔,
                  X = √(180π) u, Y = 5/6 − √(180π) v.

    The heart is the inside of X = 16 sin³ t, Y = 13 cos t − 5 cos 2t − 2 cos 3t − cos 4t. If
    sin³ t = X/16, then cos t is C or −C, which gives the upper and the lower Y. Its area is 180π,
    its centroid is (0, 5/6), and its tip is at the bottom.

    A sprite covers scale² · 0.072 of the image and lies inside it at every position. No point is
    further than 0.2141 · size from the sprite's centre (the tips of the ellipse), and the centre is
    at least 0.2578 · size away from the border.

    LÖVE drew dSprites from vector shapes. Its pixels at the border of a sprite are not reproduced,
    nor the sizes of its three shapes, which were not published.

    Args:
      shape: 1 square, 2 ellipse, 3 heart; (n,) or a number, as all factors.
      scale: length relative to the largest sprite, in [0.5, 1].
      orientation: radians.
      x: horizontal position, in [0, 1], left to right.
      y: vertical position, in [0, 1], top to bottom.
      size: height and width of an image, pixels; at least 16. In smaller images, a sprite may
        contain no pixel centre.

    Returns:
      uint8, 0 or 1, shape (n, size, size, 1). c is rounded to 10⁻⁹ pixels. Grids are fast: images
      with equal shape, scale, orientation and fraction of a pixel in c are rendered once.

    Raises:
      ValueError: if a factor is outside its range, the factors are not numbers or vectors of one
        length, or size < 16.

    Example:
      >>> from tfvae.datasets import sprite_images
      >>> heart = sprite_images(3, 1.0, 0.0, [0.0, 0.5, 1.0], 0.5)
      >>> heart.shape, int(heart[0].sum())
      ((3, 64, 64, 1), 302)
    """
    size = check_size(size)
    shape, scale, orientation, x, y = _factors(shape, scale, orientation, x, y)
    length = size * np.sqrt(AREA)
    side = 2 * int(length * _SEMI_AXIS + 0.5) + 1
    centres = size * (33 + 62 * np.stack([x, y], -1)) / 128 - 0.5
    # Sprites are rendered in windows of side × side pixels, which never leave the image.
    corners = np.clip(np.rint(centres).astype(int) - side // 2, 0, size - side)
    offsets = np.round(centres - corners, 9)
    keys = np.column_stack([shape, scale, orientation, offsets])

    images = np.zeros((len(keys), size, size), np.uint8)
    step = max(1, _CHUNK_PIXELS // side**2)
    for start in range(0, len(keys), step):
        rows = slice(start, start + step)
        different, index = np.unique(keys[rows], axis=0, return_inverse=True)
        windows = np.lib.stride_tricks.sliding_window_view(
            images[rows], (side, side), axis=(1, 2), writeable=True
        )
        column, row = corners[rows].T
        rendered = _render(different, side, length)
        windows[np.arange(len(row)), row, column] = rendered[index.reshape(-1)]
    return images[..., None]


def sprite_values(
    *,
    shapes: int = 3,
    scales: int = 6,
    orientations: int = 40,
    positions_x: int = 32,
    positions_y: int = 32,
) -> dict[str, np.ndarray]:
    """The values of the five factors in a grid of sprites: all of dSprites, or evenly spaced ones.

    | factor | N | values of dSprites | i of n < N values, k = 0 … n − 1 |
    |---|---|---|---|
    | shape | 3 | 1 square, 2 ellipse, 3 heart | the first n |
    | scale | 6 | 0.5, 0.6, …, 1 | ⌊k (N − 1)/(n − 1) + 1/2⌋; one: number N/2 |
    | orientation | 40 | 2π i/39 | ⌊39 k/n⌋ |
    | x_position, y_position | 32 | i/31 | as for scale |

    The number i of a value counts from 0. As in dSprites, the last orientation, 2π, repeats the
    first; fewer than 40 orientations leave it out, so at most 39 differ. The images of a square
    repeat every π/2. At scale 0.5 and 64 × 64 pixels, only 18 of them differ.

    Args:
      shapes: number of shapes, 1 to 3.
      scales: number of scales, 1 to 6.
      orientations: number of orientations, 1 to 40.
      positions_x: number of horizontal positions, 1 to 32.
      positions_y: number of vertical positions, 1 to 32.

    Returns:
      Dict from the names of `SPRITE_FACTORS`, in their order, to float64 vectors, in the units of
      `sprite_images`.

    Raises:
      ValueError: if a number is outside its range.

    Example:
      >>> from tfvae.datasets import sprite_values
      >>> sprite_values(scales=2, positions_x=1)["scale"]
      array([0.5, 1. ])
    """
    options = (
        ("shapes", shapes, np.arange(1.0, 4.0), lambda n, N: np.arange(n)),
        ("scales", scales, np.arange(5, 11) / 10, _spread),
        ("orientations", orientations, np.linspace(0, 2 * np.pi, 40), _spread_on_circle),
        ("positions_x", positions_x, np.linspace(0, 1, 32), _spread),
        ("positions_y", positions_y, np.linspace(0, 1, 32), _spread),
    )
    return {
        factor: values[choose(_count(name, n, len(values)), len(values))]
        for factor, (name, n, values, choose) in zip(SPRITE_FACTORS, options, strict=True)
    }


def sprite_grid(*, size: int = 64, **counts: int) -> tuple[np.ndarray, np.ndarray]:
    """Every combination of the factors' values once, as arrays.

    The order is the order of dSprites: y_position varies fastest, then x_position, orientation,
    scale and shape. Reshape the images to (shapes, scales, orientations, positions_x, positions_y,
    size, size, 1) for one axis per factor. All of dSprites takes 3 GB.

    Args:
      size: height and width of an image, pixels; at least 16.
      **counts: the numbers of values, as for `sprite_values`.

    Returns:
      images: uint8, 0 or 1, shape (n, size, size, 1).
      factors: int64, shape (n, 5), columns as in `SPRITE_FACTORS`: the indices of an image's values
        in the vectors of `sprite_values(**counts)`.

    Raises:
      ValueError: as for `sprite_values` and `sprite_images`.

    Example:
      >>> from tfvae.datasets import sprite_grid
      >>> images, factors = sprite_grid(size=32, orientations=4, positions_x=2, positions_y=1)
      >>> images.shape, factors[-1]
      ((144, 32, 32, 1), array([2, 5, 3, 1, 0]))
    """
    values = list(sprite_values(**counts).values())
    shape = [len(v) for v in values]
    factors = grid_factors(shape, 0, int(np.prod(shape)))
    chosen = (v[f] for v, f in zip(values, factors.T, strict=True))
    return sprite_images(*chosen, size=size), factors


def grid_factors(counts: Sequence[int], start: int, stop: int) -> np.ndarray:
    """Rows `start` to `stop` of the factors of `sprite_grid`, for five numbers of values.

    Returns:
      int64, shape (stop − start, 5).
    """
    return np.stack(np.unravel_index(np.arange(start, stop), counts), -1)


def check_size(size: int) -> int:
    """`size` as an int, if images of this size can show sprites of all scales.

    Raises:
      ValueError: if size is not a whole number of at least 16.
    """
    size = positive_int("size", size)
    if size < _MIN_SIZE:
        raise ValueError(
            f"`size` must be at least {_MIN_SIZE} pixels, received {size}. In smaller images, a"
            " sprite may contain no pixel centre."
        )
    return size


def _render(keys: np.ndarray, side: int, length: float) -> np.ndarray:
    """Sprites in windows, bool (n, side, side); keys (n, 5): shape, scale, orientation, centre."""
    shape, scale, orientation, x, y = keys.T[:, :, None, None]
    pixels = np.arange(side)
    right, down = pixels - x, pixels[:, None] - y
    cos, sin = np.cos(orientation) / (scale * length), np.sin(orientation) / (scale * length)
    u, v = right * cos + down * sin, down * cos - right * sin
    images = np.empty(u.shape, bool)
    for number, contains in enumerate((_in_square, _in_ellipse, _in_heart), 1):
        chosen = shape[:, 0, 0] == number
        images[chosen] = contains(u[chosen], v[chosen])
    return images


def _in_square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) <= 0.5


def _in_ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u**2 + 4 * v**2 <= _SEMI_AXIS**2


def _in_heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    X, Y = u / _HEART, 5 / 6 - v / _HEART
    # If |X| > 16, the square of C is negative, C is NaN, and the comparison is false.
    with np.errstate(invalid="ignore"):
        C = np.sqrt(1 - np.cbrt(X / 16) ** 2)
        return np.abs(Y - (4 - 2 * C**2 - 8 * C**4)) <= 19 * C - 8 * C**3


def _spread(n: int, N: int) -> np.ndarray:
    if n == 1:
        return np.array([N // 2])
    return (2 * np.arange(n) * (N - 1) + n - 1) // (2 * (n - 1))


def _spread_on_circle(n: int, N: int) -> np.ndarray:
    return np.arange(N) if n == N else np.arange(n) * (N - 1) // n


def _count(name: str, value: int, most: int) -> int:
    return whole_in(name, value, 1, most, f"dSprites has {most} values to choose from.")


def _factors(
    shape: ArrayLike, scale: ArrayLike, orientation: ArrayLike, x: ArrayLike, y: ArrayLike
) -> Sequence[np.ndarray]:
    """The factors as float64 vectors of one length, checked."""
    ranges = {
        "shape": ("1 (square), 2 (ellipse) or 3 (heart)", shape, lambda f: np.isin(f, (1, 2, 3))),
        "scale": ("numbers in [0.5, 1]", scale, lambda f: (f >= 0.5) & (f <= 1)),
        "orientation": ("finite numbers (radians)", orientation, np.isfinite),
        "x": ("numbers in [0, 1]", x, lambda f: (f >= 0) & (f <= 1)),
        "y": ("numbers in [0, 1]", y, lambda f: (f >= 0) & (f <= 1)),
    }
    factors = {}
    for name, (expected, given, valid) in ranges.items():
        try:
            values = np.asarray(given, np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"`{name}` must be {expected}, received {given!r}.") from error
        if values.ndim > 1:
            raise ValueError(
                f"`{name}` must be a number or a vector, received shape {values.shape}. Flatten it."
            )
        wrong = np.atleast_1d(values)[~np.atleast_1d(valid(values))]
        if wrong.size:
            raise ValueError(f"`{name}` must be {expected}, received {wrong[0]:g}.")
        factors[name] = np.atleast_1d(values)
    try:
        return np.broadcast_arrays(*factors.values())
    except ValueError as error:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in factors.items())
        raise ValueError(
            f"The factors must be numbers or vectors of one length, received lengths {lengths}."
        ) from error
