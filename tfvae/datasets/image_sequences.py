"""`sequences`: images that run through a cycle of rotations, hues, scales or perspectives."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae._checks import one_of
from tfvae.datasets import cycles, transformations

# Their product acts on the coordinates of an output pixel, so the last one acts first.
_GEOMETRIC = ("rotation", "scale", "perspective")
_FACTORS = (*_GEOMETRIC, "hue")
_SCALES = (0.60, 1.26)
_NUM_CHECKED = 256


def sequences(
    images: ArrayLike | tf.data.Dataset,
    labels: ArrayLike | None = None,
    transformation: str | Sequence[str] = "rotation",
    *,
    num_frames: int = 18,
    batch_size: int = 8,
    training: bool = True,
    rest: str = "identity",
    seed: int = 0,
    first: int = 0,
) -> tf.data.Dataset:
    """Sequences of frames in which an image runs once through a cycle of transformations [KW21].

    A factor has T states, 0 … T − 1. Frame l of a sequence has the state

        i_l = (i_0 + l) mod T,   i_0 uniform on 0 … T − 1.

    The states are

    | factor | state i | function |
    |---|---|---|
    | rotation | rotated by 2π i/T | `rotated` |
    | hue | hue shifted by 2π i/T, grey images painted red before | `hue_shifted` |
    | scale | scaled by 0.60 + 0.66 i/(T − 1) | `scaled` |
    | perspective | receding in the direction 2π i/T, tilted by π/4 | `tilted` |

    The default T = 18 gives the published steps of 20° and 0.0388. The scale jumps from its last
    state back to its first; the other factors are cyclic. If several factors act on one frame, the
    image is scaled and rotated, then tilted (one interpolation), then shifted in hue.

    Args:
      images: shape (n, h, w, c), c 1 or 3, floats in [0, 1], or uint8. Integers are divided by 255,
        unless all are 0 or 1. Or an unbatched tf.data.Dataset of such images, or of
        (image, label); its first 256 images are checked.
      labels: shape (n, …), if `images` is an array.
      transformation: a factor; or several factors joined by "_and_", as in "rotation_and_hue",
        which move together in equal states; or a sequence of such names. Each sequence of frames
        draws one of the names uniformly.
      num_frames: T, frames, at least 2.
      batch_size: B, sequences per batch; the last batch may be smaller.
      training: True shuffles and draws i_0 and the transformation anew in each epoch; False keeps
        the order and the draws.
      rest: the state of named factors that a sequence does not move: "identity" leaves the image
        unchanged; "random" draws one state uniformly for all frames, as the authors' program does.
      seed: an int. The same seed gives the same batches, epoch by epoch, if each epoch reads the
        data to its end.
      first: number of the first image, used if `training` is False. The draws for an image depend
        only on the seed and the image's number. A part of the data thus keeps the draws that it
        has in the whole.

    Returns:
      tf.data.Dataset of (x, factors), for `Model.fit`. x is float32, shape (B, T, h, w, c), in
      [0, 1]; c = 3 if `transformation` names the hue. `factors` is a dict. Each named factor has
      its states i_l, int32, shape (B, T), −1 in all frames of a sequence that does not move it;
      frames l and m differ by a shift of (i_m − i_l) mod T. "label" is there if there are labels.
      If `transformation` is a sequence, "transformation" is the index of the drawn name, int32,
      shape (B,).

    Raises:
      ValueError: if there are no images, their rank, number of channels, dtype or range does not
        fit, the number of labels differs, transformation or rest is unknown, or num_frames < 2.

    Example:
      >>> import numpy as np
      >>> from tfvae.datasets import sequences
      >>> digits = np.random.default_rng(0).uniform(size=(20, 28, 28, 1))
      >>> data = sequences(digits, np.arange(20), ("rotation", "hue", "scale"))
      >>> x, factors = next(iter(data))
      >>> x.shape, sorted(factors)
      (TensorShape([8, 18, 28, 28, 3]), ['hue', 'label', 'rotation', 'scale', 'transformation'])
    """
    names = cycles.names_of("transformation", transformation)
    factors, moves = _moves(names)
    one_of("rest", rest, ("identity", "random"))
    T = cycles.frames(num_frames)
    opened = _from_dataset if isinstance(images, tf.data.Dataset) else _from_array
    source, fetch, shape, example_bytes = opened(images, labels)
    if shape[-1] not in (1, 3):
        raise ValueError(f"`images` must have 1 or 3 channels, received images of shape {shape}.")
    tables = {factor: _table(factor, T, *shape[:2]) for factor in factors}

    def render(example: Any, uniform: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        x, label = fetch(example)
        start, which = tf.unstack(tf.cast(uniform[:, :2] * (T, len(names)), tf.int32), axis=1)
        moved = dict(zip(factors, tf.unstack(tf.gather(moves, which), axis=1), strict=True))
        indices = cycles.moving_states(cycles.states(start, T), moved)
        result = {} if label is None else {"label": label}
        if not isinstance(transformation, str):
            result["transformation"] = which
        poses = indices
        if rest == "random":
            still = tf.cast(uniform[:, 2:] * T, tf.int32)
            poses = {
                factor: tf.where(indices[factor] < 0, still[:, f, None], indices[factor])
                for f, factor in enumerate(factors)
            }
        return _transform(x, poses, tables), {**result, **indices}

    return cycles.batches(
        source,
        render,
        num_draws=2 + len(factors),
        batch_size=batch_size,
        training=training,
        seed=seed,
        first=first,
        example_bytes=example_bytes,
    )


def _moves(names: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """The named factors, and whether a name moves a factor: bool, (names, factors)."""
    parts = [name.split("_and_") for name in names]
    for name, factors in zip(names, parts, strict=True):
        if not set(factors) <= set(_FACTORS) or len(set(factors)) < len(factors):
            raise ValueError(
                f"`transformation` must be one of {', '.join(_FACTORS)}, several of them joined by"
                f" '_and_', or a sequence of such names, received {name!r}."
            )
    named = [factor for factor in _FACTORS if any(factor in factors for factors in parts)]
    return named, np.array([[factor in factors for factor in named] for factors in parts])


def _table(factor: str, T: int, height: int, width: int) -> tf.Tensor:
    """Angles of the hue, or homographies: the identity in row 0, state i in row i + 1."""
    turns = tf.constant(2 * math.pi * np.arange(T) / T, tf.float32)
    if factor == "hue":
        return tf.concat([[0.0], turns], 0)
    if factor == "rotation":
        rows = transformations.rotation(turns)
    elif factor == "scale":
        rows = transformations.zoom(tf.linspace(*_SCALES, T))
    else:
        rows = transformations.perspective(turns, height, width)
    return tf.concat([tf.eye(3)[None], rows], 0)


def _transform(
    x: tf.Tensor, poses: dict[str, tf.Tensor], tables: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Frames (B, T, h, w, c) of images (B, h, w, c) in the states (B, T) of the factors."""
    T = next(iter(poses.values())).shape[1]
    frames = tf.repeat(x, T, 0)
    chosen = {
        factor: tf.gather(tables[factor], tf.reshape(pose, (-1,)) + 1)
        for factor, pose in poses.items()
    }
    geometric = [chosen[factor] for factor in _GEOMETRIC if factor in chosen]
    if geometric:
        frames = transformations.warp(frames, functools.reduce(tf.matmul, geometric))
    if "hue" in chosen:
        frames = transformations.hue_shifted(frames, chosen["hue"])
    # Rounding in the interpolation may give values slightly above 1.
    frames = tf.clip_by_value(frames, 0.0, 1.0)
    return tf.reshape(frames, (-1, T, *frames.shape[1:]))


