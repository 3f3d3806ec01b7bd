"""What the explorer is given: a model's file, and data from a file or by name."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import tfvae.datasets
from tfvae import _checks, _keras_files
from tfvae.models import LatentVariableModel, beside
from tfvae.presets import folder

# The arrays of an .npz file that are read.
ARRAYS = ("x", *beside.NAMES)
ENDINGS = (".npy", ".npz")


class Data(NamedTuple):
    """Examples with all that the explorer shows of them."""

    x: np.ndarray
    """(n, *data)."""
    y: dict[str, np.ndarray] = {}
    """What the model may need beside x: "labels", "condition", each with a row for each example."""
    labels: dict[str, np.ndarray] = {}
    """What the points can be coloured by: name -> (n,)."""
    joints: Any = None
    """A function of poses, (n, N_x), that gives positions of joints, (n, joints, 3); or None."""
    parents: Sequence[int] = ()
    """The parent of each joint, −1 for the root."""
    name: str = "data"


def read_model(path: str | os.PathLike) -> LatentVariableModel:
    """Loads a model of the library from its file or folder; no code of the file is run.

    Args:
        path: a .keras file, or the folder of a finished run or a preset.

    Raises:
        ValueError: when there is no such file, it is damaged or of another kind, or holds code.
    """
    check_paths(path)
    path = folder.model_path(pathlib.Path(path), "MODEL")
    model = _keras_files.loaded("MODEL", path, safe_mode=True)
    if not isinstance(model, LatentVariableModel):
        raise ValueError(
            f"MODEL must be a model of tfvae, received a {type(model).__name__} in {str(path)!r}."
        )
    return model


def check_paths(model: str | os.PathLike, data: str | None = None) -> None:
    """Looks whether both files are there, before either is read, which takes long.

    Raises:
        ValueError: when one is not, or the model's is none.
    """
    path = pathlib.Path(model)
    if path.is_dir():
        folder.model_path(path, "MODEL")
    elif path.suffix != ".keras" or not path.is_file():
        raise ValueError(
            "MODEL must be a .keras file, or the folder of a run or a preset, received "
            f"{str(path)!r}"
            + (", which does not exist." if not path.exists() else ".")
            + ' `model.save("model.keras")` writes one.'
        )
    if data is not None and pathlib.Path(data).suffix in ENDINGS and not os.path.isfile(data):
        raise ValueError(f"DATA must be a file that exists, received {data!r}, which does not.")


def read_data(
    name: str,
    *,
    split: str = "test",
    path: str | None = None,
    data_dir: str | None = None,
    options: dict[str, Any] | None = None,
) -> Data:
    """Reads an .npy or .npz file, or loads a data set of the library by name.

    An .npy file holds x. An .npz file holds x alone, or x with some of "labels", "condition" and
    "target", with a row for each example. Nothing is unpickled.

    Args:
        name: the file, or a name for `tfvae.datasets.load`.
        split: of a data set.
        path: the raw files of a data set.
        data_dir: folder of TFDS's prepared data.
        options: further options of a data set, such as {"size": 16}.

    Raises:
        ValueError: when there is no such file or data set, or it holds something else.
    """
    if pathlib.Path(name).suffix in ENDINGS:
        return _from_file(pathlib.Path(name))
    if os.path.exists(name):
        raise ValueError(
            f"DATA must be an .npy or .npz file or the name of a data set, received {name!r}. "
            "`numpy.savez(path, x=x, labels=labels)` writes a file."
        )
    return _from_dataset(name, split, path, data_dir, options or {})


def _from_file(path: pathlib.Path) -> Data:
    try:
        content = np.load(path, allow_pickle=False)
        arrays = {"x": content} if path.suffix == ".npy" else dict(content)
        if not all(isinstance(values, np.ndarray) for values in arrays.values()):
            raise ValueError("it holds something else than arrays")
    except Exception as error:  # A damaged header brings errors of many classes, one of memory too.
        raise ValueError(
            f"DATA must be a whole file of arrays of numbers or texts, received {str(path)!r}, "
            f"which cannot be read ({error})."
        ) from error
    if len(arrays) == 1:
        arrays = {"x": next(iter(arrays.values()))}
    if "x" not in arrays or not set(arrays) <= set(ARRAYS):
        raise ValueError(
            f"DATA must hold one array, or x with some of {', '.join(ARRAYS[1:])}, received "
            f"{', '.join(arrays) or 'nothing'} in {str(path)!r}. Write the arrays by these names: "
            "numpy.savez(path, x=x, labels=labels)."
        )
    x = arrays.pop("x")
    if x.ndim < 2 or len(x) == 0 or x.dtype.kind not in "buif":
        raise ValueError(
            f"DATA must hold numbers x, (n ≥ 1, *data), received an array of the shape {x.shape} "
            f"and type {x.dtype} in {str(path)!r}."
        )
    for name, values in arrays.items():
        beside.check_rows(name, values, len(x))
    labels = {}
    if "labels" in arrays:
        columns = arrays["labels"].reshape(len(x), -1)
        names = (
            ["label"] if columns.shape[1] == 1 else [f"label {i}" for i in range(len(columns.T))]
        )
        labels = dict(zip(names, columns.T, strict=True))
    return Data(x, arrays, labels, name=path.name)


def _from_dataset(name, split, path, data_dir, options):
    loaded = _load(name, split, path, data_dir, options)
    x, y = loaded if isinstance(loaded, tuple) else (loaded, None)
    joints, parents = stick_figure(name, path, data_dir, options)
    return labelled(x, y)._replace(joints=joints, parents=parents, name=f"{name}, {split}")


def labelled(x: np.ndarray, y: np.ndarray | dict[str, np.ndarray] | None) -> Data:
    """Examples with what a data set gives beside them: labels, (n,), some of them by name, or None.

    Labels without a name are what a model may need beside x.
    """
    named = y if isinstance(y, dict) else {} if y is None else {"label": y}
    labels = {str(key): np.asarray(value) for key, value in named.items()}
    labels = {key: _texts(value) for key, value in labels.items() if value.ndim == 1}
    return Data(x, {} if y is None or isinstance(y, dict) else {"labels": y}, labels)


def _load(name, split, path, data_dir, options):
    """(x, y), or x of a data set without a label."""
    source = {"split": split, "path": path, "data_dir": data_dir, **options}
    try:
        dataset = tfvae.datasets.load(name, shuffle=False, **source)
    except ValueError as error:
        if "`labels` must be False" not in str(error):
            raise
        dataset = tfvae.datasets.load(name, shuffle=False, labels=False, **source)
    return tfvae.datasets.as_arrays(dataset)


def _texts(values: np.ndarray) -> np.ndarray:
    """Bytes of TFDS as texts."""
    if values.dtype.kind not in "SO":
        return values
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values])


def stick_figure(
    name: str, path: str | None, data_dir: str | None, options: dict[str, Any]
) -> tuple[Callable[[np.ndarray], np.ndarray] | None, Sequence[int]]:
    """Positions of the joints of poses, and their parents; None where no skeleton is.

    The arguments are those of `read_data`.
    """
    if name not in ("cmu_mocap", "cmu_walk_jog"):
        return None, ()
    skeletons = sorted(pathlib.Path(path or ".").glob("*.asf"))
    if not skeletons:
        return None, ()
    transform = tfvae.datasets.pose_transform(name, path=path, data_dir=data_dir, **options)
    skeleton = tfvae.datasets.read_asf(skeletons[0])
    if tuple(skeleton.channels) != tuple(transform.channels):
        return None, ()
    return (lambda poses: skeleton.positions(transform.invert(poses))), skeleton.parents


def option(text: str) -> tuple[str, Any]:
    """NAME=VALUE as a name and a number, True, False or a text.

    Raises:
        ValueError: when there is no "=".

    Example:
        >>> option("size=16"), option("noise=0.1"), option("hands=True")
        (('size', 16), ('noise', 0.1), ('hands', True))
    """
    name, given, value = text.partition("=")
    if not (given and name):
        raise ValueError(f"--set must be NAME=VALUE, received {text!r}.")
    if value in ("True", "False"):
        return name, value == "True"
    for parse in (_checks.whole_number, _checks.number):
        try:
            return name, parse(value)
        except ValueError:
            continue
    return name, value
