"""A file is the old one or the new one, whatever happens while it is written."""

import hashlib
import os

import numpy as np
import pytest

from tfvae import _files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_failed_block_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.txt"
    _files.write_text(path, "old")
    with pytest.raises(ZeroDivisionError), _files.replacing(path) as partial:
        partial.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_the_file_behind_a_link_is_replaced(tmp_path):
    """The link stays, and the file is where there is room for it."""
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "blob", tmp_path / "model.keras"
    link.symlink_to(target)
    for text in ("new", "newer"):  # A link to nothing, then to a file.
        with _files.replacing(link) as partial:
            assert partial.parent == target.parent and partial.suffix == ".keras"
            partial.write_text(text)
        assert link.is_symlink() and target.read_text() == text


def test_each_writer_has_a_name_of_its_own_that_ends_as_the_file_does(tmp_path):
    path = tmp_path / "model.keras"
    with _files.replacing(path) as one, _files.replacing(path) as other:
        assert one != other and {one.suffix, other.suffix} == {".keras"}
        one.write_text("1")
        other.write_text("2")
    assert path.read_text() == "1" and names(tmp_path) == ["model.keras"]


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / f".partial-{'0' * 16}-a.npz").touch()
    kept = [".partial-notes", "partial-0000000000000000-a.npz", ".partial-000000000000000g-a.npz"]
    for name in kept:
        (tmp_path / name).touch()
    _files.remove_partial(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_the_digest_is_of_the_bytes_as_they_were_written(tmp_path, monkeypatch):
    """What another process, or the disk, changes before the end is noticed."""
    original = _files.flush

    def disturbed(path):
        if os.path.isfile(path):
            with open(path, "rb+") as file:
                file.seek(200)
                file.write(b"disturbed")
        original(path)

    monkeypatch.setattr(_files, "flush", disturbed)
    _files.write_arrays(tmp_path / "a.npz", {"a": np.zeros(100)}, {})
    with pytest.raises(_files.DamagedFileError, match="checksum"):
        _files.read_arrays(tmp_path / "a.npz")


def test_a_file_of_something_else_with_a_right_digest(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"text" + hashlib.sha256(b"text").digest())
    with pytest.raises(_files.DamagedFileError, match="no arrays with a manifest"):
        _files.read_arrays(path)


def test_arrays_and_manifest_come_back(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(1), "c": np.zeros((0, 2))}
    _files.write_arrays(tmp_path / "a.npz", arrays, {"x": [1, "ü"]})
    found, manifest = _files.read_arrays(tmp_path / "a.npz")
    assert manifest == {"x": [1, "ü"]} and found.keys() == arrays.keys()
    for name, value in arrays.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("check", [False, True])
def test_arrays_that_stay_in_their_file(check, tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.zeros(0, "int64"), "c": np.arange(4)}
    arrays["e"] = np.asfortranarray(arrays["a"] + 1)
    blocks = [np.arange(3.0), np.arange(5, dtype="int64")]
    size = sum(one.nbytes for one in blocks)
    _files.write_arrays(path, {**arrays, "d": _files.Blocks(size, iter(blocks))}, {"x": 1})
    found, manifest = _files.map_arrays(path, ["a", "b", "d", "e"], check=check)
    assert manifest == {"x": 1}
    assert [type(found[name]) is np.memmap for name in "abcd"] == [True, False, False, True]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert found["d"].tobytes() == b"".join(one.tobytes() for one in blocks)
    assert path.read_bytes()[found["a"].offset :][:48] == arrays["a"].tobytes()
    assert not found["a"].flags.writeable
    whole, _ = _files.read_arrays(path)
    np.testing.assert_array_equal(whole["d"], found["d"])


def test_damage_of_what_is_read_and_of_what_is_mapped(tmp_path):
    path = tmp_path / "a.npz"
    _files.write_arrays(path, {"mapped": np.arange(90), "read": np.arange(90)}, {})
    whole, part = path.read_bytes(), np.arange(90).tobytes()
    mapped, read = whole.index(part), whole.rindex(part)
    path.write_bytes(whole[:mapped] + b"?" + whole[mapped + 1 :])
    assert _files.map_arrays(path, ["mapped"], check=False)[0]["mapped"][0] == ord("?")
    with pytest.raises(_files.DamagedFileError, match="checksum"):
        _files.map_arrays(path, ["mapped"], check=True)
    for damaged in (whole[:read] + b"?" + whole[read + 1 :], whole[:-60], whole[: mapped - 9], b""):
        path.write_bytes(damaged)
        with pytest.raises(_files.DamagedFileError, match="no arrays with a manifest"):
            _files.map_arrays(path, ["mapped"], check=False)


def test_blocks_of_another_size_than_said(tmp_path):
    path = tmp_path / "a.npz"
    _files.write_arrays(path, {"a": _files.Blocks(9, [np.zeros(8, "uint8")])}, {})
    with pytest.raises(_files.DamagedFileError, match="not as long as it says"):
        _files.map_arrays(path, ["a"], check=True)


def test_objects_are_not_mapped(tmp_path):
    """Their bytes would be taken for addresses."""
    path = tmp_path / "a.npz"
    _files.write_arrays(path, {"a": np.arange(4)}, {})
    path.write_bytes(path.read_bytes().replace(b"'<i8'", b"'|O' "))
    for check in (["a"], []):
        with pytest.raises(_files.DamagedFileError):
            _files.map_arrays(path, check, check=False)


def test_folders_that_cannot_be_created(tmp_path):
    (tmp_path / "file").touch()
    for below in ("file", "file/x", "file/x/y"):
        for function in (_files.check_folder, _files.make_folder):
            with pytest.raises(
                ValueError, match="--workdir must be a folder that exists or can be"
            ):
                function("--workdir", tmp_path / below)
    _files.check_folder("--workdir", tmp_path / "new" / "x")
    assert not (tmp_path / "new").exists()
    _files.make_folder("--workdir", tmp_path / "new" / "x")
    _files.make_folder("--workdir", tmp_path / "new" / "x")
    with pytest.raises(FileNotFoundError, match=r"The folder does not exist: '.*none'"):
        _files.write_text(tmp_path / "none" / "a.txt", "a")