def _from_array(
    images: ArrayLike, labels: ArrayLike | None
) -> tuple[tf.data.Dataset, Callable, tuple[int, ...], int]:
    """Dataset of indices, function from a batch of them to (image, label), shape, and bytes."""
    images, scale = cycles.checked_images(images)
    shape, size = images.shape[1:], len(images)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape[:1] != (size,):
        raise ValueError(
            f"`labels` must have one entry for each of the {size} images, received shape"
            f" {labels.shape}."
        )
    with tf.device("CPU:0"):
        images = tf.constant(images)
        labels = None if labels is None else tf.constant(labels)

    def fetch(places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        x = tf.cast(tf.gather(images, places), tf.float32) * scale
        return x, None if labels is None else tf.gather(labels, places)

    return tf.data.Dataset.range(size), fetch, shape, 8


def _from_dataset(
    dataset: tf.data.Dataset, labels: ArrayLike | None
) -> tuple[tf.data.Dataset, Callable, tuple[int, ...], int]:
    """The dataset, function from a batch to (image, label), shape, and bytes of an example."""
    if labels is not None:
        raise ValueError(
            "`labels` must be None if `images` is a tf.data.Dataset, received"
            f" {type(labels).__name__}. Put the labels into the dataset as (image, label)."
        )
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image = spec[0] if labelled else spec
    shape = getattr(image, "shape", tf.TensorShape(None))
    if shape.rank != 3 or not shape.is_fully_defined():
        raise ValueError(
            "`images` must be a tf.data.Dataset of images (h, w, c), or of (image, label), of one"
            f" size, received elements {spec}. Call .unbatch() if they are batches, and map"
            " tf.ensure_shape if the size is not known."
        )
    head = dataset.take(_NUM_CHECKED)
    head = list((head.map(lambda x, _: x) if labelled else head).as_numpy_iterator())
    if not head:
        raise ValueError(
            "`images` must have at least one image, received an empty tf.data.Dataset."
        )
    _, scale = cycles.checked_images(np.stack(head))

    def fetch(example: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        x, label = example if labelled else (example, None)
        return tf.cast(x, tf.float32) * scale, label

    return dataset, fetch, tuple(shape), shape.num_elements() * image.dtype.size
