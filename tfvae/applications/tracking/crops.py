"""Crops of boxes from an image, in TensorFlow ops."""

import numpy as np
import tensorflow as tf


def cropped(image: tf.Tensor, boxes: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
    """Crops of one size, with antialiasing: an image at a scale at which a box is a crop's size.

    Each crop is the mean over the pixels that fall into one of its own, for boxes larger than the
    crop, and bilinear for smaller ones. Boxes are cut at the edges of the image.

    Args:
        image: (height, width, channels), uint8 or float.
        boxes: corners in pixels, (n, 4), float32, with something of the image inside.
        size: height and width of a crop.

    Returns:
        float32 (n, *size, channels), in the unit of the image.
    """
    # A border of one pixel more: samples up to half a pixel outside are not black.
    # `tf.pad` takes several times as long, and only the crops need to be float32.
    image = tf.concat([image[:1], image, image[-1:]], axis=0)
    image = tf.concat([image[:, :1], image, image[:, -1:]], axis=1)
    height, width = (tf.cast(tf.shape(image)[axis] - 2, tf.float32) for axis in (0, 1))
    edges = tf.stack([width, height, width, height])
    boxes = tf.clip_by_value(boxes, 0.0, edges)
    # `crop_and_resize` places corner pixels at 0 and 1: the centres of the first and last sample
    # of a cell each lie half a sample inside the box.
    samples = tf.constant([SAMPLES * size[1], SAMPLES * size[0]] * 2, tf.float32)
    sides = tf.tile(boxes[:, 2:] - boxes[:, :2], [1, 2])
    inside = sides / samples * tf.constant([0.5, 0.5, -0.5, -0.5])
    x_min, y_min, x_max, y_max = tf.unstack((boxes + inside + 0.5) / (edges + 1.0), axis=1)
    found = tf.image.crop_and_resize(
        image[tf.newaxis],
        tf.stack([y_min, x_min, y_max, x_max], axis=1),
        tf.zeros(tf.shape(boxes)[:1], tf.int32),
        [SAMPLES * size[0], SAMPLES * size[1]],
    )
    return tf.nn.avg_pool2d(found, SAMPLES, SAMPLES, "VALID")


# Bilinear samples of a crop's pixel in each direction.
SAMPLES = 3


def inside(boxes: np.ndarray, image_shape: tuple[int, ...], least: float = 2.0) -> np.ndarray:
    """Which boxes show at least `least` pixels of the image in both directions, (n,)."""
    height, width = image_shape[:2]
    sides = np.minimum(boxes[:, 2:], [width, height]) - np.maximum(boxes[:, :2], 0.0)
    return (sides >= least).all(axis=1)
