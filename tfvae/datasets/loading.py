"""`load`: any data set by name as a batched tf.data.Dataset, scaled and reproducible."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae._checks import one_of, positive_int
from tfvae.datasets.motion import PoseTransform
from tfvae.datasets.sources import Source, open_source

_SHUFFLE_BYTES = 2**29


def load(
    name: str,
    split: str = "train",
    *,
    data_dir: str | pathlib.Path | None = None,
    path: str | pathlib.Path | None = None,
    batch_size: int = 128,
    shuffle: bool | None = None,
    seed: int = 0,
    binarize: bool = False,
    labels: bool | str | Sequence[str] = True,
    **config: Any,
) -> tf.data.Dataset:
    """Loads a data set as batches of (x, y), ready for `Model.fit`.

    | name | x | y | raw files at `path` |
    |---|---|---|---|
    | pendulum | (size, size, 1) in [0, 1] | angle, radians | – |
    | sprites | (size, size, 1), 0 or 1 | dict of five labels | – |
    | cmu_mocap | standardised joint angles | motion class | folder of .asf and .amc |
    | cmu_walk_jog | standardised joint angles | 0 walk, 1 jog | cmu35WalkJog.mat or its folder |
    | coil20 | (size, size, 1) in [0, 1] | object | coil-20-proc.zip or its folder |
    | idx | (h, w, 1) in [0, 1] | label | folder of MNIST-like IDX files |
    | digits | (8, 8, 1) in [0, 1] | digit | – |
    | images | (h, w, channels) in [0, 1] | class, if any | folder of images, or of classes |
    | arrays | as in the file | y of the file, if any | .npz or .npy file |
    | lhe | four-vectors (particles, 4), GeV | process | Les Houches Event file |
    | root | four-vectors (particles, 4) | 0 | ROOT file with a flat tree |
    | two_body_decays | four-vectors (2, 4), GeV | mass of the parent, GeV | – |
    | any name in the TFDS catalogue | image in [0, 1] | its label | – |

    Args:
      name: see the table; a catalogue name may be "name/config:version".
      split: "train", "test", …, with TFDS's slices: "train[:8000]", "test[80%:]", "train+test".
      data_dir: folder of TFDS's prepared data; None: ~/tensorflow_datasets.
      path: the raw files, as in the table.
      batch_size: examples per batch; the last batch may be smaller.
      shuffle: True shuffles anew in each epoch; None: True if `split` begins with "train".
      seed: seed of shuffling and binarisation. The same seed gives the same batches, epoch by
        epoch, if each epoch reads the data set to its end.
      binarize: True draws each pixel once, x̃ ~ Bernoulli(x), the same in all epochs. Binary data
        (dsprites) does not change.
      labels: True for the feature of the table (a dict if the data has several label features); a
        feature's name; a sequence of names, for a dict; False for x alone.
      **config: options of the source: fields of `PendulumConfig` (data_seed stands for its seed,
        because `seed` does not change the images), `SpritesConfig`, `CMUMocapConfig`,
        `COIL20Config` or `TwoBodyDecaysConfig` (data_seed, too); drop, hands, standardise for
        cmu_walk_jog; size, channels (3; 1 is grey) for images, whose middle is scaled to this size
        (None: they have one); test_share and data_seed for images and arrays, which are split so
        unless folders or arrays for train and test exist; those of `read_lhe` for lhe, of
        `read_root` for root; config, version for the catalogue. labels="weight" gives the event
        weights of lhe and root, whose events are all in the split "train": "train[:8000]",
        "train[8000:]". Poses leave out the jumping angles of wrists, hands, fingers and thumbs,
        unless hands=True.

    Returns:
      tf.data.Dataset of (x, y), or of x; x is float32, shape (B, …). Integer images are divided by
      the largest value of their dtype (digits: by 16), unless all values are 0 or 1.

    Raises:
      ValueError: if the name (the message lists the nearest ones), the split, a label feature or an
        option is unknown, the raw files are missing (it tells where to get them), a slice is empty,
        or binarize=True is set for poses or events.

    Example:
      >>> import tfvae.datasets
      >>> x, y = next(iter(tfvae.datasets.load("digits", "test[:100]", batch_size=32)))
      >>> x.shape, y.shape
      (TensorShape([32, 8, 8, 1]), TensorShape([32]))
    """
    batch_size = positive_int("batch_size", batch_size)
    source = open_source(name, split, data_dir=data_dir, path=path, **config)
    features = source.examples.element_spec
    chosen = _choose_labels(labels, source, features)
    if binarize and source.inputs in ("pose", "event"):
        raise ValueError(
            f"`binarize` must be False for {name!r}, received {binarize!r}. Only images in [0, 1]"
            f" can be binarised, not {source.inputs}s."
        )
    divisor = _divisor(source, features[source.inputs].dtype)

    def select(index: tf.Tensor, example: dict) -> tuple[tf.Tensor, dict]:
        keys = {source.inputs, *([chosen] if isinstance(chosen, str) else chosen or ())}
        return index, {key: example[key] for key in keys}

    def draw(index: tf.Tensor, example: dict) -> tuple[tf.Tensor, dict]:
        x = tf.cast(example[source.inputs], tf.float32) / divisor
        # With one seed per example, its pixels do not depend on the order or on the slice's end.
        key = tf.stack([tf.constant(seed, tf.int64), index])
        uniform = tf.random.stateless_uniform(tf.shape(x), key)
        return index, {**example, source.inputs: tf.cast(uniform < x, tf.float32)}

    def finish(_: tf.Tensor, example: dict) -> Any:
        x = tf.cast(example[source.inputs], tf.float32)
        x = x if binarize else x / divisor
        if chosen is None:
            return x
        if isinstance(chosen, str):
            return x, example[chosen]
        return x, {key: example[key] for key in chosen}

    dataset = source.examples.enumerate().map(select)
    if split.startswith("train") if shuffle is None else shuffle:
        buffer = _buffer(source.size, dataset.element_spec[1])
        dataset = dataset.shuffle(buffer, seed=seed, reshuffle_each_iteration=True)
    if binarize:
        dataset = dataset.map(draw, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size).map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def as_arrays(dataset: tf.data.Dataset) -> Any:
    """Collects a batched data set into arrays.

    Args:
      dataset: tf.data.Dataset of batches x, or (x, y), as from `load`; y may be a dict.

    Returns:
      x, or (x, y): NumPy arrays, with the batches concatenated along their first axis.

    Raises:
      ValueError: if `dataset` is not a tf.data.Dataset, is not batched, or has no batches.

    Example:
      >>> import tfvae.datasets
      >>> x, y = tfvae.datasets.as_arrays(tfvae.datasets.load("digits", "test"))
      >>> x.shape
      (360, 8, 8, 1)
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(f"`dataset` must be a tf.data.Dataset, received {type(dataset).__name__}.")
    if any(spec.shape.rank == 0 for spec in tf.nest.flatten(dataset.element_spec)):
        raise ValueError(
            "`dataset` must have batches, received single numbers. Call .batch(…) first."
        )
    batches = list(dataset.as_numpy_iterator())
    if not batches:
        raise ValueError("`dataset` must have at least one batch, received none.")
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def pose_transform(
    name: str = "cmu_mocap",
    *,
    data_dir: str | pathlib.Path | None = None,
    path: str | pathlib.Path | None = None,
    **config: Any,
) -> PoseTransform:
    """The `PoseTransform` of the poses that `load` returns for the same arguments.

    `mean`, `std` and `kept` describe the poses; `invert` gives joint angles for drawing.

    Args:
      name: "cmu_mocap" or "cmu_walk_jog".
      data_dir: as for `load`.
      path: as for `load`.
      **config: as for `load`.

    Returns:
      A `PoseTransform`.

    Raises:
      ValueError: for any other name, and as for `load`.

    Example:
      >>> from tfvae.datasets import pose_transform, read_asf
      >>> transform = pose_transform("cmu_mocap", path="cmu_mocap")       # doctest: +SKIP
      >>> angles = transform.invert(model.predict(x))                     # doctest: +SKIP
      >>> joints = read_asf("cmu_mocap/35.asf").positions(angles)         # doctest: +SKIP
    """
    one_of("name", name, ("cmu_mocap", "cmu_walk_jog"))
    return open_source(name, "train", data_dir=data_dir, path=path, **config).transform


