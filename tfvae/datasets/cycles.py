"""States, random draws, batches and checks that all cyclic sequences of images share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae._checks import positive_int, span_of, whole

_SHUFFLE_BYTES = 2**29


def frames(num_frames: int) -> int:
    """T as an int.

    Raises:
      ValueError: if it is not a whole number of at least 2.
    """
    if positive_int("num_frames", num_frames) < 2:
        raise ValueError(
            "`num_frames` must be at least 2, received 1. One frame is not a sequence."
        )
    return int(num_frames)


def names_of(argument: str, names: str | Sequence[str]) -> tuple[str, ...]:
    """`names`, one name or a sequence of names, as a tuple.

    Raises:
      ValueError: if there are no names, a name is not text, or a name is repeated.
    """
    chosen = (names,) if isinstance(names, str) else tuple(names)
    texts = all(isinstance(name, str) for name in chosen)
    if not chosen or not texts or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"`{argument}` must be a name or a sequence of different names, received {names!r}."
        )
    return chosen


def states(start: tf.Tensor, T: int) -> tf.Tensor:
    """i_l = (i_0 + l) mod T: int32, shape (B, T), from the states i_0 of the first frames, (B,)."""
    return (start[:, None] + tf.range(T)) % T


def moving_states(index: tf.Tensor, moves: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The states of all factors, with −1 for factors at rest.

    Args:
      index: i_l, shape (B, T).
      moves: dict from factor to bool, shape (B,): whether a sequence moves the factor.

    Returns:
      dict from factor to int32, shape (B, T).
    """
    return {factor: tf.where(moved[:, None], index, -1) for factor, moved in moves.items()}


def batches(
    source: tf.data.Dataset,
    render: Callable[[Any, tf.Tensor], Any],
    *,
    num_draws: int,
    batch_size: int,
    training: bool,
    seed: int,
    first: int = 0,
    example_bytes: int = 8,
) -> tf.data.Dataset:
    """Draws uniform random numbers for each example, and renders batches of examples with them.

    Args:
      source: tf.data.Dataset of examples, unbatched.
      render: function of a batch of examples and of uniform numbers in [0, 1), float64, shape
        (B, num_draws).
      num_draws: random numbers per example.
      batch_size: B; the last batch may be smaller.
      training: True shuffles and draws new numbers in each epoch; False keeps order and numbers.
      seed: an int.
      first: number of the first example. The draws depend on it if `training` is False.
      example_bytes: memory of an example in the shuffle buffer.

    Returns:
      tf.data.Dataset of the values returned by `render`.

    Raises:
      ValueError: if batch_size is below 1, or seed is not an int.
    """
    batch_size = positive_int("batch_size", batch_size)
    seed = whole("seed", seed)
    if training:
        size = int(source.cardinality())
        buffer = max(1024, _SHUFFLE_BYTES // example_bytes)
        buffer = min(size, buffer) if size > 0 else buffer
        source = source.shuffle(buffer, seed=seed, reshuffle_each_iteration=True)
        keys = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
        source = tf.data.Dataset.zip(keys, source)
    else:
        source = source.enumerate(start=first)

    def draw(key, example):
        # With one key per example, its numbers do not depend on the order of evaluation.
        key = tf.stack([tf.constant(seed, tf.int64), key])
        return example, tf.random.stateless_uniform((num_draws,), key, dtype=tf.float64)

    dataset = source.map(draw, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    return dataset.map(render, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def checked_images(images: ArrayLike) -> tuple[np.ndarray, float]:
    """Images as an array, and the factor that scales them to [0, 1].

    Args:
      images: shape (n, h, w, c), floats in [0, 1], bool, or uint8.

    Returns:
      (images, scale): images are float32 or uint8. The scale is 1/255 for uint8 images with values
      above 1, otherwise 1.

    Raises:
      ValueError: if the rank, dtype or range does not fit, or an axis is empty.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size:
        raise ValueError(
            f"`images` must have shape (n, h, w, c), all at least 1, received {images.shape}."
            " Add the channel axis with images[..., None]."
        )
    if images.dtype == bool:
        return images.astype(np.uint8), 1.0
    if images.dtype == np.uint8:
        return images, 1.0 if images.max() <= 1 else 1 / 255
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"`images` must be floats in [0, 1], bool or uint8, received {images.dtype}. Convert"
            " them with images.astype('uint8'), or divide them by their largest value."
        )
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"`images` must lie in [0, 1], received {span_of(images)}. Scale them to [0, 1]."
        )
    return images.astype(np.float32, copy=False), 1.0
