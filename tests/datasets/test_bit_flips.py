"""One bit of a file turned: an error, or the same values, or what the flipped byte itself says."""

import dataclasses
import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
import scipy.io
from acclaim_files import AMC, ASF
from PIL import Image

from tfvae.datasets import coil20, read_amc, read_asf, read_idx, read_walk_jog
from tfvae.datasets.motion import CMU_CHANNELS

FLIPS = 500
PIXELS = np.random.default_rng(0).integers(256, size=(128, 128), dtype=np.uint8)
# Sixteen of four bytes each, so that the header is often hit.
NUMBERS = np.random.default_rng(1).normal(size=(4, 4)).astype("float32")
IDX = bytes([0, 0, 0x0D, 2]) + struct.pack(">2I", 4, 4) + NUMBERS.astype(">f4").tobytes()


def _walk_jog():
    """The variables of cmu35WalkJog.mat, two frames for each sequence."""
    rng = np.random.default_rng(2)
    content = {}
    for suffix, trials in (("", 31), ("test", 2)):
        content[f"Y{suffix}"] = rng.normal(size=(2 * trials, len(CMU_CHANNELS)))
        content[f"lbls{suffix}"] = np.repeat(np.eye(trials), 2, axis=0)
    file = io.BytesIO()
    scipy.io.savemat(file, content, do_compression=True)
    return file.getvalue()


def _archive():
    image, file = io.BytesIO(), io.BytesIO()
    Image.fromarray(PIXELS).save(image, "PNG")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("obj1__0.png", image.getvalue())
    return file.getvalue()


def _read_image(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return [coil20._read(archive, path, archive.namelist()[0])]
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(str(error)) from error


def _read_motions(path):
    motions = read_walk_jog(path)
    return [motion.values for split in ("train", "test") for motion in motions[split]]


# All of these formats have digests of their values.
WITH_DIGEST = {
    "idx.gz": (gzip.compress(IDX), lambda path: [read_idx(path)]),
    "zip of png": (_archive(), _read_image),
    "mat": (_walk_jog(), _read_motions),
}


@pytest.mark.parametrize("name", WITH_DIGEST)
def test_no_flip_is_silent_where_there_is_a_digest(tmp_path, flipped, name):
    data, read = WITH_DIGEST[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    expected, errors = read(path), 0
    for damaged, place in flipped(data, FLIPS):
        path.write_bytes(damaged)
        try:
            found = read(path)
        except ValueError:
            errors += 1
        else:
            for a, b in zip(found, expected, strict=True):
                assert a.dtype == b.dtype and np.array_equal(a, b), place
    assert errors > FLIPS // 2


def test_idx_without_a_digest_differs_as_the_byte_says(tmp_path, flipped):
    path = tmp_path / "file"
    errors = 0
    for damaged, place in flipped(IDX, FLIPS):
        path.write_bytes(damaged)
        try:
            found = read_idx(path)
        except ValueError:
            errors += 1
            assert place < 12
            continue
        # Of the header, only the type of the values can change: four bytes of another kind.
        kind = {0x0C: ">i4", 0x0D: ">f4"}[damaged[2]]
        np.testing.assert_array_equal(found, np.frombuffer(damaged[12:], kind).reshape(4, 4))
        assert place == 2 or np.sum(found.tobytes() != NUMBERS.tobytes()) <= 1
    assert errors > FLIPS // 10


def _fields(skeleton):
    """All that a skeleton says, by its place in it."""
    fields = {key: str(value) for key, value in vars(skeleton).items() if key != "bones"}
    fields |= {f"units {key}": value for key, value in skeleton.units.items()}
    for i, bone in enumerate(skeleton.bones):
        for key, value in dataclasses.asdict(bone).items():
            fields[i, key] = str(value)
    return fields


def test_a_flip_in_asf_changes_one_entry_at_most(tmp_path, flipped):
    path = tmp_path / "file"
    path.write_text(ASF)
    expected, errors = _fields(read_asf(path)), 0
    for damaged, place in flipped(ASF.encode(), FLIPS):
        path.write_bytes(damaged)
        try:
            found = _fields(read_asf(path))
        except ValueError as error:
            errors += 1
            assert "file, line" in str(error)
            continue
        differing = {key for key in {*found, *expected} if found.get(key) != expected.get(key)}
        # The dict of units, and its entry under the old and the new name.
        limit = 3 if "units" in differing else 1
        assert len(differing) <= limit, (place, differing)
    assert errors > FLIPS // 4


def test_a_flip_in_amc_changes_one_number_at_most(tmp_path, flipped):
    (tmp_path / "tiny.asf").write_text(ASF)
    skeleton, path = read_asf(tmp_path / "tiny.asf"), tmp_path / "file"
    path.write_text(AMC)
    expected, errors = read_amc(path, skeleton), 0
    for damaged, place in flipped(AMC.encode(), FLIPS):
        path.write_bytes(damaged)
        try:
            found = read_amc(path, skeleton)
        except ValueError as error:
            errors += 1
            assert "file, line" in str(error)
            continue
        assert np.sum(found.values != expected.values) <= 1, place
        np.testing.assert_array_equal(found.frames, expected.frames)
    assert errors > FLIPS // 4
