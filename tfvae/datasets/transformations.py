"""Rotates, scales and tilts images and shifts their hue, one or several frames of each image."""

import math
from collections.abc import Callable

import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae._checks import number_in

TILT = math.pi / 4


def rotated(images: tf.Tensor | ArrayLike, angles: tf.Tensor | ArrayLike) -> tf.Tensor:
    """Rotates images about their centre, counter-clockwise as displayed.

    Let p = (column, row) − ((w − 1)/2, (h − 1)/2) be the position of a pixel relative to the
    centre. Between pixels, x is interpolated bilinearly; outside the image, it is 0. Then

        y(p) = x(R p),   R = (cos α, −sin α; sin α, cos α).

    Rows count downwards, so this R turns the content counter-clockwise, as `numpy.rot90` does.

    Args:
      images: shape (n, h, w, c), any real numbers.
      angles: α, radians, shape (n,), or (n, T) for T frames of each image.

    Returns:
      float32, shape (n, h, w, c), or (n, T, h, w, c).

    Raises:
      ValueError: if the shapes are not as above.

    Example:
      >>> from tfvae.datasets import rotated
      >>> rotated([[[[1.0], [2.0]], [[3.0], [4.0]]]], [1.5707963])[0, ..., 0].numpy().round(3)
      array([[2., 4.],
             [1., 3.]], dtype=float32)
    """
    return _each(lambda x, angle: warp(x, rotation(angle)), images, "angles", angles)


def scaled(images: tf.Tensor | ArrayLike, factors: tf.Tensor | ArrayLike) -> tf.Tensor:
    """Scales images about their centre.

    With the pixel position p and the interpolation of x as in `rotated`,

        y(p) = x(p / s).

    Shrinking does not average: some pixels are skipped if s < 1/2.

    Args:
      images: shape (n, h, w, c), any real numbers.
      factors: s > 0, shape (n,), or (n, T) for T frames of each image; above 1 enlarges.

    Returns:
      float32, shape (n, h, w, c), or (n, T, h, w, c).

    Raises:
      ValueError: if the shapes are not as above.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import scaled
      >>> scaled(np.ones((5, 28, 28, 1)), np.ones((5, 18))).shape
      TensorShape([5, 18, 28, 28, 1])
    """
    return _each(lambda x, factor: warp(x, zoom(factor)), images, "factors", factors)


