"""Sprites by plain NumPy: the dSprites family of images, rendered from its five factors."""

import numpy as np

from tfvae._checks import positive_int

SHAPES = ("square", "ellipse", "heart")
SPRITE_FACTORS = ("shape", "scale", "orientation", "x_position", "y_position")

# Share of the image that a sprite of scale 1 covers, chosen for the mean of all pixels: 0.0426 in
# the whole grid, where dSprites has 0.043.
AREA = 0.072
# Unit-area shapes: the longer semi-axis of the ellipse, the unit of the heart.
_SEMI_AXIS = np.sqrt(2 / np.pi)
_HEART = 1 / np.sqrt(180 * np.pi)

_MIN_SIZE = 16
_CHUNK_PIXELS = 2**22


def sprite_images(shape, scale, orientation, x, y, *, size=64):
    """Renders white sprites on black: the images of dSprites (Matthey et al., 2017).

    A pixel is 1 where its centre lies in the sprite, the border included; nothing is smoothed.
    In pixels, right and down from the upper left corner of the image, the sprite's centre is

        c = size · (33 + 62 (x, y)) / 128,

    for size = 64 from 16.5 to 47.5 and one pixel a step for dSprites' 32 positions. With
    ℓ = scale · size · √0.072, a pixel centre p has in the frame of the sprite the coordinates

        (u, v) = R(−θ) (p − c) / ℓ,   R(θ) = [[cos θ, −sin θ], [sin θ, cos θ]],

    so the orientation θ turns from right to down, clockwise as seen. In this frame all shapes have
    area 1 and their centroid at the origin:

        square:   max(|u|, |v|) ≤ 1/2
        ellipse:  u² + 4 v² ≤ 2/π, the longer axis along u
        heart:    |X| ≤ 16 and |Y − (4 − 2 C² − 8 C⁴)| ≤ 19 C − 8 C³, with C² = 1 − |X/16|^⅔,
                  X = √(180π) u, Y = 5/6 − √(180π) v.

    The heart is the inside of X = 16 sin³ t, Y = 13 cos t − 5 cos 2t − 2 cos 3t − cos 4t: where
    sin³ t = X/16, cos t is C or −C, which gives its upper and its lower Y. Its area is 180π, its
    centroid (0, 5/6), its tip at the bottom. So a sprite covers scale² · 0.072 of the image, and
    lies inside it at every position: no point of a sprite is further than 0.2141 · size from its
    centre (the tips of the ellipse), and the centre stays 0.2578 · size from the border.

    dSprites was drawn by LÖVE from vector shapes; its pixels at the border of a sprite, and the
    sizes of its three shapes, which were not published, are not reproduced.

    Args:
      shape: 1 square, 2 ellipse, 3 heart; (n,) or a number, like the other factors.
      scale: length relative to the largest sprite, in [0.5, 1].
      orientation: radians.
      x: horizontal position, in [0, 1], left to right.
      y: vertical position, in [0, 1], top to bottom.
      size: height and width of an image, pixels; at least 16, where no sprite misses all centres.

    Returns:
      uint8, 0 or 1, shape (n, size, size, 1). c is rounded to 10⁻⁹ pixels. Images that share shape,
      scale, orientation and the fraction of a pixel in c share their rendering, so grids are fast.

    Raises:
      ValueError: for a factor outside its range, factors that are not numbers or vectors of one
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


def sprite_values(*, shapes=3, scales=6, orientations=40, positions_x=32, positions_y=32):
    """The values of the five factors in a grid of sprites: those of dSprites, or evenly fewer.

    | factor | N | values of dSprites | of n < N are kept, for k = 0 … n − 1 |
    |---|---|---|---|
    | shape | 3 | 1 square, 2 ellipse, 3 heart | the first n |
    | scale | 6 | 0.5, 0.6, …, 1 | ⌊k (N − 1)/(n − 1) + 1/2⌋; one: number N/2 |
    | orientation | 40 | 2π i/39 | ⌊39 k/n⌋ |
    | x_position, y_position | 32 | i/31 | as for scale |

    Numbers i count from 0. As in dSprites the last orientation, 2π, repeats the first; a part of
    the orientations leaves it out, so 39 are all that differ. Small squares, whose orientations
    repeat every π/2, have fewer different images: 18 at scale 0.5 and 64 × 64 pixels.

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
      ValueError: for a number outside its range.

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


