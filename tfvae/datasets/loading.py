"""`load`: any data set by name as a batched tf.data.Dataset, scaled and reproducible."""

import numpy as np
import tensorflow as tf

from tfvae._checks import positive_int
from tfvae.datasets.sources import open_source

_SHUFFLE_BYTES = 2**29


def load(
    name,
    split="train",
    *,
    data_dir=None,
    path=None,
    batch_size=128,
    shuffle=None,
    seed=0,
    binarize=False,
    labels=True,
    **config,
):
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
    | any name in the TFDS catalogue | image in [0, 1] | its label | – |

    Args:
      name: see the table; a catalogue name may be "name/config:version".
      split: "train", "test", …, with TFDS's slices: "train[:8000]", "test[80%:]", "train+test".
      data_dir: folder of TFDS's prepared data; None: ~/tensorflow_datasets.
      path: where the raw files lie.
      batch_size: examples a batch; the last batch may be smaller.
      shuffle: whether to shuffle, anew in each epoch; None: where `split` begins with "train".
      seed: of shuffling and binarisation. The same seed gives the same batches, epoch by epoch, as
        long as each epoch reads the data set to its end.
      binarize: True draws each pixel once, static over epochs, x̃ ~ Bernoulli(x); data that is
        binary already (dsprites) is left so.
      labels: True for the feature of the table (data with several label features gives a dict of
        them); a feature's name, or a sequence of names (y is then a dict); False for x alone.
      **config: options of the source: fields of `PendulumConfig` (its seed is called data_seed
        here, so that `seed` leaves the images alone), `SpritesConfig`, `CMUMocapConfig` or
        `COIL20Config`; drop, standardise for cmu_walk_jog; config, version for the catalogue.

    Returns:
      tf.data.Dataset of (x, y), or of x; x is float32, shape (B, …). Integer images are divided by
      the largest value of their dtype, those that hold only 0 and 1 not at all.

    Raises:
      ValueError: for an unknown name (with the nearest ones), split, label feature or option, a
        missing path (with the files expected and where to get them), a slice without examples, and
        for binarize=True on data outside [0, 1].

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
    if source.transform is not None and binarize:
        raise ValueError(f"binarize: {name!r} has poses, not images in [0, 1]; leave it out.")
    divisor = _divisor(source, features[source.inputs].dtype)

    def select(index, example):
        keys = {source.inputs, *([chosen] if isinstance(chosen, str) else chosen or ())}
        return index, {key: example[key] for key in keys}

    def draw(index, example):
        x = tf.cast(example[source.inputs], tf.float32) / divisor
        # A seed for each example keeps its pixels, whatever the order and the slice's end.
        key = tf.stack([tf.constant(seed, tf.int64), index])
        uniform = tf.random.stateless_uniform(tf.shape(x), key)
        return index, {**example, source.inputs: tf.cast(uniform < x, tf.float32)}

    def finish(_, example):
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


def as_arrays(dataset):
    """Collects a batched data set into arrays.

    Args:
      dataset: tf.data.Dataset of batches x, or (x, y), as from `load`; y may be a dict.

    Returns:
      x, or (x, y), NumPy arrays with the batches joined along their first axis.

    Raises:
      ValueError: where `dataset` is no tf.data.Dataset, has no batches, or is not batched.

    Example:
      >>> import tfvae.datasets
      >>> x, y = tfvae.datasets.as_arrays(tfvae.datasets.load("digits", "test"))
      >>> x.shape
      (360, 8, 8, 1)
    """
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(f"dataset: expected a tf.data.Dataset, got {type(dataset).__name__}.")
    if any(spec.shape.rank == 0 for spec in tf.nest.flatten(dataset.element_spec)):
        raise ValueError("dataset: expected batches, got single numbers; call .batch(…) first.")
    batches = list(dataset.as_numpy_iterator())
    if not batches:
        raise ValueError("dataset: expected at least one batch, got none.")
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def pose_transform(name="cmu_mocap", *, data_dir=None, path=None, **config):
    """The `PoseTransform` behind the poses that `load` returns for the same arguments.

    Its `mean`, `std` and `kept` describe the poses; its `invert` gives joint angles for drawing.

    Args:
      name: "cmu_mocap" or "cmu_walk_jog".
      data_dir: as for `load`.
      path: as for `load`.
      **config: as for `load`.

    Returns:
      A `PoseTransform`.

    Raises:
      ValueError: for other names, and as `load`.

    Example:
      >>> from tfvae.datasets import pose_transform, read_asf
      >>> transform = pose_transform("cmu_mocap", path="cmu_mocap")       # doctest: +SKIP
      >>> angles = transform.invert(model.predict(x))                     # doctest: +SKIP
      >>> joints = read_asf("cmu_mocap/35.asf").positions(angles)         # doctest: +SKIP
    """
    if name not in ("cmu_mocap", "cmu_walk_jog"):
        raise ValueError(f"name: expected 'cmu_mocap' or 'cmu_walk_jog', got {name!r}.")
    return open_source(name, "train", data_dir=data_dir, path=path, **config).transform


def _choose_labels(labels, source, features):
    """The feature, the tuple of features, or None that becomes y."""
    if labels is False:
        return None
    if labels is True:
        if source.label is None:
            raise ValueError(
                f"labels: the data has no label among its features {sorted(features)}; pass"
                " labels=False, or the name of a feature."
            )
        return source.label
    names = (labels,) if isinstance(labels, str) else tuple(labels)
    unknown = [name for name in names if name not in features]
    if unknown or not names:
        raise ValueError(
            f"labels: expected True, False or some of {sorted(features)}, got {labels!r}."
        )
    return labels if isinstance(labels, str) else names


def _divisor(source, dtype):
    """What the inputs are divided by to lie in [0, 1]."""
    if source.divisor is not None or not dtype.is_integer:
        return source.divisor or 1.0
    # Binary images stored as integers (dsprites) look like any others but for their values.
    head = source.examples.take(256).map(lambda example: tf.reduce_max(example[source.inputs]))
    highest = max(int(value) for value in head.as_numpy_iterator())
    return 1.0 if highest <= 1 else float(dtype.max)


def _buffer(size, features):
    """Number of examples to shuffle among: all, as far as memory stands it."""
    # Shapes that are not known (catalogue images of any size) count as 64×64.
    width = sum((s.shape.num_elements() or 2**12) * (s.dtype.size or 8) for s in features.values())
    return min(size, max(1024, _SHUFFLE_BYTES // width))
