"""`factor_sequences`: the images of a full grid of factors, along one factor at a time."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfvae._checks import one_of, positive_int
from tfvae.datasets import cycles


def factor_sequences(
    images,
    factors,
    factor,
    *,
    sizes,
    num_frames=None,
    repeat=False,
    batch_size=8,
    training=True,
    seed=0,
):
    """Sequences of frames in which one factor of a rendered data set goes through its values.

    For data with one image for every combination of its factors, such as dSprites. A sequence
    keeps all factors but one. With S values of that one and T frames, the states are an even
    subset of the values, state i the value ⌊i S / T⌋ (for S = T: all of them), and frame l has the
    state

        i_l = (i_0 + l) mod T,   i_0 uniform on 0 … T − 1.

    An epoch has as many sequences as there are combinations of the other factors, each once. Where
    `factor` is a sequence of names, one is drawn, uniformly, for each sequence of frames; the
    number of sequences is that of the factor with the fewest combinations, n, and sequence j draws
    from the j-th of n equal parts of its factor's combinations.

    Args:
      images: shape (N, h, w, c), floats in [0, 1], or uint8, which is divided by 255 (where it
        holds only 0 and 1, not at all).
      factors: shape (N, F), int: the values of the factors of each image, counted from 0.
      factor: the name of the factor that moves, or a sequence of names.
      sizes: dict of the F factors in the order of the columns, {name: number of values}.
      num_frames: T, at least 2; None: as many as `factor` has values, the fewest where it names
        several.
      repeat: True lets a factor with fewer than T values go round T/S times, with the value
        i mod S in state i; S must divide T. [KW21] does so with the scales of dSprites (T = 15,
        S = 5).
      batch_size: B, sequences a batch; the last batch may be smaller.
      training: True shuffles, and draws anew in each epoch; False keeps the order and the draws.
      seed: an int; the same seed gives the same batches, epoch by epoch.

    Returns:
      tf.data.Dataset of (x, factors) as from `sequences`: x float32, shape (B, T, h, w, c), and for
      each factor named its states i_l, int32, shape (B, T), −1 in all frames of a sequence that
      does not move it; "transformation", the place of the drawn factor among the names, int32,
      shape (B,), where `factor` is a sequence.

    Raises:
      ValueError: for images of another rank, dtype or range, for factors that are not every
        combination of `sizes` exactly once, an unknown factor, num_frames < 2, and one with fewer
        values than frames.

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

    def render(example, uniform):
        start, which = tf.unstack(tf.cast(uniform[:, :2] * (T, len(names)), tf.int32), axis=1)
        index = cycles.states(start, T)
        # Which of the combinations of the other factors, in the order of the grid.
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


def _grid(factors, sizes, number):
    """The checked sizes, and the row of each combination of factors in the order of the grid."""
    if not isinstance(sizes, Mapping) or not sizes:
        raise ValueError(
            "sizes: expected a dict such as {'scale': 6, 'orientation': 40}, in the order of the"
            f" columns of factors, got {sizes!r}."
        )
    sizes = {name: positive_int(f"sizes[{name!r}]", size) for name, size in sizes.items()}
    shape = tuple(sizes.values())
    factors = np.asarray(factors)
    if factors.shape != (number, len(sizes)) or not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(
            f"factors: expected ints of shape {(number, len(sizes))}, a row for each image and a"
            f" column for each of {', '.join(sizes)}, got {factors.dtype} of shape {factors.shape}."
        )
    if np.any(factors < 0) or np.any(factors >= shape):
        raise ValueError(
            f"factors: expected values from 0 to below {sizes}, got from {factors.min(0).tolist()}"
            f" to {factors.max(0).tolist()}; count the values from 0."
        )
    places = np.ravel_multi_index(tuple(factors.T), shape)
    rows = np.argsort(places, kind="stable")
    expected = int(np.prod(shape))
    if number != expected or np.any(places[rows] != np.arange(number)):
        raise ValueError(
            f"factors: expected each of the {expected} combinations of {sizes} exactly once, got"
            f" {number} rows with {len(np.unique(places))} different ones."
        )
    return sizes, rows


def _values(name, size, T, repeat):
    """The value of each state, int64, shape (T,)."""
    if size >= T:
        return np.arange(T) * size // T
    if not repeat or T % size:
        raise ValueError(
            f"num_frames: expected at most the number of values of {name!r}, {size}"
            f"{' or a multiple of it' if repeat else ''}, got {T}; lower it, leave the factor out"
            f"{'' if repeat else ', or pass repeat=True and a multiple'}."
        )
    return np.arange(T) % size


def _stride(sizes, name):
    """How far apart neighbouring values of the factor are in the order of the grid."""
    order = list(sizes)
    return int(np.prod([sizes[other] for other in order[order.index(name) + 1 :]], dtype=np.int64))
