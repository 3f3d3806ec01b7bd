"""Image files in the served graph: JPEG or PNG bytes to pixels, and pixels to PNG bytes."""

import tensorflow as tf

CHANNELS = (1, 3)


def is_image_shape(shape: tuple[int, ...]) -> bool:
    """Returns whether `shape` is that of a grey or colour image, (H, W, 1) or (H, W, 3)."""
    return len(shape) == 3 and shape[-1] in CHANNELS


def pixels_of(image_bytes: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Decodes image files to pixel values from 0 to 255, string (B,) -> (B, H, W, channels).

    `tf.io.decode_image` reads JPEG, PNG, GIF (the first frame) and BMP. Colour becomes grey by luma
    if the model has one channel; transparency is dropped. Images of another size are resized
    without keeping their proportions; each pixel is the mean over the area it covers.

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for bytes of any other kind.
    """
    height, width, channels = shape

    def decode(image_file: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(image_file, channels=channels, expand_animations=False)
        image = tf.ensure_shape(image, [None, None, channels])
        return tf.image.resize(image[tf.newaxis], [height, width], method="area")[0]

    return tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.float32))


def png_of(pixels: tf.Tensor) -> tf.Tensor:
    """Encodes pixel values, rounded and clipped to [0, 255], as PNG: (B, H, W, channels) -> (B,).

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for NaN, which PNG does not have.
    """
    pixels = tf.debugging.assert_all_finite(
        pixels, "Pixels must be finite, received NaN. Send values that the model allows."
    )
    rounded = tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, 255.0), tf.uint8)
    return tf.map_fn(tf.io.encode_png, rounded, fn_output_signature=tf.string)
