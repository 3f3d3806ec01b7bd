"""Files that are complete or not there, and files of arrays that end with their SHA-256."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np

_MANIFEST = "manifest"
_DIGEST_SIZE = hashlib.sha256().digest_size
_PARTIAL = re.compile(r"\.partial-[0-9a-f]{16}-.*", re.DOTALL)


class DamagedFileError(Exception):
    """The file differs from what was written. The message says how."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path beside `path`, to which the block writes a file; it then replaces `path`.

    The file is on the disk before it gets its name: whatever happens, `path` is the old file or the
    new one. The yielded name belongs to this call alone, and ends as `path` does, since many
    writers choose the format by it. Of a link the file that it leads to is replaced.
    """
    name = partial_name(pathlib.Path(path).name)
    path = pathlib.Path(os.path.realpath(path))
    partial = path.with_name(name)
    try:
        yield partial
        flush(partial)
        os.replace(partial, path)
        flush(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def partial_name(name: str) -> str:
    """A name, which no other call gets, for what will be renamed to `name`."""
    return f".partial-{secrets.token_hex(8)}-{name}"


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text as UTF-8, completely or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def remove_partial(folder: pathlib.Path) -> None:
    """Removes what killed processes left of `replacing`. No other process may write there now."""
    for path in folder.iterdir():
        if _PARTIAL.fullmatch(path.name):
            path.unlink(missing_ok=True)


def flush(path: str | os.PathLike) -> None:
    """Flushes a file, or the names in a folder, to the disk: it then survives a power cut."""
    is_folder = os.path.isdir(path)
    # Not all systems can open or flush a folder; the file's own content is another matter.
    with contextlib.suppress(OSError) if is_folder else contextlib.nullcontext():
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_arrays(
    path: str | os.PathLike, arrays: dict[str, np.ndarray], manifest: dict[str, Any]
) -> None:
    """Writes arrays and a JSON manifest as an .npz file, followed by its SHA-256 (32 bytes)."""
    text = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    with replacing(path) as partial, partial.open("wb") as file:
        stream = _Digesting(file)
        np.savez(stream, **arrays, **{_MANIFEST: text})
        file.write(stream.digest.digest())


def read_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays and the manifest of a file.

    Raises:
        DamagedFileError: when any byte differs from what was written.
        OSError: when the file cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = _digest(file, size - _DIGEST_SIZE)
        if size <= _DIGEST_SIZE or file.read() != found:
            raise DamagedFileError(f"its {size} bytes do not end with their checksum")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as content:
                arrays = dict(content)
            return arrays, json.loads(arrays.pop(_MANIFEST).tobytes())
        except (OSError, MemoryError):
            raise
        except Exception as error:  # NumPy, zipfile and json have many classes for one thing.
            raise DamagedFileError(f"it holds no arrays with a manifest ({error})") from error


class _Digesting(io.RawIOBase):
    """A stream that digests what it is given, before the disk or another process can change it."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self.digest, self._file = hashlib.sha256(), file

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self.digest.update(block)
        return self._file.write(block)


def _digest(file, size):
    """SHA-256 of the next `size` bytes."""
    digest, left = hashlib.sha256(), size
    while left > 0:
        block = file.read(min(left, 2**20))
        if not block:
            break
        digest.update(block)
        left -= len(block)
    return digest.digest()
