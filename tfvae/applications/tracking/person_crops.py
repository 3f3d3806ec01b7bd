"""What a descriptor learns from: crops of boxes, and which of them are one person, by tracks."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae._progress import progress
from tfvae.applications.tracking import crops
from tfvae.applications.tracking.sequences import Sequence
from tfvae.applications.tracking.sort import Sort

SIZE = 32, 16


@dataclasses.dataclass(frozen=True)
class PersonCrops:
    """Crops of the boxes of a video, with the short track that each belongs to.

    Attributes:
        images: RGB, (n, height, width, 3), uint8.
        tracklets: number of the track, (n,), int64; no two persons have one, but a person may have
            several.
        frames: from 1 on, (n,), int64.
    """

    images: np.ndarray
    tracklets: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        """The number of crops."""
        return len(self.images)

    def __add__(self, other: "PersonCrops") -> "PersonCrops":
        """Crops of two videos, whose tracks are different ones."""
        shift = self.tracklets.max(initial=-1) + 1
        return PersonCrops(
            np.concatenate([self.images, other.images]),
            np.concatenate(
                [self.tracklets, other.tracklets - other.tracklets.min(initial=0) + shift]
            ),
            np.concatenate([self.frames, other.frames + self.frames.max(initial=0)]),
        )


def person_crops(
    sequence: Sequence,
    *,
    first: int = 1,
    last: int | None = None,
    size: tuple[int, int] = SIZE,
    min_length: int = 5,
    tracker: Any = None,
    verbose: str | int = "auto",
) -> PersonCrops:
    """Crops of a sequence's detections, without labels.

    A tracker that is sure of what it does, `Sort`, follows people from frame to frame, and loses
    them where they meet: what it has in one track is one person.

    Args:
        sequence: of `read_sequence`, with frames.
        first: the first frame.
        last: the last one; None: of the sequence.
        size: height and width of a crop.
        min_length: tracks of fewer boxes are left out, many of which are false alarms.
        tracker: a new tracker; None: `Sort(min_hits=0)`.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: when there are no frames, or no tracks of that length.
    """
    _checks.instance_of("sequence", sequence, Sequence, "read_sequence(folder)")
    tracker = Sort(min_hits=0) if tracker is None else tracker
    min_length = _checks.positive_int("min_length", min_length)
    size = _checks.positive_ints("size", size)
    if len(size) != 2:
        raise ValueError(f"`size` must be height and width of a crop, received {size}.")
    first, last = sequence.span(first, last)
    cut = tf.function(lambda image, boxes: crops.cropped(image, boxes, size), reduce_retracing=True)
    images, tracklets, frames = [], [], []
    with progress(last - first + 1, verbose, "frame") as advance:
        for number, image in sequence.frames(first, last):
            part = sequence.detections.of_frame(number)
            boxes = sequence.detections.boxes[part]
            tracks = tracker.update(boxes)
            seen = crops.inside(boxes[tracks.detections], image.shape)
            if seen.any():
                chosen = boxes[tracks.detections[seen]].astype("float32")
                found = cut(tf.constant(image), tf.constant(chosen)).numpy()
                images.append(np.clip(np.round(found), 0, 255).astype("uint8"))
                tracklets.append(tracks.ids[seen])
                frames.append(np.full(int(seen.sum()), number))
            advance()
    if images:
        images, tracklets, frames = (np.concatenate(p) for p in (images, tracklets, frames))
        _, places, counts = np.unique(tracklets, return_inverse=True, return_counts=True)
        kept = counts[places] >= min_length
        if kept.any():
            return PersonCrops(images[kept], tracklets[kept], frames[kept])
    raise ValueError(
        f"`sequence` must have a track of {min_length} boxes in frames {first} to {last}, received "
        f"{len(sequence.detections)} detections in all. Lower `min_length`, or use more frames."
    )


def augmented(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Crops as another moment might show them: mirrored, moved by a few pixels, lighter or darker.

    Args:
        images: in [0, 1], (B, height, width, 3).
        seed: stateless, (2,).

    Returns:
        The same shape, in [0, 1].
    """
    seeds = tfp.random.split_seed(seed, n=4, salt="augmented")
    batch = tf.shape(images)[0]
    flip = tf.random.stateless_uniform([batch, 1, 1, 1], seeds[0]) < 0.5
    images = tf.where(flip, images[:, :, ::-1], images)
    height, width = images.shape[1], images.shape[2]
    shift = tf.random.stateless_uniform([batch, 2], seeds[1], -0.06, 0.06)
    zoom = tf.random.stateless_uniform([batch, 1], seeds[2], -0.05, 0.05)
    low, high = shift + zoom, 1.0 + shift - zoom
    boxes = tf.clip_by_value(tf.concat([low, high], axis=1), 0.0, 1.0)
    images = tf.image.crop_and_resize(images, boxes, tf.range(batch), [height, width])
    light = tf.random.stateless_uniform([batch, 1, 1, 1], seeds[3], 0.9, 1.1)
    return tf.clip_by_value(images * light, 0.0, 1.0)


