"""The IDX format of MNIST and similar data sets: reads a file, finds the files of a folder."""

import gzip
import math
import pathlib
import struct
import zlib
from typing import BinaryIO

import numpy as np

from tfvae.datasets import raw_files

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
# A gzip file larger than this must not be more than 100 times as large as it was, bytes.
_EXPANDED = 2**28
_PREFIXES = {"train": "train", "test": "t10k"}


def read_idx(path: str | pathlib.Path) -> np.ndarray:
    """Reads an IDX file, plain or gzip-compressed; its first bytes decide, not its name.

    The format, all numbers big-endian: two zero bytes, one byte for the dtype, one for the number
    of dimensions, a 4-byte size per dimension, then the values in row-major order.

    Args:
      path: the file.

    Returns:
      An array in the native byte order, with the shape and dtype stated in the file.

    Raises:
      ValueError: if the magic number or the dtype is wrong, there are more than 32 dimensions, the
        file ends early, bytes follow the last value, or a gzip file of more than 256 MiB is more
        than 100 times as large as it was compressed. Only as many bytes are read as the header
        states. The message names the file and the byte offset (after decompression).

    Example:
      >>> import pathlib, tempfile
      >>> from tfvae.datasets import read_idx
      >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
      >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
      >>> read_idx(file)
      array([7, 9], dtype=uint8)
    """
    path = pathlib.Path(path)
    packed_size = path.stat().st_size
    with path.open("rb") as raw:
        is_packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not is_packed:
            return _array(raw, path, packed_size)
        try:
            with gzip.open(raw) as file:
                return _array(file, path, None, max(_EXPANDED, 100 * packed_size))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}: the gzip stream must be complete, received a damaged one ({error})."
                " Download the file again."
            ) from error


def _array(
    file: BinaryIO, path: pathlib.Path, size: int | None, largest: float = math.inf
) -> np.ndarray:
    """The array of an open file of `size` bytes, if that is known, at most `largest`."""

    def check(condition: bool, offset: int, message: str) -> None:
        if not condition:
            raise ValueError(
                f"{path}, byte {offset}: {message}. Check that the file is complete and IDX."
            )

    head = file.read(4)
    check(len(head) == 4, len(head), f"the magic number must have 4 bytes, received {len(head)}")
    check(head[:2] == b"\0\0", 0, f"the first bytes must be 00 00, received {head[:2].hex(' ')}")
    known = ", ".join(f"{code:02x}" for code in _DTYPES)
    check(head[2] in _DTYPES, 2, f"the dtype code must be one of {known}, received {head[2]:02x}")
    ndim, start = head[3], 4 + 4 * head[3]
    # NumPy before 2.0 has at most 32.
    check(1 <= ndim <= 32, 3, f"the number of dimensions must be from 1 to 32, received {ndim}")
    sizes = file.read(4 * ndim)
    received = 4 + len(sizes)
    check(received == start, received, f"the header must have {start} bytes, received {received}")
    shape = struct.unpack(f">{ndim}I", sizes)
    dtype = np.dtype(_DTYPES[head[2]])
    # A size of 0 makes the product 0, but NumPy refuses what the others would be together.
    extent = dtype.itemsize * math.prod(max(n, 1) for n in shape)
    check(extent <= largest and extent < 2**63, 4, f"the sizes are absurd, received {shape}")
    end = start + dtype.itemsize * math.prod(shape)

    def check_whole(size: int) -> None:
        message = f"the file must have {end} bytes for shape {shape}, received {size}"
        check(size == end, min(size, end), message)

    if size is not None:
        check_whole(size)
    data = file.read(end - start)
    # One byte more, which also makes gzip compare its digest.
    check_whole(start + len(data) + len(file.read(1)))
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def find_idx(
    folder: str | pathlib.Path | None,
) -> dict[str, tuple[pathlib.Path, pathlib.Path | None]]:
    """Finds image and label files in a folder by the names of MNIST.

    The name of a training file begins with `train-`, the name of a test file with `t10k-`. Then
    follows `images-idx3-ubyte` or `labels-idx1-ubyte` (also with a dot before `idx`), with or
    without `.gz`.

    Args:
      folder: the folder.

    Returns:
      dict from each split in the folder, "train" or "test", to a pair of paths (images, labels);
      labels is None if the folder has images only.

    Raises:
      ValueError: if the folder is missing, has no image file, or has labels without images.

    Example:
      >>> import pathlib, tempfile
      >>> from tfvae.datasets import find_idx
      >>> folder = pathlib.Path(tempfile.mkdtemp())
      >>> (folder / "t10k-images-idx3-ubyte.gz").touch()
      >>> find_idx(folder)["test"][0].name
      't10k-images-idx3-ubyte.gz'
    """
    needs = (
        "a folder with train-images-idx3-ubyte and train-labels-idx1-ubyte, or the same with t10k-,"
        " plain or .gz"
    )
    source = "the site of the data set (for MNIST: http://yann.lecun.com/exdb/mnist)"
    folder = raw_files.require(folder, needs=needs, source=source)
    found = {}
    for split, prefix in _PREFIXES.items():
        images, labels = (
            next(iter(sorted(folder.glob(f"{prefix}-{kind}[-.]idx{ndim}-ubyte*"))), None)
            for kind, ndim in (("images", 3), ("labels", 1))
        )
        if images is None and labels is not None:
            raise ValueError(
                f"`path` must be {needs}, received a folder with {labels.name} but without its"
                f" images: {str(folder)!r}. Get the files from {source}."
            )
        if images is not None:
            found[split] = images, labels
    if not found:
        raise ValueError(
            f"`path` must be {needs}, received {str(folder)!r}, which has none of them."
            f" Get the files from {source}."
        )
    return found
