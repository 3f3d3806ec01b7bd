"""The sources of `load`: a builder of this package, arrays, or the TFDS catalogue."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import pathlib
import types
import typing
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.datasets import idx, motion, own_files, raw_files

if typing.TYPE_CHECKING:
    # TFDS takes seconds to import, and not every source needs it.
    import tensorflow_datasets as tfds


class Source(typing.NamedTuple):
    """Examples of one split, before scaling.

    Attributes:
      examples: tf.data.Dataset of dicts of features, one example each, in a fixed order.
      size: number of examples.
      inputs: the feature used as x.
      label: the feature, or the tuple of features, used as y; None if there is none.
      divisor: integer inputs are divided by it; None: by the largest value of their dtype.
      transform: the `PoseTransform` of poses; None for images.
    """

    examples: tf.data.Dataset
    size: int
    inputs: str
    label: str | tuple[str, ...] | None
    divisor: float | None = None
    transform: motion.PoseTransform | None = None


def open_source(
    name: str,
    split: str,
    *,
    data_dir: str | pathlib.Path | None = None,
    path: str | pathlib.Path | None = None,
    **config: Any,
) -> Source:
    """Returns the `Source` of a data set by name; arguments as for `tfvae.datasets.load`."""
    for argument, value, example in (("name", name, "mnist"), ("split", split, "train[:100]")):
        if not isinstance(value, str):
            raise ValueError(f"`{argument}` must be text such as {example!r}, received {value!r}.")
    opener = _OPENERS.get(name)
    if opener is None:
        _refuse_path(name, path)
        return _catalogue(name, split, data_dir, config)
    return opener(split, data_dir, path, config)


def _pendulum(split, data_dir, path, config):
    from tfvae.datasets import pendulum

    _refuse_path("pendulum", path)
    # `data_seed` is the seed of the images; `seed` of `load` is the seed of shuffling.
    _check_options("pendulum", config, {"size", "noise", "num_train", "num_test", "data_seed"})
    config = pendulum.PendulumConfig(seed=config.pop("data_seed", 0), **config)
    return _from_builder(_prepare(pendulum.Pendulum, config, data_dir), split)


def _sprites(split, data_dir, path, config):
    from tfvae.datasets import sprites_builder

    _refuse_path("sprites", path)
    config = _make_config(sprites_builder.SpritesConfig, config)
    return _from_builder(_prepare(sprites_builder.Sprites, config, data_dir), split)


def _coil20(split, data_dir, path, config):
    from tfvae.datasets import coil20

    raw_files.require(path, needs="coil-20-proc.zip or its folder", source=coil20.SOURCE)
    config = _make_config(coil20.COIL20Config, {"path": path, **config})
    return _from_builder(_prepare(coil20.COIL20, config, data_dir), split)


def _cmu_mocap(split, data_dir, path, config):
    from tfvae.datasets import cmu_mocap

    raw_files.require(path, needs=cmu_mocap.NEEDS, source=motion.CMU_SOURCE)
    config = _make_config(cmu_mocap.CMUMocapConfig, {"path": path, **config})
    builder = _prepare(cmu_mocap.CMUMocap, config, data_dir)
    source, transform = _from_builder(builder, split), builder.pose_transform

    def with_shape(example):
        return {**example, "pose": tf.ensure_shape(example["pose"], (len(transform.kept),))}

    return source._replace(examples=source.examples.map(with_shape), transform=transform)


def _cmu_walk_jog(split, data_dir, path, config):
    _check_options("cmu_walk_jog", config, {"drop", "hands", "standardise"})
    motions = motion.read_walk_jog(path)
    transform = motion.PoseTransform.fit(motions["train"], **config)
    jogs = {f"35_{trial}" for trial in range(17, 27)}
    arrays = {
        name: {
            "pose": np.concatenate([transform.apply(m) for m in chosen]),
            "label": np.concatenate([np.full(len(m.frames), m.name in jogs, int) for m in chosen]),
            "sequence": np.concatenate([np.full(len(m.frames), m.name.encode()) for m in chosen]),
            "frame": np.concatenate([m.frames for m in chosen]),
        }
        for name, chosen in motions.items()
    }
    return from_arrays(arrays, split, inputs="pose")._replace(transform=transform)


def _idx(split, data_dir, path, config):
    _check_options("idx", config, set())
    arrays = {}
    for name, (images_file, labels_file) in idx.find_idx(path).items():
        arrays[name] = {"image": idx.read_idx(images_file)[..., None]}
        if labels_file is not None:
            labels = idx.read_idx(labels_file)
            if labels.shape != arrays[name]["image"].shape[:1]:
                raise ValueError(
                    f"{labels_file}: the labels must have shape ({len(arrays[name]['image'])},),"
                    f" one for each image of {images_file}, received {labels.shape}. Get both files"
                    " again."
                )
            arrays[name]["label"] = labels.astype(np.int64)
    return from_arrays(arrays, split)


def _digits(split, data_dir, path, config):
    import sklearn.datasets

    _refuse_path("digits", path)
    _check_options("digits", config, set())
    digits = sklearn.datasets.load_digits()
    # The file is ordered by writer. A fixed permutation spreads the writers over both splits.
    order = np.random.RandomState(0).permutation(len(digits.target))
    bounds = {"train": slice(None, len(order) * 4 // 5), "test": slice(len(order) * 4 // 5, None)}
    arrays = {
        name: {
            "image": digits.images[order[rows]].astype(np.uint8)[..., None],
            "label": digits.target[order[rows]].astype(np.int64),
        }
        for name, rows in bounds.items()
    }
    return from_arrays(arrays, split)._replace(divisor=16.0)


def _two_body_decays(split, data_dir, path, config):
    from tfvae.datasets import decays_builder

    _refuse_path("two_body_decays", path)
    # As for the pendulum, `seed` of `load` is that of shuffling.
    own = set(inspect.get_annotations(decays_builder.TwoBodyDecaysConfig)) - {"name", "seed"}
    _check_options("two_body_decays", config, {*own, "data_seed"})
    config = decays_builder.TwoBodyDecaysConfig(seed=config.pop("data_seed", 0), **config)
    return _from_builder(_prepare(decays_builder.TwoBodyDecays, config, data_dir), split)


def _lhe(split, data_dir, path, config):
    from tfvae.datasets import event_files

    _check_options("lhe", config, {"particles", "drop"})
    return _from_events(event_files.read_lhe(path, **config), split)


def _root(split, data_dir, path, config):
    from tfvae.datasets import event_files

    _check_options("root", config, {"tree", "branches", "coordinates", "weight", "unique"})
    return _from_events(event_files.read_root(path, **config), split)


def _images(split, data_dir, path, config):
    _check_options("images", config, {"size", "channels", "test_share", "data_seed"})
    folder = raw_files.require(path, needs=own_files.NEEDS_IMAGES, source=own_files.SOURCE)
    size, channels = config.pop("size", None), config.pop("channels", 3)
    files = own_files.image_files(folder, **config)
    decode, shape = own_files.decoder(size, channels, str(files["train"]["path"][0]))
    if size is None:
        own_files.check_sizes([p for part in files.values() for p in part["path"]], shape)
    source = from_arrays(files, split, inputs="path")

    def read(example):
        return {"image": decode(example["path"]), **example}

    examples = source.examples.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return source._replace(examples=examples, inputs="image", divisor=255.0)


def _arrays(split, data_dir, path, config):
    _check_options("arrays", config, {"test_share", "data_seed"})
    path = raw_files.require(path, needs=own_files.NEEDS_ARRAYS, source=own_files.SOURCE)
    return from_arrays(own_files.read_arrays(path, **config), split, inputs="x")


def _from_events(events, split):
    arrays = {"event": events.p, "weight": events.weights, "label": events.processes}
    return from_arrays({"train": arrays}, split, inputs="event")


_OPENERS = {
    "arrays": _arrays,
    "cmu_mocap": _cmu_mocap,
    "cmu_walk_jog": _cmu_walk_jog,
    "coil20": _coil20,
    "digits": _digits,
    "idx": _idx,
    "images": _images,
    "lhe": _lhe,
    "pendulum": _pendulum,
    "root": _root,
    "sprites": _sprites,
    "two_body_decays": _two_body_decays,
}


def _catalogue(name, split, data_dir, config):
    import tensorflow_datasets as tfds

    _check_options(name, config, {"config", "version"})
    try:
        builder = tfds.builder(name, data_dir=data_dir, **config)
    except ValueError as error:
        names = [*_OPENERS, *tfds.list_builders(with_community_datasets=False)]
        if name.split("/")[0].split(":")[0] in names:
            raise
        nearest = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
        raise ValueError(
            f"`name` must be one of {', '.join(_OPENERS)} or in the TFDS catalogue, received"
            f" {name!r}. Nearest: {', '.join(nearest) or 'none'}."
        ) from error
    builder.download_and_prepare()
    return _from_builder(builder, split)


def _prepare(cls, config, data_dir):
    with _no_warnings():
        builder = cls(config=config, data_dir=data_dir)
        builder.download_and_prepare()
    return builder


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Silences TFDS's warning that a config is not predefined, which is normal here."""
    from absl import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _from_builder(builder: tfds.core.DatasetBuilder, split: str) -> Source:
    import tensorflow_datasets as tfds

    # A cache that is not full is emptied by an iterator that is dropped half-way, so whoever reads
    # this data set again and again decides about a cache.
    examples = builder.as_dataset(
        split=split,
        shuffle_files=False,
        read_config=tfds.ReadConfig(add_tfds_id=False, try_autocache=False),
    )
    features, keys = builder.info.features, builder.info.supervised_keys
    if not hasattr(features, "keys"):
        raise ValueError(
            f"`name` must be a data set with named features, received {builder.name!r}. Build the"
            " tf.data.Dataset with tensorflow_datasets directly."
        )
    images = [key for key in features if isinstance(features[key], tfds.features.Image)]
    candidates = [k for k in ("image", "pose", "event") if k in features] + images
    if not candidates:
        raise ValueError(
            f"`name` must be a data set with an image feature, received {builder.name!r} with"
            f" {sorted(features)}. Build the tf.data.Dataset with tensorflow_datasets directly."
        )
    labels = tuple(sorted(key for key in features if key.startswith("label")))
    label = "label" if "label" in labels else labels or None
    if keys and keys[0] == candidates[0] and isinstance(keys[1], str) and keys[1] != keys[0]:
        label = keys[1]
    size = builder.info.splits[split].num_examples
    return Source(examples, _not_empty(size, split), candidates[0], label)