def sprite_grid(*, size=64, **counts):
    """Every combination of the factors' values once, as arrays.

    The order is that of dSprites: y_position runs fastest, then x_position, orientation, scale,
    and shape slowest, so reshaping the images to (shapes, scales, orientations, positions_x,
    positions_y, size, size, 1) gives each factor its axis. All of dSprites takes 3 GB.

    Args:
      size: height and width of an image, pixels; at least 16.
      **counts: the numbers of values, as for `sprite_values`.

    Returns:
      images: uint8, 0 or 1, shape (n, size, size, 1).
      factors: int64, shape (n, 5), columns as in `SPRITE_FACTORS`: the places of an image's values
        in the vectors of `sprite_values(**counts)`.

    Raises:
      ValueError: as `sprite_values` and `sprite_images`.

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


def grid_factors(counts, start, stop):
    """Rows `start` to `stop` of the factors of `sprite_grid`, for the five numbers of values.

    Returns:
      int64, shape (stop − start, 5).
    """
    return np.stack(np.unravel_index(np.arange(start, stop), counts), -1)


def check_size(size):
    """`size` as an int, if sprites of all scales can be rendered in images of it.

    Raises:
      ValueError: where it is not.
    """
    size = positive_int("size", size)
    if size < _MIN_SIZE:
        raise ValueError(
            f"size: expected a whole number of at least {_MIN_SIZE} pixels, got {size}; smaller"
            " sprites may miss every pixel centre."
        )
    return size


def _render(keys, side, length):
    """Sprites in windows: keys (n, 5) of shape, scale, orientation and centre, bool (n, h, w)."""
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


def _in_square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) <= 0.5


def _in_ellipse(u, v):
    return u**2 + 4 * v**2 <= _SEMI_AXIS**2


def _in_heart(u, v):
    X, Y = u / _HEART, 5 / 6 - v / _HEART
    # Outside |X| ≤ 16 the square of C is negative, C NaN, and the comparison false.
    with np.errstate(invalid="ignore"):
        C = np.sqrt(1 - np.cbrt(X / 16) ** 2)
        return np.abs(Y - (4 - 2 * C**2 - 8 * C**4)) <= 19 * C - 8 * C**3


def _spread(n, N):
    if n == 1:
        return np.array([N // 2])
    return (2 * np.arange(n) * (N - 1) + n - 1) // (2 * (n - 1))


def _spread_on_circle(n, N):
    return np.arange(N) if n == N else np.arange(n) * (N - 1) // n


def _count(name, value, most):
    number = positive_int(name, value, f"dSprites has {most} values to choose from.")
    if number > most:
        raise ValueError(
            f"`{name}` must be a whole number from 1 to {most}, the values of dSprites, received"
            f" {value!r}."
        )
    return number


def _factors(shape, scale, orientation, x, y):
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
            raise ValueError(f"{name}: expected {expected}, got {given!r}.") from error
        if values.ndim > 1:
            raise ValueError(
                f"{name}: expected a number or a vector, got shape {values.shape}. Flatten it."
            )
        wrong = np.atleast_1d(values)[~np.atleast_1d(valid(values))]
        if wrong.size:
            raise ValueError(f"{name}: expected {expected}, got {wrong[0]:g}.")
        factors[name] = np.atleast_1d(values)
    try:
        return np.broadcast_arrays(*factors.values())
    except ValueError as error:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in factors.items())
        raise ValueError(
            f"The factors must be numbers or vectors of one length, got lengths {lengths}."
        ) from error
