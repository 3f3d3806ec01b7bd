"""The bytes of compressed data: a header, the stack, and a checksum."""

import hashlib
import json
import os
import platform
import struct
from importlib import metadata
from typing import NamedTuple

import keras
import numpy as np
import scipy
import tensorflow as tf

from tfvae import _version
from tfvae.applications.compression.bits_back import Chain

MAGIC, FORMAT = b"TFVC", 1
# Format, and the length of the header; bytes are in little-endian order.
_HEAD = struct.Struct("<4sBH")
_CHECKSUM = 8


class Content(NamedTuple):
    """What compressed data tell."""

    chain: Chain
    dtype: np.dtype
    """Of the array that was given."""
    unit: float | None
    """What one symbol is in the unit of the model's data."""
    model: str
    """Digest of the model."""
    data: str
    """Digest of the symbols."""
    made_by: str
    """Versions and the kind of machine."""

    @property
    def num_examples(self) -> int:
        """n."""
        return sum(self.chain.sizes)


def packed(content: Content) -> bytes:
    """The bytes of compressed data."""
    runs = []
    for size in content.chain.sizes:
        if not runs or runs[-1][0] != size:
            runs.append([size, 0])
        runs[-1][1] += 1
    header = {
        "batches": runs,
        "start": content.chain.num_start,
        "dtype": content.dtype.str,
        "model": content.model,
        "data": content.data,
        "by": content.made_by,
    }
    if content.unit is not None:
        header["unit"] = content.unit
    text = json.dumps(header, separators=(",", ":")).encode()
    words = content.chain.words.astype("<u4").tobytes()
    whole = _HEAD.pack(MAGIC, FORMAT, len(text)) + text + words
    return whole + digest(whole)


def unpacked(data: bytes, source: str) -> Content:
    """What compressed data tell; `source` names them in messages.

    Raises:
        ValueError: when they are no such data, or not what was written.
    """
    expected = f"{source} must be what a `Compressor` wrote"
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError(
            f"{expected}, received {len(data):,} bytes that do not begin as such data do."
        )
    whole, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if len(whole) < _HEAD.size or digest(whole) != checksum:
        raise ValueError(
            f"{expected}, received {len(data):,} bytes that do not end with their checksum: they "
            "are damaged or cut off. Take another copy."
        )
    _, number, length = _HEAD.unpack_from(whole)
    if number != FORMAT:
        raise ValueError(
            f"{expected} in format {FORMAT}, received format {number}. Take the version of tfvae "
            "that wrote it."
        )
    try:
        header = json.loads(whole[_HEAD.size : _HEAD.size + length])
        sizes = [size for size, times in header["batches"] for _ in range(times)]
        words = np.frombuffer(whole[_HEAD.size + length :], "<u4").astype("uint32")
        dtype, unit = np.dtype(header["dtype"]), header.get("unit")
        fits = all(isinstance(one, int) and one > 0 for one in [*sizes, header["start"] + 1])
        if (
            not fits
            or header["start"] > 2**24
            or dtype.kind not in "biuf"
            or (words.size and not words[-1])
        ):
            raise ValueError("its header holds other values")
        return Content(
            Chain(words, sizes, header["start"]), dtype, None if unit is None else float(unit),
            header["model"], header["data"], header["by"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{expected}, received something else: {error}.") from error


def digest(data: bytes) -> bytes:
    """The first 8 bytes of SHA-256, against mistakes and damage, not against forgery."""
    return hashlib.sha256(data).digest()[:_CHECKSUM]


def digest_of_weights(layers: list[keras.layers.Layer]) -> str:
    """16 hex digits that change with any weight of the layers."""
    known = hashlib.sha256()
    for layer in layers:
        for weight in layer.weights:
            values = tf.convert_to_tensor(weight.value).numpy()
            known.update(f"{values.dtype} {values.shape}".encode() + values.tobytes())
    return known.hexdigest()[: 2 * _CHECKSUM]


def environment() -> str:
    """What decides how numbers are rounded, in words."""
    threads = (
        tf.config.threading.get_intra_op_parallelism_threads()
        or os.environ.get("TF_NUM_INTRAOP_THREADS")
        or os.cpu_count()
    )
    return (
        f"tfvae {_version.__version__}, tensorflow {tf.__version__}, keras {keras.__version__}, "
        f"scipy {scipy.__version__}, constriction {metadata.version('constriction')}, "
        f"{platform.machine()}, {threads} threads"
    )
