"""Image files within the served graph: JPEG or PNG bytes to pixels, and pixels to PNG bytes."""

import tensorflow as tf

CHANNELS = (1, 3)


def is_image_shape(shape: tuple[int, ...]) -> bool:
    """Whether examples of that shape are grey or colour images, (H, W, 1) or (H, W, 3)."""
    return len(shape) == 3 and shape[-1] in CHANNELS


def pixels_of(image_bytes: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Pixel values from 0 to 255 of image files, string (B,) -> (B, H, W, channels).

    JPEG, PNG, GIF (its first frame) and BMP, as `tf.io.decode_image` reads them: colour becomes
    grey by luma where the model has one channel, transparency is dropped. Images of another size
    are resized without regard to their proportions, each pixel the mean over the area it covers.

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for bytes that are no such file.
    """
    height, width, channels = shape

    def decode(image_file):
        image = tf.io.decode_image(image_file, channels=channels, expand_animations=False)
        image = tf.ensure_shape(image, [None, None, channels])
        return tf.image.resize(image[tf.newaxis], [height, width], method="area")[0]

    return tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec(shape, tf.float32))


def png_of(pixels: tf.Tensor) -> tf.Tensor:
    """PNG files of pixel values, rounded and clipped to 0 to 255: (B, H, W, channels) -> (B,).

    Raises:
        tf.errors.InvalidArgumentError: from the graph, for NaN, which no PNG can tell.
    """
    pixels = tf.debugging.assert_all_finite(
        pixels, "No image can be made: the request holds NaN or values that no datum may have."
    )
    rounded = tf.cast(tf.clip_by_value(tf.round(pixels), 0.0, 255.0), tf.uint8)
    return tf.map_fn(tf.io.encode_png, rounded, fn_output_signature=tf.string)
