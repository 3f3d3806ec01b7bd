"""What all cyclic sequences of images share: their states, their draws, batches and checks."""

import numbers

import numpy as np
import tensorflow as tf

from tfvae._checks import positive_int

_SHUFFLE_BYTES = 2**29


def frames(num_frames):
    """T as an int.

    Raises:
      ValueError: unless it is a whole number of at least 2.
    """
    if positive_int("num_frames", num_frames) < 2:
        raise ValueError("num_frames: expected at least 2 frames, got 1; one frame is no sequence.")
    return int(num_frames)


def names_of(argument, names):
    """`names`, one name or a sequence of names, as a tuple.

    Raises:
      ValueError: for no names, anything that is not text, and a name that comes twice.
    """
    chosen = (names,) if isinstance(names, str) else tuple(names)
    texts = all(isinstance(name, str) for name in chosen)
    if not chosen or not texts or len(set(chosen)) < len(chosen):
        raise ValueError(
            f"{argument}: expected a name, or a sequence of different names, got {names!r}."
        )
    return chosen


def states(start, T):
    """i_l = (i_0 + l) mod T: int32, shape (B, T), from the states i_0 of the first frames, (B,)."""
    return (start[:, None] + tf.range(T)) % T


def moving_states(index, moves):
    """The states of factors, with −1 for those at rest.

    Args:
      index: i_l, shape (B, T).
      moves: dict of the factors, each bool, shape (B,): whether a sequence moves it.

    Returns:
      dict of the factors, each int32, shape (B, T).
    """
    return {factor: tf.where(moved[:, None], index, -1) for factor, moved in moves.items()}


def batches(source, render, *, num_draws, batch_size, training, seed, first=0, example_bytes=8):
    """Batches of rendered examples, with uniform random numbers for each of them.

    Args:
      source: tf.data.Dataset of examples, unbatched.
      render: function of a batch of examples and of uniform numbers in [0, 1), float64, shape
        (B, num_draws).
      num_draws: random numbers an example.
      batch_size: B; the last batch may be smaller.
      training: True shuffles and gives new numbers in each epoch; False keeps order and numbers.
      seed: an int.
      first: number of the first example where `training` is False; its draws depend on it.
      example_bytes: memory of an example in the shuffle buffer.

    Returns:
      tf.data.Dataset of what `render` returns.

    Raises:
      ValueError: for a batch size below 1, and a seed that is no int.
    """
    batch_size = positive_int("batch_size", batch_size)
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool):
        raise ValueError(f"seed: expected an int, got {seed!r}.")
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
        # A key for each example: its numbers depend on no order of evaluation.
        key = tf.stack([tf.constant(seed, tf.int64), key])
        return example, tf.random.stateless_uniform((num_draws,), key, dtype=tf.float64)

    dataset = source.map(draw, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    return dataset.map(render, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def checked_images(images):
    """Images as an array, and the number that brings them into [0, 1].

    Args:
      images: shape (n, h, w, c), floats in [0, 1], bool, or uint8.

    Returns:
      (images, scale): float32 or uint8, and 1, or 1/255 for uint8 beyond 0 and 1.

    Raises:
      ValueError: for another rank, an axis without entries, another dtype or range.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size:
        raise ValueError(
            f"images: expected shape (n, h, w, c), none of them 0, got {images.shape}; add the axis"
            " of the channels with images[..., None]."
        )
    if images.dtype == bool:
        return images.astype(np.uint8), 1.0
    if images.dtype == np.uint8:
        return images, 1.0 if images.max() <= 1 else 1 / 255
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"images: expected floats in [0, 1] or uint8, got {images.dtype}; convert them with"
            " images.astype('uint8'), or divide them by their largest value."
        )
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 1):
        raise ValueError(
            f"images: expected floats in [0, 1], got values from {low:g} to {high:g}; divide them"
            " by their largest value."
        )
    return images.astype(np.float32, copy=False), 1.0
