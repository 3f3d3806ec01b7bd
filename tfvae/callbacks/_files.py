"""Checkpoint files: complete or absent under their name, and damaged ones are noticed."""

import contextlib
import hashlib
import json
import os
import pathlib

import numpy as np

_MANIFEST = "manifest"
_DIGEST_SIZE = hashlib.sha256().digest_size


class DamagedFileError(Exception):
    """The file is not what was written; its text says how that shows."""


def name(epoch: int, step: int) -> str:
    """The name of a checkpoint after `epoch` whole epochs and `step` steps of the next."""
    return f"epoch_{epoch:06d}_step_{step:09d}.npz"


def paths(folder) -> list[pathlib.Path]:
    """The checkpoints in a folder, oldest first."""
    return sorted(pathlib.Path(folder).glob("epoch_*_step_*.npz"))


def write(path, arrays: dict, manifest: dict):
    """Writes arrays and a JSON manifest as an .npz file, with its SHA-256 in 32 bytes behind it.

    The file gets its name when it is on the disk as a whole.

    Raises:
        OSError: when it cannot be written; nothing of it is left then.
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
            f"The checkpoint could not be written ({error.strerror or error}). Those before it are "
            "as they were: make room, or let the folder be written to, and run the same again",
            str(path),
        ) from error


def read(path) -> tuple[dict, dict]:
    """The arrays and the manifest of a file.

    Raises:
        DamagedFileError: when it is not, byte for byte, what was written.
    """
    path = pathlib.Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        found = _digest(file, size - _DIGEST_SIZE)
        if size <= _DIGEST_SIZE or file.read() != found:
            raise DamagedFileError(f"its {size} bytes do not have the checksum at their end")
        file.seek(0)
        with np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
    return arrays, json.loads(arrays.pop(_MANIFEST).tobytes())


def prune(newest, keep: int):
    """Removes all checkpoints beside `newest` but the `keep` − 1 before it.

    A later one can only be a damaged one that was passed over: training has come by it again.
    """
    others = [path for path in paths(newest.parent) if path != newest]
    before = [path for path in others if path < newest]
    kept = before[len(before) - (keep - 1) :] if keep > 1 else []
    for path in set(others) - set(kept):
        path.unlink(missing_ok=True)


def _digest(file, size=None):
    """SHA-256 of the next `size` bytes, or of all that follow."""
    digest, left = hashlib.sha256(), size
    while left is None or left > 0:
        block = file.read(2**20 if left is None else min(left, 2**20))
        if not block:
            break
        digest.update(block)
        left = None if left is None else left - len(block)
    return digest.digest()


def _flush_folder(folder):
    """Makes the new name last through a power cut, where the system lets folders be flushed."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
