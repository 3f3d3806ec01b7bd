"""Images turned, zoomed, tilted and shifted in hue, several frames of each, in TensorFlow ops."""

import math

import tensorflow as tf

from tfvae._checks import number_in

TILT = math.pi / 4


def rotated(images, angles):
    """Turns images about their centre, counter-clockwise as displayed.

    With p = (column, row) − ((w − 1)/2, (h − 1)/2) the position of a pixel from the centre, and x
    continued between pixels by bilinear interpolation and by 0 outside the image,

        y(p) = x(R p),   R = (cos α, −sin α; sin α, cos α).

    Rows count downwards: this R is what turns the content counter-clockwise, as `numpy.rot90` does.

    Args:
      images: shape (n, h, w, c), any real numbers.
      angles: α, radians, shape (n,), or (n, T) for T frames of each image.

    Returns:
      float32, shape (n, h, w, c), or (n, T, h, w, c).

    Raises:
      ValueError: where the shapes are not those above.

    Example:
      >>> from tfvae.datasets import rotated
      >>> rotated([[[[1.0], [2.0]], [[3.0], [4.0]]]], [1.5707963])[0, ..., 0].numpy().round(3)
      array([[2., 4.],
             [1., 3.]], dtype=float32)
    """
    return _each(lambda x, angle: warp(x, rotation(angle)), images, "angles", angles)


def scaled(images, factors):
    """Zooms images about their centre.

    With p the position of a pixel from the centre, and x continued as in `rotated`,

        y(p) = x(p / s).

    Nothing is averaged where the image shrinks: below s = 1/2 pixels are skipped.

    Args:
      images: shape (n, h, w, c), any real numbers.
      factors: s > 0, shape (n,), or (n, T) for T frames of each image; above 1 enlarges.

    Returns:
      float32, shape (n, h, w, c), or (n, T, h, w, c).

    Raises:
      ValueError: where the shapes are not those above.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import scaled
      >>> scaled(np.ones((5, 28, 28, 1)), np.ones((5, 18))).shape
      TensorShape([5, 18, 28, 28, 1])
    """
    return _each(lambda x, factor: warp(x, zoom(factor)), images, "factors", factors)


def tilted(images, directions, *, tilt=TILT, distance=1.0):
    """Tilts the plane of the image away from the viewer, and shows it in perspective.

    The image lies in a plane that a pinhole camera sees head-on from the distance d, at unit scale.
    The plane is tilted by τ about the line through its centre, so that its part in the direction φ
    recedes. With s = (cos φ, −sin φ)·p and t = (sin φ, cos φ)·p the coordinates of a pixel p (see
    `rotated`) along φ and along the line, a point of the plane appears at

        s' = d s cos τ / (d + s sin τ),   t' = d t / (d + s sin τ),

    and hence, x continued as in `rotated`,

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
      ValueError: where the shapes are not those above, and where the horizon of the plane would
        cross the image: tan τ must stay below 2 d / hypot(h, w), d in pixels.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import tilted
      >>> image = np.random.default_rng(0).uniform(size=(1, 28, 28, 3))
      >>> tilted(image, np.linspace(0, 2 * np.pi, 18, endpoint=False)[None]).shape
      TensorShape([1, 18, 28, 28, 3])
    """

    def transform(x, direction):
        return warp(x, perspective(direction, *x.shape[1:3], tilt=tilt, distance=distance))

    return _each(transform, images, "directions", directions)


def hue_shifted(images, angles):
    """Shifts the hue of images; grey ones are painted red first.

    In the hexcone model (hue, saturation, value), with hue as an angle,

        (H, S, V) ↦ (H + α mod 2π, S, V).

    A grey image (c = 1) of intensity g counts as the red (g, 0, 0), so that it becomes g times the
    saturated colour of hue α. Three equal channels have no saturation, and stay as they are.

    Args:
      images: shape (n, h, w, c), c 1 or 3 (red, green, blue), within [0, 1].
      angles: α, radians, shape (n,), or (n, T) for T frames of each image.

    Returns:
      float32, shape (n, h, w, 3), or (n, T, h, w, 3).

    Raises:
      ValueError: where the shapes are not those above.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import hue_shifted
      >>> thirds = 2 * np.pi / 3 * np.arange(3)
      >>> hue_shifted([[[[0.5]]]], [thirds])[0, :, 0, 0].numpy().round(3)
      array([[0.5, 0. , 0. ],
             [0. , 0.5, 0. ],
             [0. , 0. , 0.5]], dtype=float32)
    """

    def transform(x, angle):
        turns = angle[:, None, None, None] / (2 * math.pi)
        if x.shape[-1] == 1:
            full = tf.ones_like(turns)
            return x * tf.image.hsv_to_rgb(tf.concat([turns % 1, full, full], -1))
        if x.shape[-1] != 3:
            raise ValueError(f"images: expected 1 or 3 channels for a hue, got shape {x.shape}.")
        hue, saturation, value = tf.split(tf.image.rgb_to_hsv(x), 3, -1)
        return tf.image.hsv_to_rgb(tf.concat([(hue + turns) % 1, saturation, value], -1))

    return _each(transform, images, "angles", angles)


