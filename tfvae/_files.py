"""Files that are complete or not there, and files of arrays that end with their SHA-256."""

import contextlib
import errno
import hashlib
import io
import json
import os
import pathlib
import re
import secrets
import struct
import zipfile
from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

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
    if not path.parent.is_dir():  # Otherwise the error would be of the partial file.
        raise FileNotFoundError(errno.ENOENT, "The folder does not exist", str(path.parent))
    partial = path.with_name(name)
    try:
        yield partial
        flush(partial)
        os.replace(partial, path)
        flush(path.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def check_folder(name: str, path: str | os.PathLike) -> None:
    """Looks whether a folder may be created where an argument says; creates nothing.

    Raises:
        ValueError: when a file is in its place or above it, or what is above may not be written to.
    """
    path = pathlib.Path(os.path.abspath(path))
    there = next(one for one in (path, *path.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise cannot_create(name, path, f"{there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise cannot_create(name, path, f"{there} may not be written to")


def make_folder(name: str, path: str | os.PathLike) -> None:
    """Creates the folder that an argument names, with those above it, unless it is there.

    Raises:
        ValueError: when it cannot be created; says why.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise cannot_create(name, path, error.strerror) from error


def cannot_create(name: str, path: str | os.PathLike, reason: str | None) -> ValueError:
    """The error for an argument that names a folder which cannot be created."""
    return ValueError(
        f"{name} must be a folder that exists or can be created, received {os.fspath(path)!r}, "
        f"which cannot be used: {reason}. Choose another folder."
    )


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


class Blocks(NamedTuple):
    """Bytes of an array that is written block by block, and is never in memory as a whole."""

    size: int
    """Of all blocks, in bytes."""
    blocks: Iterable[np.ndarray]


def write_arrays(
    path: str | os.PathLike, arrays: dict[str, np.ndarray | Blocks], manifest: dict[str, Any]
) -> None:
    """Writes arrays and a JSON manifest as an .npz file, followed by its SHA-256 (32 bytes)."""
    text = np.frombuffer(json.dumps(manifest).encode(), np.uint8)
    with replacing(path) as partial, partial.open("wb") as file:
        stream = _Digesting(file)
        with zipfile.ZipFile(stream, "w") as archive:
            for name, array in {**arrays, _MANIFEST: text}.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _write_array(member, array)
        file.write(stream.digest.digest())


def _write_array(member, array):
    if not isinstance(array, Blocks):
        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
        return
    header = {"descr": "|u1", "fortran_order": False, "shape": (array.size,)}
    np.lib.format.write_array_header_1_0(member, header)
    for block in array.blocks:
        member.write(np.ascontiguousarray(block).data.cast("B"))


def read_arrays(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays and the manifest of a file.

    Raises:
        DamagedFileError: when any byte differs from what was written.
        OSError: when the file cannot be read.
    """
    with open(path, "rb") as file:
        _check_digest(file)
        with _as_damage(), np.load(file, allow_pickle=False) as content:
            arrays = dict(content)
            return arrays, json.loads(arrays.pop(_MANIFEST).tobytes())


def map_arrays(
    path: str | os.PathLike, names: Container[str], *, check: bool
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays and the manifest of a file; arrays of these names stay in the file.

    Args:
        path: of a file that `write_arrays` wrote.
        names: of arrays to map as `np.memmap`. They are read where they are looked at.
        check: whether to read the whole file and compare its digest. Otherwise what is read now is
            checked alone.

    Raises:
        DamagedFileError: when a byte that was checked differs from what was written.
        OSError: when the file cannot be read.
    """
    with open(path, "rb") as file:
        if check:
            _check_digest(file)
            file.seek(0)
        arrays = {}
        with _as_damage(), zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if name in names:
                    arrays[name] = _mapped(path, file, info)
                else:
                    with archive.open(info) as member:  # zipfile compares a CRC-32.
                        arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
            return arrays, json.loads(arrays.pop(_MANIFEST).tobytes())


def _mapped(path, file, info):
    """An array of an archive, in its file. A ZIP file says where its name and its content begin."""
    file.seek(info.header_offset + 26)
    start = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
    file.seek(start)
    np.lib.format.read_magic(file)
    shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError(f"{info.filename} has objects")
    size = dtype.itemsize * int(np.prod(shape))
    if info.compress_type != zipfile.ZIP_STORED or file.tell() + size != start + info.file_size:
        raise ValueError(f"{info.filename} is not as long as it says")
    if not size:
        return np.zeros(shape, dtype)
    return np.memmap(path, dtype, "r", file.tell(), shape, "F" if is_fortran else "C")


def _check_digest(file):
    """Raises DamagedFileError when a file does not end with the digest of what is before."""
    size = os.fstat(file.fileno()).st_size
    found = _digest(file, size - _DIGEST_SIZE)
    if size <= _DIGEST_SIZE or file.read() != found:
        raise DamagedFileError(f"its {size} bytes do not end with their checksum")
    file.seek(0)


@contextlib.contextmanager
def _as_damage():
    try:
        yield
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
