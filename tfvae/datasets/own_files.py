"""Images in a folder and arrays in a file, those of the user, as splits of examples."""

import pathlib
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
SPLITS = ("train", "test")
NEEDS_IMAGES = f"a folder of images ({', '.join(ENDINGS)})"
NEEDS_ARRAYS = "an .npz or .npy file"
SOURCE = "wherever yours are"


def image_files(
    folder: pathlib.Path, *, test_share: float = 0.2, data_seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Returns the paths of images, and the numbers of their classes if they have some, by split.

    Folders named train and test are the splits. Without them `test_share` of the images, drawn by
    `data_seed`, are the test split. Folders within these are the classes, in alphabetical order.

    Args:
      folder: the folder.
      test_share: share of the images in the test split.
      data_seed: seed of the split.

    Returns:
      {"train": {"path": (n,), "label": (n,)}, "test": …}; "label" is missing without classes.

    Raises:
      ValueError: if there are no images, some are beside folders with others, the classes of the
        splits differ, or an image cannot be read.
    """
    parts = {name: folder / name for name in SPLITS}
    if all(part.is_dir() for part in parts.values()):
        found = {name: _listed(part) for name, part in parts.items()}
        classes = {name: names for name, (_, _, names) in found.items()}
        if classes["train"] != classes["test"]:
            raise ValueError(
                f"`path` must have the same classes in train and test, received {classes} in "
                f"{str(folder)!r}."
            )
        return {name: _features(paths, labels) for name, (paths, labels, _) in found.items()}
    paths, labels, _ = _listed(folder)
    return split(_features(paths, labels), test_share, data_seed)


def decoder(
    size: int | Sequence[int] | None, channels: int, first: str
) -> tuple[Callable[[tf.Tensor], tf.Tensor], tuple[int, int]]:
    """Returns a function from a path to an image, uint8, and the (height, width) of the images.

    Args:
      size: of the images, a number or (height, width): the middle of each, scaled. None: that of
        the first image, and all must have it.
      channels: 1 for grey images, 3 for colours.
      first: path of the first image.

    Raises:
      ValueError: if an argument cannot be used.
    """
    from PIL import Image

    channels = _checks.one_of("channels", channels, (1, 3))
    if size is None:
        with Image.open(first) as image:
            shape = image.size[::-1]
    else:
        shape = _checks.positive_ints("size", (size, size) if isinstance(size, int) else size)
        if len(shape) == 1:
            shape *= 2
    if len(shape) != 2:
        raise ValueError(f"`size` must be a number or (height, width), received {size!r}.")

    def decode(path: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(tf.io.read_file(path), channels, expand_animations=False)
        if size is not None:
            image.set_shape((None, None, channels))
            scale = tf.reduce_max(
                tf.cast(shape, tf.float32) / tf.cast(tf.shape(image)[:2], "float32")
            )
            scaled = tf.cast(tf.math.ceil(scale * tf.cast(tf.shape(image)[:2], "float32")), "int32")
            image = tf.image.resize(image, tf.maximum(scaled, shape), antialias=True)
            image = tf.image.resize_with_crop_or_pad(image, *shape)
            image = tf.cast(tf.round(tf.clip_by_value(image, 0.0, 255.0)), tf.uint8)
        return tf.ensure_shape(image, (*shape, channels))

    return decode, shape


def check_sizes(paths: Sequence[str], shape: tuple[int, int]) -> None:
    """Raises a ValueError if an image has another (height, width)."""
    from PIL import Image

    for path in paths:
        with Image.open(path) as image:
            if image.size[::-1] != shape:
                raise ValueError(
                    f"`size` must be given for images of several sizes, received None and "
                    f"{image.size[::-1]} in {path!r} beside {shape}. Set it, as in size=64."
                )


def read_arrays(
    path: pathlib.Path, *, test_share: float = 0.2, data_seed: int = 0
) -> dict[str, dict[str, np.ndarray]]:
    """Reads the examples of an .npz or .npy file, by split.

    Args:
      path: an .npz file with x_train, x_test and perhaps y_train, y_test; with x and perhaps y; or
        with one array of any name; or an .npy file. Arrays of objects are refused: they could hold
        code.
      test_share: share of the examples in the test split, where the file has no splits.
      data_seed: seed of the split.

    Returns:
      {"train": {"x": (n, …), "label": (n,)}, "test": …}; "label" is missing without y.

    Raises:
      ValueError: if the file is damaged or has other arrays, or lengths differ.
    """
    arrays = _loaded(path)
    if len(arrays) == 1:
        arrays = {"x": next(iter(arrays.values()))}
    if {"x_train", "x_test"} <= arrays.keys():
        parts = {
            name: _features(arrays[f"x_{name}"], arrays.get(f"y_{name}"), "x") for name in SPLITS
        }
    elif "x" in arrays:
        parts = {"all": _features(arrays["x"], arrays.get("y"), "x")}
    else:
        raise ValueError(
            f"`path` must hold x_train and x_test, x, or one array, received {sorted(arrays)} in "
            f"{str(path)!r}."
        )
    for part in parts.values():
        _check_examples(part, path)
    return parts if "train" in parts else split(parts["all"], test_share, data_seed)


def arrays_of(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz or .npy file whose rows are examples, by the names that they have.

    Raises:
      ValueError: as `read_arrays`.
    """
    arrays = _loaded(path)
    if len(arrays) == 1:
        return arrays
    names = ("x_train", "x_test") if {"x_train", "x_test"} <= arrays.keys() else ("x",)
    return {name: arrays[name] for name in names}


def _loaded(path):
    try:
        loaded = np.load(path, allow_pickle=False)
        return {"x": loaded} if isinstance(loaded, np.ndarray) else {**loaded}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"`path` must be {NEEDS_ARRAYS} of numbers, received {str(path)!r} ({error})."
        ) from error


