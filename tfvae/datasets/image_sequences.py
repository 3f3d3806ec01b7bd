"""`sequences`: images that go round a cycle of rotations, hues, scales or perspectives."""

import functools
import math

import numpy as np
import tensorflow as tf

from tfvae._checks import one_of
from tfvae.datasets import cycles, transformations

# In the order in which they act on the coordinates of an output pixel, from the right.
_GEOMETRIC = ("rotation", "scale", "perspective")
_FACTORS = (*_GEOMETRIC, "hue")
_SCALES = (0.60, 1.26)
_NUM_CHECKED = 256


def sequences(
    images,
    labels=None,
    transformation="rotation",
    *,
    num_frames=18,
    batch_size=8,
    training=True,
    rest="identity",
    seed=0,
    first=0,
):
    """Sequences of frames in which an image goes once round a cycle of transformations [KW21].

    A factor has T states, 0 … T − 1. Frame l of a sequence has the state

        i_l = (i_0 + l) mod T,   i_0 uniform on 0 … T − 1,

    and the states are

    | factor | state i | function |
    |---|---|---|
    | rotation | turned by 2π i/T | `rotated` |
    | hue | hue shifted by 2π i/T, grey images painted red before | `hue_shifted` |
    | scale | zoomed by 0.60 + 0.66 i/(T − 1) | `scaled` |
    | perspective | receding in the direction 2π i/T, tilted by π/4 | `tilted` |

    The default T = 18 gives the published steps of 20° and 0.0388. The scale jumps back from its
    last state to its first; the others close. Where several factors act on one frame, the image is
    zoomed and turned, then tilted (one interpolation), then shifted in hue.

    Args:
      images: shape (n, h, w, c), c 1 or 3, floats in [0, 1], or uint8, which is divided by 255
        (where it holds only 0 and 1, not at all); or an unbatched tf.data.Dataset of such images,
        or of (image, label), of which the first 256 are checked.
      labels: shape (n, …), for `images` as an array.
      transformation: a factor; several factors that move together, in equal states, joined by
        "_and_" as in "rotation_and_hue"; or a sequence of such names, one of which is drawn,
        uniformly, for each sequence of frames.
      num_frames: T, frames, at least 2.
      batch_size: B, sequences a batch; the last batch may be smaller.
      training: True shuffles, and draws i_0 and the transformation anew in each epoch; False keeps
        the order and the draws.
      rest: what becomes of the factors that `transformation` names and that a sequence does not
        move: "identity" leaves the image as it is, "random" keeps one state, drawn uniformly, in
        all frames, as the authors' program does.
      seed: an int. The same seed gives the same batches, epoch by epoch, as long as each epoch
        reads the data to its end.
      first: number of the first image, where `training` is False: what is drawn for an image
        depends on the seed and its number alone, so that a part of the data gets the draws that it
        has in the whole.

    Returns:
      tf.data.Dataset of (x, factors), which `Model.fit` takes: x is float32, shape
      (B, T, h, w, c) in [0, 1], with c = 3 where `transformation` names the hue. `factors` is a
      dict of "label", where there are labels; for each factor named, its states i_l, int32, shape
      (B, T), so that frames l and m differ by a shift of (i_m − i_l) mod T, with −1 in all frames
      of a sequence that does not move the factor; and, where `transformation` is a sequence of
      names, "transformation", the place of the drawn one among them, int32, shape (B,).

    Raises:
      ValueError: for images of another rank, number of channels, dtype or range, or none at all,
        for labels of another number, an unknown transformation or rest, and num_frames < 2.

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
        raise ValueError(f"images: expected 1 or 3 channels, got images of shape {shape}.")
    tables = {factor: _table(factor, T, *shape[:2]) for factor in factors}

    def render(example, uniform):
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


def _moves(names):
    """The factors that transformations name, and which moves which: bool, (names, factors)."""
    parts = [name.split("_and_") for name in names]
    for name, factors in zip(names, parts, strict=True):
        if not set(factors) <= set(_FACTORS) or len(set(factors)) < len(factors):
            raise ValueError(
                f"transformation: expected one of {', '.join(_FACTORS)}, several of them joined by"
                f" '_and_', or a sequence of such names, got {name!r}."
            )
    named = [factor for factor in _FACTORS if any(factor in factors for factors in parts)]
    return named, np.array([[factor in factors for factor in named] for factors in parts])


def _table(factor, T, height, width):
    """What takes an image to state i in row i + 1 and leaves it as it is in row 0."""
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


def _transform(x, poses, tables):
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
    # Interpolation may round to just above 1.
    frames = tf.clip_by_value(frames, 0.0, 1.0)
    return tf.reshape(frames, (-1, T, *frames.shape[1:]))


def _from_array(images, labels):
    """Dataset of places, what fetches a batch of (image, label) from them, shape, and bytes."""
    images, scale = cycles.checked_images(images)
    shape, size = images.shape[1:], len(images)
    labels = None if labels is None else np.asarray(labels)
    if labels is not None and labels.shape[:1] != (size,):
        raise ValueError(
            f"labels: expected one for each of the {size} images, got shape {labels.shape}."
        )
    with tf.device("CPU:0"):
        images = tf.constant(images)
        labels = None if labels is None else tf.constant(labels)

    def fetch(places):
        x = tf.cast(tf.gather(images, places), tf.float32) * scale
        return x, None if labels is None else tf.gather(labels, places)

    return tf.data.Dataset.range(size), fetch, shape, 8


def _from_dataset(dataset, labels):
    """The dataset, what makes (image, label) of its batches, shape, and bytes of an example."""
    if labels is not None:
        raise ValueError("labels: expected None beside a tf.data.Dataset, which has its own.")
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) == 2
    image = spec[0] if labelled else spec
    shape = getattr(image, "shape", tf.TensorShape(None))
    if shape.rank != 3 or not shape.is_fully_defined():
        raise ValueError(
            "images: expected a tf.data.Dataset of images (h, w, c), or of (image, label), of one"
            f" size, got elements {spec}; call .unbatch() where they are batches, and map"
            " tf.ensure_shape where the size is not known."
        )
    head = dataset.take(_NUM_CHECKED)
    head = list((head.map(lambda x, _: x) if labelled else head).as_numpy_iterator())
    if not head:
        raise ValueError("images: expected at least one image, got an empty tf.data.Dataset.")
    _, scale = cycles.checked_images(np.stack(head))

    def fetch(example):
        x, label = example if labelled else (example, None)
        return tf.cast(x, tf.float32) * scale, label

    return dataset, fetch, tuple(shape), shape.num_elements() * image.dtype.size
