"""The IDX format of MNIST and its relatives: reads a file, and finds the files of a folder."""

import gzip
import math
import pathlib
import struct
import zlib

import numpy as np

from tfvae.datasets import raw_files

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PREFIXES = {"train": "train", "test": "t10k"}


def read_idx(path):
    """Reads an IDX file, plain or gzip-compressed (told by its first two bytes, not by its name).

    The format, all numbers big-endian: two zero bytes, one byte for the dtype, one for the number
    of dimensions, a 4-byte size per dimension, then the values in row-major order.

    Args:
      path: the file.

    Returns:
      An array in the native byte order, of the shape and dtype that the file states.

    Raises:
      ValueError: naming the file and the byte offset (after decompression), where the magic number
        or the dtype is wrong, the file ends early, or bytes follow the last value.

    Example:
      >>> import pathlib, tempfile
      >>> from tfvae.datasets import read_idx
      >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
      >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
      >>> read_idx(file)
      array([7, 9], dtype=uint8)
    """
    path = pathlib.Path(path)
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path}: the gzip stream is damaged ({error}). Download the file again."
            ) from error

    def check(condition, offset, message):
        if not condition:
            raise ValueError(f"{path}, byte {offset}: {message}. Is this file whole, and IDX?")

    check(len(data) >= 4, len(data), "expected a magic number of 4 bytes, the file ends")
    check(data[:2] == b"\0\0", 0, f"expected the magic number 00 00, got {data[:2].hex(' ')}")
    known = ", ".join(f"{code:02x}" for code in _DTYPES)
    check(data[2] in _DTYPES, 2, f"expected a dtype code of {known}, got {data[2]:02x}")
    ndim, start = data[3], 4 + 4 * data[3]
    check(ndim > 0, 3, "expected at least one dimension, got 0")
    check(len(data) >= start, len(data), f"expected {ndim} sizes of 4 bytes each, the file ends")
    shape = struct.unpack(f">{ndim}I", data[4:start])
    dtype = np.dtype(_DTYPES[data[2]])
    end = start + dtype.itemsize * math.prod(shape)
    check(len(data) >= end, len(data), f"expected {end} bytes for shape {shape}, the file ends")
    check(len(data) == end, end, f"expected the end for shape {shape}, got {len(data) - end} more")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def find_idx(folder):
    """Finds the image and label files of a folder in MNIST's naming.

    Training files begin with `train-`, test files with `t10k-`; then `images-idx3-ubyte` or
    `labels-idx1-ubyte` (also with a dot before `idx`), with or without `.gz`.

    Args:
      folder: the folder.

    Returns:
      dict from "train" and "test", as far as the folder has them, to a pair of paths
      (images, labels); labels is None where there are images only.

    Raises:
      ValueError: where the folder is missing or has no image file, or labels without images.

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
            raise ValueError(f"path: {labels} has no images beside it. Expected {needs}.")
        if images is not None:
            found[split] = images, labels
    if not found:
        raise ValueError(
            f"path: expected {needs}; found none of them in {str(folder)!r}."
            f" Get the files from {source}."
        )
    return found
