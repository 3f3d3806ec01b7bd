"""Checkpoint files: written completely or not at all, and checked for damage when read."""

import contextlib
import hashlib
import json
import os
import pathlib
from typing import Any

import numpy as np

_MANIFEST = "manifest"
_DIGEST_SIZE = hashlib.sha256().digest_size


class DamagedFileError(Exception):
    """The file differs from what was written. The message says how."""


def name(epoch: int, step: int) -> str:
    """Returns the file name for `epoch` whole epochs and `step` steps of the next one."""
    return f"epoch_{epoch:06d}_step_{step:09d}.npz"


def paths(folder: str | os.PathLike) -> list[pathlib.Path]:
    """Returns the checkpoints in a folder, oldest first."""
    return sorted(pathlib.Path(folder).glob("epoch_*_step_*.npz"))


def write(path: str | os.PathLike, arrays: dict[str, np.ndarray], manifest: dict[str, Any]) -> None:
    """Writes arrays and a JSON manifest as an .npz file, followed by its SHA-256 (32 bytes).

    The file gets its name only after all of it is on the disk.

    Raises:
        OSError: when it cannot be written; no part of it is left then.
    """
    path = pathlib.Path(path)
    partial = path.with_suffix(".partial")
    text = json.dumps(manifest).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb+") as file:
            np.savez(file, **arrays, **{_MANIFEST: np.frombuffer(text, np.uint8)})
            file.seek(0)
            digest = _digest(file)
            file.seek(0, os.SEEK_END)
            file.write(digest)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _flush_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OSError(
            error.errno,
            f"The checkpoint could not be written ({error.strerror or error}). Earlier checkpoints "
            "are untouched. Free disk space or make the folder writable, and run the program again",
            str(path),
        ) from error


def read(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays and the manifest of a file.

    Raises:
        DamagedFileError: when any byte differs from what was written.
    """
    path = pathlib.Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        found = _digest(file, size - _DIGEST_SIZE)
        if size <= _DIGEST_SIZE or file.read() != found:
            raise DamagedFileError(f"its {size} bytes do not end with their checksum")
        file.seek(0)
        with np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
    return arrays, json.loads(arrays.pop(_MANIFEST).tobytes())


def prune(newest: pathlib.Path, keep: int) -> None:
    """Removes all checkpoints except `newest` and the `keep` − 1 before it.

    Files later than `newest` are removed too: they are damaged ones that were skipped.
    """
    others = [path for path in paths(newest.parent) if path != newest]
    before = [path for path in others if path < newest]
    kept = before[len(before) - (keep - 1) :] if keep > 1 else []
    for path in set(others) - set(kept):
        path.unlink(missing_ok=True)


def _digest(file, size=None):
    """SHA-256 of the next `size` bytes; None: of all remaining bytes."""
    digest, left = hashlib.sha256(), size
    while left is None or left > 0:
        block = file.read(2**20 if left is None else min(left, 2**20))
        if not block:
            break
        digest.update(block)
        left = None if left is None else left - len(block)
    return digest.digest()


def _flush_folder(folder):
    """Flushes the folder, if the system can: the new file name then survives a power cut."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
