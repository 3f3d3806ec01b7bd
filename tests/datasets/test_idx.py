"""IDX files made by hand, whole and damaged."""

import gzip
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from tfvae.datasets import find_idx, read_idx


def _idx(array, code):
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("u1", 0x08), ("i1", 0x09), ("i2", 0x0B), ("i4", 0x0C), ("f4", 0x0D), ("f8", 0x0E)],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_reads_every_dtype(tmp_path, dtype, code, pack):
    array = (np.arange(24).reshape(2, 3, 4) * 5).astype(dtype)
    (tmp_path / "data").write_bytes(pack(_idx(array, code)))
    result = read_idx(tmp_path / "data")
    assert result.dtype == array.dtype
    assert result.flags.writeable
    np.testing.assert_array_equal(result, array)


_HUGE = b"\0\0\x08\2" + struct.pack(">2I", 257, 2**20)
_GOOD = _idx(np.arange(6, dtype=np.uint8).reshape(2, 3), 0x08)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: the magic number must have 4 bytes"),
        (b"\x00\x00\x08", "byte 3: the magic number must have 4 bytes"),
        (b"PK" + _GOOD[2:], "byte 0: the first bytes must be 00 00, received 50 4b"),
        (b"\x00\x00\x07" + _GOOD[3:], "byte 2: the dtype code must be .*, received 07"),
        (b"\x00\x00\x08\x00", "byte 3: the number of dimensions must be"),
        (_GOOD[:9], "byte 9: the header must have 12 bytes, received 9"),
        (_GOOD[:-1], r"byte 17: the file must have 18 bytes for shape \(2, 3\)"),
        (_GOOD + b"xy", "byte 18: the file must have 18 bytes .*, received 20"),
        (b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\1", "byte 3: .* from 1 to 32, received 255"),
        (b"\0\0\x0e\4" + b"\xff" * 16, r"byte 4: the sizes are absurd, received \(4294967295, "),
        (b"\0\0\x08\4" + bytes(4) + b"\xff" * 12, "byte 4: the sizes are absurd"),
        (b"\0\0\x08\2" + b"\0\xff" * 4 + b"1", "byte 13: .*received 13"),
        (
            gzip.compress(_GOOD + b"x", mtime=0),
            "byte 18: the file must have 18 bytes .*, received 19",
        ),
        (
            gzip.compress(_GOOD[:-1], mtime=0),
            "byte 17: the file must have 18 bytes .*, received 17",
        ),
        (
            gzip.compress(_idx(np.zeros((1, 1), "u1"), 8)[:4] + b"\x40\0\0\0" * 2, mtime=0),
            "byte 4: .*absurd",
        ),
        (gzip.compress(_GOOD, mtime=0)[:-5], "gzip stream must be complete"),
        (gzip.compress(_GOOD, mtime=0)[:-8] + b"\0" * 8, "gzip stream must be complete"),
    ],
)
def test_damaged_files_name_file_and_byte(tmp_path, data, message):
    file = tmp_path / "some-file"
    file.write_bytes(data)
    with pytest.raises(ValueError, match=f"some-file.*{message}"):
        read_idx(file)


def test_find_idx(tmp_path):
    with pytest.raises(ValueError, match="has none of them"):
        find_idx(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").touch()
    with pytest.raises(ValueError, match="without its images"):
        find_idx(tmp_path)
    (tmp_path / "t10k-images.idx3-ubyte.gz").touch()
    (tmp_path / "train-images-idx3-ubyte").touch()
    assert find_idx(tmp_path) == {
        "train": (tmp_path / "train-images-idx3-ubyte", None),
        "test": (tmp_path / "t10k-images.idx3-ubyte.gz", tmp_path / "t10k-labels-idx1-ubyte"),
    }
    with pytest.raises(ValueError, match=r"`path` must be a folder .*does not exist.* Get the"):
        find_idx(tmp_path / "nowhere")


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    """256 MiB of zeros in 260 kB, after a header that states six bytes, or all of them."""
    zeros = bytes(2**20)
    for head, message in ((_GOOD[:12], "18: .*received 19"), (_HUGE, "4: the sizes are absurd")):
        packer = zlib.compressobj(wbits=31)
        parts = [packer.compress(head), *(packer.compress(zeros) for _ in range(257))]
        (tmp_path / "bomb").write_bytes(b"".join(parts) + packer.flush())
        tracemalloc.start()
        with pytest.raises(ValueError, match=rf"bomb, byte {message}"):
            read_idx(tmp_path / "bomb")
        assert tracemalloc.get_traced_memory()[1] < 2**24
        tracemalloc.stop()


def test_an_array_without_examples_is_fine(tmp_path):
    (tmp_path / "data").write_bytes(_idx(np.zeros((0, 28, 28), "u1"), 0x08))
    assert read_idx(tmp_path / "data").shape == (0, 28, 28)
