"""Folders appear at once and whole, beside other exports to the same path."""

import os

import pytest

from tfvae.serving import folders


def test_an_export_that_appeared_meanwhile_is_kept(tmp_path):
    late = folders.new_folder(tmp_path / "1")
    folders.write(os.path.join(late.__enter__(), "a"), "late")
    folders.write(str(tmp_path / "1" / "a"), "first")
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        late.__exit__(None, None, None)
    assert (tmp_path / "1" / "a").read_text() == "first"
    assert os.listdir(tmp_path) == ["1"]


def test_leftovers_of_a_killed_export_enter_no_other(tmp_path):
    for name in (f"1.partial-{os.getpid()}", f".partial-{'0' * 16}-1"):
        folders.write(str(tmp_path / name / "old"), "old")
    with folders.new_folder(tmp_path / "1") as partial:
        folders.write(os.path.join(partial, "new"), "new")
    assert os.listdir(tmp_path / "1") == ["new"]


def test_an_empty_folder_is_taken_and_a_failed_block_leaves_nothing(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ZeroDivisionError), folders.new_folder(tmp_path / "1") as partial:
        folders.write(os.path.join(partial, "a"), "a")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == ["1"] and not os.listdir(tmp_path / "1")
    with folders.new_folder(tmp_path / "1") as partial:
        folders.write(os.path.join(partial, "a"), "a")
    assert os.listdir(tmp_path / "1") == ["a"]


def test_a_path_with_a_scheme(tmp_path):
    """As of another file system, which has no rename that refuses a folder."""
    path = f"file://{tmp_path}/1"
    with folders.new_folder(path) as partial:
        folders.write(f"{partial}/a", "a")
    assert os.listdir(tmp_path) == ["1"] and os.listdir(tmp_path / "1") == ["a"]
    with pytest.raises(ValueError, match="must be a new or empty folder"):
        folders.new_folder(path).__enter__()


def test_a_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        ValueError, match=r"`path` must be a folder .*file/1', which cannot be used: "
    ):
        folders.new_folder(tmp_path / "file" / "1").__enter__()