def split(
    features: dict[str, np.ndarray], test_share: float, data_seed: int
) -> dict[str, dict[str, np.ndarray]]:
    """Returns features by split: a share of the examples, drawn by a seed, is for the test.

    Raises:
      ValueError: if the share leaves no example for one of the splits.
    """
    test_share = _checks.number_in(
        "test_share", test_share, 0.0, 1.0, low_open=True, high_open=True
    )
    n = len(next(iter(features.values())))
    num_test = max(1, round(test_share * n))
    if num_test >= n:
        raise ValueError(
            f"`test_share` must leave examples for training, received {test_share} of {n} examples."
        )
    # In their order, which shuffling decides later.
    order = np.random.default_rng(data_seed).permutation(n)
    rows = {"train": np.sort(order[num_test:]), "test": np.sort(order[:num_test])}
    return {
        name: {key: values[chosen] for key, values in features.items()}
        for name, chosen in rows.items()
    }


def _listed(folder: pathlib.Path) -> tuple[list[str], list[int] | None, list[str]]:
    """The images of a folder: paths, numbers of classes or None, and the names of the classes."""
    here = _images(folder)
    inside = {
        child.name: images
        for child in sorted(folder.iterdir())
        if child.is_dir() and (images := _images(child))
    }
    if bool(here) == bool(inside):
        received = "both" if here else "none"
        raise ValueError(
            f"`path` must be {NEEDS_IMAGES}, or of folders with one class each, received "
            f"{received} in {str(folder)!r}."
        )
    _check_images([*here, *(path for images in inside.values() for path in images)])
    if here:
        return here, None, []
    labels = [i for i, images in enumerate(inside.values()) for _ in images]
    return [path for images in inside.values() for path in images], labels, list(inside)


def _images(folder: pathlib.Path) -> list[str]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    return [str(path) for path in files if path.is_file() and path.name[0] != "."]


def _check_images(paths: Sequence[str]) -> None:
    from PIL import Image

    for path in paths:
        try:
            with Image.open(path):
                pass
        except OSError as error:
            raise ValueError(
                f"`path` must hold images, received {path!r}, which is none ({error}). Remove it."
            ) from error


def _features(inputs: Any, labels: Any, name: str = "path") -> dict[str, np.ndarray]:
    features = {name: np.asarray(inputs)}
    if labels is not None:
        features["label"] = np.asarray(labels)
    return features


def _check_examples(part: dict[str, np.ndarray], path: pathlib.Path) -> None:
    x, y = part["x"], part.get("label")
    if x.ndim < 2 or x.dtype.kind not in "biuf":
        raise ValueError(
            f"`path` must hold numbers of shape (n, …), received shape {x.shape} and dtype "
            f"{x.dtype} in {str(path)!r}."
        )
    if y is not None and y.shape != (len(x),):
        raise ValueError(
            f"`path` must hold one label for each example, ({len(x)},), received {y.shape} in "
            f"{str(path)!r}."
        )
