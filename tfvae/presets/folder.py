"""Where a saved model is: a file, a folder, or the Hugging Face Hub; and what is missing there."""

import os
import pathlib
import re
from types import ModuleType

from tfvae import _checks
from tfvae._version import __version__

MODEL, CONFIG, TABLE, CARD = "model.keras", "config.json", "table.keras", "README.md"
# The data of a run, by the name in its config, from which a table makes what the model takes.
RAW_ROWS = "table"
HUB = "hf://"
LIBRARY = {"library_name": "tfvae", "library_version": __version__}
# What `keras.Model.save("hf://…")` uploads.
_OF_KERAS = (CONFIG, "metadata.json", "model.weights.h5")
_SHOWN = 8


def hub() -> ModuleType:
    """The package huggingface_hub."""
    return _checks.package("huggingface_hub", "A path that begins with hf://", "tfvae[hub]")


def repository(path: str) -> str:
    """user/name of hf://user/name.

    Raises:
        ValueError: when `path` is of another form.
    """
    name = path.removeprefix(HUB)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ValueError(
            f"`path` must be of the form hf://user/name, received {path!r}. The whole repository "
            "is one preset."
        )
    return name


def is_on_hub(path: str | os.PathLike) -> bool:
    """Whether `path` begins with hf://."""
    return os.fspath(path).startswith(HUB)


def local(path: str | os.PathLike) -> pathlib.Path:
    """`path` as a local file or folder; what is on the Hub is downloaded, once, to its cache.

    Raises:
        ImportError: when huggingface_hub is not installed.
        ValueError: when nothing is there, or the path is of another file system.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(
            f"`path` must be a folder, a .keras file or hf://user/name, received {path!r:.60}."
        )
    if is_on_hub(path):
        name = repository(os.fspath(path))
        return pathlib.Path(hub().snapshot_download(repo_id=name, **LIBRARY))
    check_local(path)
    found = pathlib.Path(path)
    if not found.exists():
        raise ValueError(
            f"`path` must be a folder, a .keras file or hf://user/name, received {str(found)!r}, "
            "which does not exist."
        )
    return found


def check_local(path: str | os.PathLike) -> None:
    """Raises a ValueError for a path of a remote file system."""
    if "://" in os.fspath(path):
        raise ValueError(
            f"`path` must be local or hf://user/name, received {os.fspath(path)!r}. Copy the files "
            "to a local folder, by tf.io.gfile.copy or the tools of the store."
        )


def model_path(found: pathlib.Path, name: str = "`path`") -> pathlib.Path:
    """What Keras loads: the file, the folder's `model.keras`, or a folder that Keras wrote.

    Args:
        found: a file or folder that exists.
        name: of the argument, for messages.

    Raises:
        ValueError: when the folder holds no model; says what it holds.
    """
    if not found.is_dir() or found.suffix == ".keras":
        return found
    if (found / MODEL).is_file():
        return found / MODEL
    if all((found / name).is_file() for name in _OF_KERAS):
        return found
    raise ValueError(
        f"{name} must be a folder with {MODEL}, received {str(found)!r}, which has none. "
        + _advice(found)
    )


def of_preset(found: pathlib.Path) -> pathlib.Path | None:
    """The folder with config and table of what was found; None for a bare `.keras` file.

    The file `model.keras` of a preset's or a run's folder belongs to it.
    """
    if found.is_dir():
        return found
    is_part = found.name == MODEL and (found.parent / CONFIG).is_file()
    return found.parent if is_part else None


def _advice(found: pathlib.Path) -> str:
    if (found / "saved_model.pb").exists():
        return (
            "It is a SavedModel, for servers: tf.saved_model.load reads it. Load the preset or the "
            "run that it was exported from."
        )
    if (found / "checkpoints").is_dir():
        return (
            "It is a run that has not ended: start its training again with this folder, and it "
            f"will go on and write {MODEL}."
        )
    names = sorted(path.name for path in found.iterdir())
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"It holds {shown or 'nothing'}. `tfvae.save` writes such a folder."
