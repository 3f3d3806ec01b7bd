"""`factor_sequences`: sequences from the images of a full grid, along one factor at a time."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae._checks import one_of, positive_int
from tfvae.datasets import cycles


def factor_sequences(
    images: ArrayLike,
    factors: ArrayLike,
    factor: str | Sequence[str],
    *,
    sizes: Mapping[str, int],
    num_frames: int | None = None,
    repeat: bool = False,
    batch_size: int = 8,
    training: bool = True,
    seed: int = 0,
) -> tf.data.Dataset:
    """Sequences of frames in which one factor of a rendered data set runs through its values.

    The data must have one image for every combination of its factors, as dSprites has. One factor
    moves in a sequence; the others are constant. The moving factor has S values and T states. The
    states are evenly spaced values: state i is the value ⌊i S / T⌋. Frame l has the state

        i_l = (i_0 + l) mod T,   i_0 uniform on 0 … T − 1.

    In an epoch, every combination of the other factors gives one sequence. If `factor` is a
    sequence of names, each sequence of frames draws one of them uniformly. The number of
    sequences, n, is then the smallest number of combinations among the named factors. Sequence j
    draws from the j-th of n equal parts of its factor's combinations.

    Args:
      images: shape (N, h, w, c), floats in [0, 1], or uint8. Integers are divided by 255, unless
        all are 0 or 1.
      factors: shape (N, F), int: the values of the factors of each image, counted from 0.
      factor: the name of the factor that moves, or a sequence of names.
      sizes: dict of the F factors in the order of the columns, {name: number of values}.
      num_frames: T, at least 2; None: the number of values of `factor`, or the smallest such number
        if it names several.
      repeat: True allows a factor with S < T values to run through them T/S times: state i is the
        value i mod S, and S must divide T. [KW21] does this with the scales of dSprites (T = 15,
        S = 5).
      batch_size: B, sequences per batch; the last batch may be smaller.
      training: True shuffles and draws anew in each epoch; False keeps the order and the draws.
      seed: an int; the same seed gives the same batches, epoch by epoch.

    Returns:
      tf.data.Dataset of (x, factors) as from `sequences`: x is float32, shape (B, T, h, w, c).
      `factors` is a dict. Each named factor has its states i_l, int32, shape (B, T), −1 in all
      frames of a sequence that does not move it. If `factor` is a sequence, "transformation" is
      the index of the drawn name, int32, shape (B,).

    Raises:
      ValueError: if the rank, dtype or range of the images does not fit, `factors` does not hold
        every combination of `sizes` exactly once, a factor is unknown or has too few values for
        the frames, or num_frames < 2.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import factor_sequences
      >>> sizes = {"shape": 3, "angle": 4}
      >>> factors = np.stack(np.unravel_index(np.arange(12), (3, 4)), 1)
      >>> images = np.arange(12).reshape(12, 1, 1, 1) / 12
      >>> x, states = next(iter(factor_sequences(images, factors, "angle", sizes=sizes)))
      >>> x.shape, states["angle"].shape
      (TensorShape([3, 4, 1, 1, 1]), TensorShape([3, 4]))
    """
    images, scale = cycles.checked_images(images)
    sizes, rows = _grid(factors, sizes, len(images))
    names = cycles.names_of("factor", factor)
    for name in names:
        one_of("factor", name, tuple(sizes))
    fewest = min(sizes[name] for name in names)
    T = cycles.frames(fewest if num_frames is None else num_frames)
    values = np.stack([_values(name, sizes[name], T, repeat) for name in names])
    lengths = np.array([sizes[name] for name in names])
    strides = np.array([_stride(sizes, name) for name in names])
    combinations = len(images) // lengths
    n = int(combinations.min())
    with tf.device("CPU:0"):
        images, rows = tf.constant(images), tf.constant(rows)

    def render(example: tf.Tensor, uniform: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        start, which = tf.unstack(tf.cast(uniform[:, :2] * (T, len(names)), tf.int32), axis=1)
        index = cycles.states(start, T)
        # The combination of the other factors, as a number in the order of the grid.
        part = (tf.cast(example, tf.float64) + uniform[:, 2]) * tf.gather(combinations / n, which)
        combination = tf.cast(part, tf.int64)
        length, stride = tf.gather(lengths, which), tf.gather(strides, which)
        first = combination // stride * stride * length + combination % stride
        value = tf.gather(tf.gather(values, which), index, batch_dims=1)
        places = tf.gather(rows, first[:, None] + value * stride[:, None])
        x = tf.cast(tf.gather(images, places), tf.float32) * scale
        moved = {name: tf.equal(which, k) for k, name in enumerate(names)}
        result = {} if isinstance(factor, str) else {"transformation": which}
        return x, {**result, **cycles.moving_states(index, moved)}

    return cycles.batches(
        tf.data.Dataset.range(n),
        render,
        num_draws=3,
        batch_size=batch_size,
        training=training,
        seed=seed,
    )


def _grid(
    factors: ArrayLike, sizes: Mapping[str, int], number: int
) -> tuple[dict[str, int], np.ndarray]:
    """The checked sizes, and the row of each combination of factors in the order of the grid."""
    if not isinstance(sizes, Mapping) or not sizes:
        raise ValueError(
            "`sizes` must be a dict such as {'scale': 6, 'orientation': 40}, in the order of the"
            f" columns of `factors`, received {sizes!r}."
        )
    sizes = {name: positive_int(f"sizes[{name!r}]", size) for name, size in sizes.items()}
    shape = tuple(sizes.values())
    factors = np.asarray(factors)
    if factors.shape != (number, len(sizes)) or not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(
            f"`factors` must be ints of shape {(number, len(sizes))}, a row for each image and a"
            f" column for each of {', '.join(sizes)}, received {factors.dtype} of shape"
            f" {factors.shape}."
        )
    if np.any(factors < 0) or np.any(factors >= shape):
        raise ValueError(
            f"`factors` must lie from 0 to below {sizes}, received {factors.min(0).tolist()} to"
            f" {factors.max(0).tolist()}. Count the values from 0."
        )
    places = np.ravel_multi_index(tuple(factors.T), shape)
    rows = np.argsort(places, kind="stable")
    expected = int(np.prod(shape))
    if number != expected or np.any(places[rows] != np.arange(number)):
        raise ValueError(
            f"`factors` must hold each of the {expected} combinations of {sizes} exactly once,"
            f" received {number} rows with {len(np.unique(places))} different ones."
        )
    return sizes, rows


def _values(name: str, size: int, T: int, repeat: bool) -> np.ndarray:
    """The value of each state, int64, shape (T,)."""
    if size >= T:
        return np.arange(T) * size // T
    if not repeat or T % size:
        raise ValueError(
            f"`num_frames` must be at most the number of values of {name!r}, {size}"
            f"{', or a multiple of it' if repeat else ''}, received {T}. Lower it, leave the factor"
            f" out{'' if repeat else ', or pass repeat=True and a multiple'}."
        )
    return np.arange(T) % size


def _stride(sizes: dict[str, int], name: str) -> int:
    """Distance between neighbouring values of the factor in the order of the grid."""
    order = list(sizes)
    return int(np.prod([sizes[other] for other in order[order.index(name) + 1 :]], dtype=np.int64))