def tilted(
    images: tf.Tensor | ArrayLike,
    directions: tf.Tensor | ArrayLike,
    *,
    tilt: float = TILT,
    distance: float = 1.0,
) -> tf.Tensor:
    """Tilts the image plane away from the viewer and shows it in perspective.

    A pinhole camera at distance d sees the image plane head-on, at unit scale. The plane is then
    tilted by τ about the line through its centre perpendicular to φ, and its part in the direction
    φ recedes. The coordinates of a pixel p (see `rotated`) along φ and along the line are
    s = (cos φ, −sin φ)·p and t = (sin φ, cos φ)·p. A point of the plane appears at

        s' = d s cos τ / (d + s sin τ),   t' = d t / (d + s sin τ).

    Hence, with x interpolated as in `rotated`,

        y(s', t') = x(s' / (k cos τ), t' / k),   k = 1 − s' tan τ / d.

    Args:
      images: shape (n, h, w, c), any real numbers.
      directions: φ, radians, counter-clockwise from the direction of increasing columns, shape
        (n,), or (n, T) for T frames of each image.
      tilt: τ, radians, in [0, π/2).
      distance: d, in units of the longer side of the image.

    Returns:
      float32, shape (n, h, w, c), or (n, T, h, w, c).

    Raises:
      ValueError: if the shapes are not as above, or the horizon of the plane would cross the
        image: tan τ must be below 2 d / hypot(h, w), d in pixels.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import tilted
      >>> image = np.random.default_rng(0).uniform(size=(1, 28, 28, 3))
      >>> tilted(image, np.linspace(0, 2 * np.pi, 18, endpoint=False)[None]).shape
      TensorShape([1, 18, 28, 28, 3])
    """

    def transform(x: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
        return warp(x, perspective(direction, *x.shape[1:3], tilt=tilt, distance=distance))

    return _each(transform, images, "directions", directions)


def hue_shifted(images: tf.Tensor | ArrayLike, angles: tf.Tensor | ArrayLike) -> tf.Tensor:
    """Shifts the hue of images. Grey images are painted red first.

    In the hexcone model (hue, saturation, value), with hue as an angle,

        (H, S, V) ↦ (H + α mod 2π, S, V).

    A grey image (c = 1) of intensity g counts as the red (g, 0, 0). It becomes g times the
    saturated colour of hue α. Three equal channels have no saturation and do not change.

    Args:
      images: shape (n, h, w, c), c 1 or 3 (red, green, blue), within [0, 1].
      angles: α, radians, shape (n,), or (n, T) for T frames of each image.

    Returns:
      float32, shape (n, h, w, 3), or (n, T, h, w, 3).

    Raises:
      ValueError: if the shapes are not as above.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import hue_shifted
      >>> thirds = 2 * np.pi / 3 * np.arange(3)
      >>> hue_shifted([[[[0.5]]]], [thirds])[0, :, 0, 0].numpy().round(3)
      array([[0.5, 0. , 0. ],
             [0. , 0.5, 0. ],
             [0. , 0. , 0.5]], dtype=float32)
    """

    def transform(x: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
        turns = angle[:, None, None, None] / (2 * math.pi)
        if x.shape[-1] == 1:
            full = tf.ones_like(turns)
            return x * tf.image.hsv_to_rgb(tf.concat([turns % 1, full, full], -1))
        if x.shape[-1] != 3:
            raise ValueError(
                f"`images` must have 1 or 3 channels, received shape {x.shape}. Other images have"
                " no hue."
            )
        hue, saturation, value = tf.split(tf.image.rgb_to_hsv(x), 3, -1)
        return tf.image.hsv_to_rgb(tf.concat([(hue + turns) % 1, saturation, value], -1))

    return _each(transform, images, "angles", angles)


def rotation(angles: tf.Tensor) -> tf.Tensor:
    """The homographies of `rotated`, from output to input pixels relative to the centre.

    Args:
      angles: radians, shape (m,).

    Returns:
      shape (m, 3, 3), on homogeneous (column, row, 1).
    """
    cos, sin, zero, one = (
        tf.cos(angles),
        tf.sin(angles),
        tf.zeros_like(angles),
        tf.ones_like(angles),
    )
    return _rows((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))


def zoom(factors: tf.Tensor) -> tf.Tensor:
    """The homographies of `scaled`, in the form of `rotation`, for factors of shape (m,)."""
    zero, one = tf.zeros_like(factors), tf.ones_like(factors)
    return _rows((1 / factors, zero, zero), (zero, 1 / factors, zero), (zero, zero, one))


def perspective(
    directions: tf.Tensor, height: int, width: int, *, tilt: float = TILT, distance: float = 1.0
) -> tf.Tensor:
    """The homographies of `tilted`, in the form of `rotation`, for directions of shape (m,).

    Raises:
      ValueError: if the horizon of the plane would cross the image.
    """
    tilt = number_in("tilt", tilt, 0, math.pi / 2, high_open=True)
    distance = number_in("distance", distance, 0, math.inf, low_open=True, high_open=True)
    d = distance * max(height, width)
    # k must be positive in every pixel, and the farthest pixels are the corners.
    steepest = math.atan(2 * d / math.hypot(height, width))
    if tilt >= steepest:
        raise ValueError(
            f"`tilt` must be less than {steepest:.3f} radians for images of {height}×{width} pixels"
            f" at distance={distance:g}, received {tilt:.3f}: the horizon would cross the image."
            " Lower `tilt`, or raise `distance`."
        )
    cos, sin = tf.cos(directions), tf.sin(directions)
    zero, one = tf.zeros_like(directions), tf.ones_like(directions)
    # `plane` acts on the coordinates (s, t) of `tilted`; `axes` changes to them and back.
    axes = _rows((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))
    plane = _rows(
        (one / math.cos(tilt), zero, zero),
        (zero, one, zero),
        (-one * math.tan(tilt) / d, zero, one),
    )
    return tf.linalg.matmul(axes, plane @ axes, transpose_a=True)


def warp(images: tf.Tensor, homographies: tf.Tensor) -> tf.Tensor:
    """Warps images by homographies about their centre.

    Args:
      images: float, shape (m, h, w, c).
      homographies: shape (m, 3, 3), from output to input pixels, on homogeneous coordinates
        (column, row, 1) relative to the centre of the image.

    Returns:
      shape (m, h, w, c), by bilinear interpolation, 0 outside the image.
    """
    height, width = images.shape[1:3]
    centre = ((width - 1) / 2, (height - 1) / 2)
    to_pixels = tf.constant([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1]], tf.float32)
    from_pixels = tf.constant([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]], tf.float32)
    rows = tf.reshape(to_pixels @ tf.cast(homographies, tf.float32) @ from_pixels, (-1, 9))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        # The op assumes that the last entry is 1.
        transforms=rows[:, :8] / rows[:, 8:],
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
    )


def _rows(*rows: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Matrices of shape (m, 3, 3) from their entries of shape (m,)."""
    return tf.stack([tf.stack(row, -1) for row in rows], -2)


def _each(
    transform: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    images: tf.Tensor | ArrayLike,
    name: str,
    values: tf.Tensor | ArrayLike,
) -> tf.Tensor:
    """Applies `transform`, a function of (m, h, w, c) and (m,), to each image and its values."""
    images = tf.convert_to_tensor(images)
    images = tf.cast(images, tf.float32)
    if images.shape.rank != 4 or None in images.shape[1:].as_list() or 0 in images.shape[1:]:
        raise ValueError(
            "`images` must have shape (n, h, w, c), with h, w and c known and at least 1, received"
            f" {images.shape}. Add the channel axis with images[..., None], the batch axis with"
            " images[None]."
        )
    values = tf.cast(tf.convert_to_tensor(values), tf.float32)
    number = images.shape[0]
    if values.shape.rank not in (1, 2) or not values.shape[:1].is_compatible_with([number]):
        raise ValueError(
            f"`{name}` must have shape (n,) or (n, T) with n = {number} images, received"
            f" {values.shape}."
        )
    if values.shape.rank == 1:
        return transform(images, values)
    frames = values.shape[1]
    result = transform(tf.repeat(images, frames, 0), tf.reshape(values, (-1,)))
    return tf.reshape(result, (-1, frames, *result.shape[1:]))
