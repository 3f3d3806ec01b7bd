"""The checkpoint files of a folder: their names, their order, and which ones are kept."""

import os
import pathlib
import re
import warnings
from typing import Any

import numpy as np

from tfvae import _files

_FORMAT = 2
_NAME = re.compile(r"epoch_(\d{6,})_step_(\d{9,})\.npz", re.ASCII)


def name(epoch: int, step: int) -> str:
    """Returns the file name for `epoch` whole epochs and `step` steps of the next one."""
    return f"epoch_{epoch:06d}_step_{step:09d}.npz"


def paths(folder: str | os.PathLike) -> list[pathlib.Path]:
    """Returns the checkpoints in a folder, oldest first. Files of other names are the user's."""
    files = pathlib.Path(folder).glob("epoch_*_step_*.npz")
    return sorted((path for path in files if _order(path) and path.is_file()), key=_order)


def write(path: str | os.PathLike, arrays: dict[str, np.ndarray], manifest: dict[str, Any]) -> None:
    """Writes a checkpoint.

    Raises:
        OSError: when it cannot be written; no part of it is left then.
    """
    path = pathlib.Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _files.write_arrays(path, arrays, {**manifest, "format": _FORMAT})
    except OSError as error:
        raise OSError(
            error.errno,
            f"The checkpoint could not be written ({error.strerror or error}). Earlier checkpoints "
            "are untouched. Free disk space or make the folder writable, and run the program again",
            str(path),
        ) from error


def newest(folder: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns arrays and manifest of the newest checkpoint that is whole; of a start without one.

    Warns of each one that is not.

    Raises:
        ValueError: when it was written by another version.
        OSError: when no file is whole, and one could not be read.
    """
    unreadable = None
    for path in reversed(paths(folder)):
        try:
            arrays, manifest = _files.read_arrays(path)
        except (_files.DamagedFileError, OSError) as error:
            warnings.warn(
                f"The checkpoint {path} is damaged: {error}. The one before it is used.",
                stacklevel=3,
            )
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                unreadable = error
            continue
        if manifest.get("format") != _FORMAT:
            raise ValueError(
                f"`folder` must hold checkpoints of this version of tfvae, received {path} of "
                "another one. Choose another folder."
            )
        return arrays, manifest
    if unreadable:  # The file may be whole: a run from the start must not replace it.
        raise unreadable
    return {}, {"epoch": 0, "step": 0, "history": {}, "epochs": []}


def prune(newest: pathlib.Path, keep: int) -> None:
    """Removes all checkpoints except `newest` and the `keep` − 1 before it.

    Files later than `newest` are removed too: they are damaged ones that were skipped.
    """
    others = [path for path in paths(newest.parent) if path != newest]
    before = [path for path in others if _order(path) < _order(newest)]
    kept = before[len(before) - (keep - 1) :] if keep > 1 else []
    for path in set(others) - set(kept):
        path.unlink(missing_ok=True)


def _order(path):
    """Epoch and step by which files are ordered; None for a name that `name` does not give."""
    found = _NAME.fullmatch(path.name)
    numbers = found and tuple(map(int, found.groups()))
    return numbers if numbers and name(*numbers) == path.name else None