def single_crops(
    crops_: PersonCrops, *, batch_size: int = 64, augment: bool = True, seed: int = 0
) -> tf.data.Dataset:
    """Batches of crops in [0, 1], shuffled, for a model that explains what it reads [C20]."""
    index = _shuffled(len(crops_), batch_size, seed)
    images = tf.constant(crops_.images)

    def batch(places, own_seed):
        x = tf.cast(tf.gather(images, places), tf.float32) / 255.0
        return augmented(x, own_seed) if augment else x

    return index.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def pairs(
    crops_: PersonCrops,
    target: Callable[[tf.Tensor], tf.Tensor] | None = None,
    *,
    batch_size: int = 64,
    augment: bool = True,
    seed: int = 0,
) -> tf.data.Dataset:
    """Batches of (x, y), two crops of one track, for a model with `target="y"`.

    What differs between the two, such as pose and background, cannot be told from x, and is not
    kept in z. Each crop is x once in an epoch; its partner is drawn anew from the same track.

    Args:
        crops_: of `person_crops`.
        target: what is to be explained of the partner: a function of images in [0, 1], such as
            `tfvae.networks.ColorHistogram()`; None: the image itself.
        batch_size: number of pairs.
        augment: whether both are changed at random, see `augmented`.
        seed: of order, partners and changes.
    """
    order = np.argsort(crops_.tracklets, kind="stable")
    _, starts, places, counts = np.unique(
        crops_.tracklets[order], return_index=True, return_inverse=True, return_counts=True
    )
    images = tf.constant(crops_.images[order])
    starts, counts = (tf.constant(part[places], tf.int32) for part in (starts, counts))

    def batch(chosen, own_seed):
        share = tf.random.stateless_uniform(tf.shape(chosen), own_seed)
        count = tf.gather(counts, chosen)
        step = tf.cast(share * tf.cast(count, tf.float32), tf.int32)
        partner = tf.gather(starts, chosen) + tf.minimum(step, count - 1)
        x, y = (tf.cast(tf.gather(images, i), tf.float32) / 255.0 for i in (chosen, partner))
        if augment:
            x, y = (augmented(part, own_seed + i) for i, part in ((1, x), (2, y)))
        return x, y if target is None else target(y)

    index = _shuffled(len(crops_), batch_size, seed)
    return index.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _shuffled(number, batch_size, seed):
    """Batches of places in a new order each epoch, with a seed of their own."""
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    seeds = seeds.map(lambda pair: tf.cast(pair % 2**31, tf.int32))
    index = tf.data.Dataset.range(number).shuffle(number, seed=seed)
    index = index.map(lambda place: tf.cast(place, tf.int32)).batch(batch_size)
    return tf.data.Dataset.zip((index, seeds)).apply(
        tf.data.experimental.assert_cardinality(-(-number // batch_size))
    )