def rotation(angles):
    """The homographies of `rotated`: from an output pixel, seen from the centre, to the input.

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


def zoom(factors):
    """The homographies of `scaled`, as those of `rotation`, for factors of shape (m,)."""
    zero, one = tf.zeros_like(factors), tf.ones_like(factors)
    return _rows((1 / factors, zero, zero), (zero, 1 / factors, zero), (zero, zero, one))


def perspective(directions, height, width, *, tilt=TILT, distance=1.0):
    """The homographies of `tilted`, as those of `rotation`, for directions of shape (m,).

    Raises:
      ValueError: where the horizon of the plane would cross the image.
    """
    tilt = number_in("tilt", tilt, 0, math.pi / 2, high_open=True)
    distance = number_in("distance", distance, 0, math.inf, low_open=True, high_open=True)
    d = distance * max(height, width)
    # The farthest pixel of any direction is a corner: there, too, k must be positive.
    steepest = math.atan(2 * d / math.hypot(height, width))
    if tilt >= steepest:
        raise ValueError(
            f"tilt: expected less than {steepest:.3f} radians for images of {height}×{width} pixels"
            f" at distance={distance:g}, got {tilt:.3f}; beyond it the horizon crosses the image."
            " Lower tilt, or raise distance."
        )
    cos, sin = tf.cos(directions), tf.sin(directions)
    zero, one = tf.zeros_like(directions), tf.ones_like(directions)
    # In the coordinates (s, t) of the docstring, between two changes of axes.
    axes = _rows((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))
    plane = _rows(
        (one / math.cos(tilt), zero, zero),
        (zero, one, zero),
        (-one * math.tan(tilt) / d, zero, one),
    )
    return tf.linalg.matmul(axes, plane @ axes, transpose_a=True)


def warp(images, homographies):
    """Images seen through homographies about their centre.

    Args:
      images: float, shape (m, h, w, c).
      homographies: shape (m, 3, 3): where the colour of an output pixel comes from, on homogeneous
        coordinates (column, row, 1) from the centre of the image.

    Returns:
      shape (m, h, w, c): bilinear interpolation, 0 outside the image.
    """
    height, width = images.shape[1:3]
    centre = ((width - 1) / 2, (height - 1) / 2)
    to_pixels = tf.constant([[1, 0, centre[0]], [0, 1, centre[1]], [0, 0, 1]], tf.float32)
    from_pixels = tf.constant([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1]], tf.float32)
    rows = tf.reshape(to_pixels @ tf.cast(homographies, tf.float32) @ from_pixels, (-1, 9))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        # The op takes the last entry to be 1.
        transforms=rows[:, :8] / rows[:, 8:],
        output_shape=(height, width),
        fill_value=0.0,
        interpolation="BILINEAR",
    )


def _rows(*rows):
    """Matrices of shape (m, 3, 3) from their entries of shape (m,)."""
    return tf.stack([tf.stack(row, -1) for row in rows], -2)


def _each(transform, images, name, values):
    """`transform` of (m, h, w, c) and (m,), for every image and every value of its row."""
    images = tf.convert_to_tensor(images)
    images = tf.cast(images, tf.float32)
    if images.shape.rank != 4 or None in images.shape[1:].as_list() or 0 in images.shape[1:]:
        raise ValueError(
            f"images: expected shape (n, h, w, c), got {images.shape}; add the axis of the channels"
            " with images[..., None], that of a batch with images[None]."
        )
    values = tf.cast(tf.convert_to_tensor(values), tf.float32)
    number = images.shape[0]
    if values.shape.rank not in (1, 2) or not values.shape[:1].is_compatible_with([number]):
        raise ValueError(
            f"{name}: expected shape (n,) or (n, T) with n = {number} images, got {values.shape}."
        )
    if values.shape.rank == 1:
        return transform(images, values)
    frames = values.shape[1]
    result = transform(tf.repeat(images, frames, 0), tf.reshape(values, (-1,)))
    return tf.reshape(result, (-1, frames, *result.shape[1:]))