def from_arrays(
    arrays: dict[str, dict[str, np.ndarray]], split: str, inputs: str = "image"
) -> Source:
    """Source of {split: {feature: array}} with the slices of TFDS."""
    chosen = arrays.get(split)
    if chosen is None:
        # Only a slice needs TFDS, which takes seconds to import.
        import tensorflow_datasets as tfds

        sizes = {name: len(features[inputs]) for name, features in arrays.items()}
        infos = {
            name: types.SimpleNamespace(num_examples=size, shard_lengths=[size])
            for name, size in sizes.items()
        }
        parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(infos)
        chosen = {
            key: np.concatenate([arrays[p.splitname][key][p.from_ : p.to] for p in parts])
            for key in arrays[parts[0].splitname]
        }
    size = _not_empty(len(chosen[inputs]), split)
    label = "label" if "label" in chosen else None
    return Source(tf.data.Dataset.from_tensor_slices(chosen), size, inputs, label)


def _not_empty(size: int, split: str) -> int:
    if size < 1:
        raise ValueError(
            f"`split` must have at least one example, received {split!r}. Widen the slice."
        )
    return size


def _make_config(cls: type, options: dict[str, Any]) -> Any:
    """A config of the class; all options must be its own fields."""
    own = set(inspect.get_annotations(cls)) - {"name"}
    _check_options(cls.__name__, options, own)
    return cls(**options)


def _check_options(name: str, options: dict[str, Any], allowed: set[str]) -> None:
    unknown = sorted(set(options) - allowed)
    if unknown:
        expected = f"among {', '.join(sorted(allowed))}" if allowed else "left out"
        near = difflib.get_close_matches(unknown[0], allowed, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Correct the option, or leave it out."
        raise ValueError(
            f"The options of {name!r} must be {expected}, received {unknown[0]!r}. {hint}"
        )


def _refuse_path(name: str, path: str | pathlib.Path | None) -> None:
    if path is not None:
        raise ValueError(
            f"`path` must be None for {name!r}, which reads no raw files, received {path!r}. Use"
            " `data_dir` for the folder of prepared data."
        )