def _choose_labels(
    labels: bool | str | Sequence[str], source: Source, features: Mapping[str, Any]
) -> str | tuple[str, ...] | None:
    """The feature, the tuple of features, or None for y."""
    if labels is False:
        return None
    if labels is True:
        if source.label is None:
            raise ValueError(
                f"`labels` must be False or some of {sorted(features)}, received True. The data has"
                " no feature that is a label by default."
            )
        return source.label
    names = (labels,) if isinstance(labels, str) else tuple(labels)
    unknown = [name for name in names if name not in features]
    if unknown or not names:
        raise ValueError(
            f"`labels` must be True, False or some of {sorted(features)}, received {labels!r}."
        )
    return labels if isinstance(labels, str) else names


def _divisor(source: Source, dtype: tf.DType) -> float:
    """The number that the inputs are divided by to lie in [0, 1]."""
    if source.divisor is not None or not dtype.is_integer:
        return source.divisor or 1.0
    # Only its values show that an image of integers is binary (dsprites).
    head = source.examples.take(256).map(lambda example: tf.reduce_max(example[source.inputs]))
    highest = max(int(value) for value in head.as_numpy_iterator())
    return 1.0 if highest <= 1 else float(dtype.max)


def _buffer(size: int, features: Mapping[str, tf.TensorSpec]) -> int:
    """Number of examples in the shuffle buffer: all, if they fit into its memory."""
    # Unknown shapes (catalogue images of any size) count as 64×64.
    width = sum((s.shape.num_elements() or 2**12) * (s.dtype.size or 8) for s in features.values())
    return min(size, max(1024, _SHUFFLE_BYTES // width))
