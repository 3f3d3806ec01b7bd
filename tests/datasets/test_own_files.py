"""Folders of images and files of arrays: splits, classes, sizes, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from tfvae.datasets import as_arrays, load


def write_images(folder, count, size=(6, 5), mode="RGB", first=0):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = []
    for i in range(first, first + count):
        shape = (size[0], size[1], 3) if mode == "RGB" else size
        pixels.append(np.random.default_rng(i).integers(0, 256, shape).astype("uint8"))
        Image.fromarray(pixels[-1], mode).save(folder / f"{i:03d}.png")
    return np.stack(pixels)


def test_a_flat_folder_is_split_by_a_seed(tmp_path):
    pixels = write_images(tmp_path, 10)
    train, test = (as_arrays(load("images", s, path=tmp_path, labels=False, shuffle=False))
                   for s in ("train", "test"))  # fmt: skip
    assert (train.shape, test.shape) == ((8, 6, 5, 3), (2, 6, 5, 3))
    found = {x.tobytes() for x in np.concatenate([train, test])}
    assert found == {(x / np.float32(255)).astype("float32").tobytes() for x in pixels}
    again = as_arrays(load("images", "test", path=tmp_path, labels=False))
    np.testing.assert_array_equal(again, test)
    other = as_arrays(load("images", "test", path=tmp_path, labels=False, data_seed=3))
    assert not np.array_equal(other, test)
    half = load("images", "train[:3]", path=tmp_path, labels=False, test_share=0.5, shuffle=False)
    assert as_arrays(half).shape == (3, 6, 5, 3)


def test_folders_are_classes_and_splits(tmp_path):
    for split in ("train", "test"):
        for i, name in enumerate(("cat", "dog")):
            write_images(tmp_path / split / name, 2 + i, first=10 * i)
    x, y = as_arrays(load("images", "train", path=tmp_path, shuffle=False))
    assert y.tolist() == [0, 0, 1, 1, 1] and x.shape == (5, 6, 5, 3)
    (tmp_path / "test" / "cat").rename(tmp_path / "test" / "cow")
    with pytest.raises(ValueError, match="same classes in train and test"):
        load("images", "train", path=tmp_path)


def test_sizes_and_channels(tmp_path):
    write_images(tmp_path, 3, (6, 5))
    write_images(tmp_path, 3, (8, 16), first=3)
    with pytest.raises(ValueError, match=r"`size` must be given.*\(8, 16\)"):
        load("images", "train", path=tmp_path, labels=False)
    for size, shape in ((4, (4, 4)), ((4,), (4, 4)), ((4, 10), (4, 10))):
        x = as_arrays(load("images", "train", path=tmp_path, labels=False, size=size))
        assert x.shape[1:] == (*shape, 3) and 0 <= x.min() < x.max() <= 1
    grey = as_arrays(load("images", "test", path=tmp_path, labels=False, size=4, channels=1))
    assert grey.shape[1:] == (4, 4, 1)


def test_the_middle_of_an_image_is_kept(tmp_path):
    """A wide image of three squares, red, green and blue: the middle one is green."""
    pixels = np.zeros((8, 24, 3), "uint8")
    for channel in range(3):
        pixels[:, 8 * channel : 8 * (channel + 1), channel] = 255
    for i in range(3):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    x = as_arrays(load("images", "train", path=tmp_path, labels=False, size=4))
    np.testing.assert_allclose(x[:, :, 1:3], np.broadcast_to([0.0, 1.0, 0.0], (2, 4, 2, 3)))
    # Scaled by an area average alone, a grey level stays.
    Image.fromarray(np.full((9, 9, 3), 100, "uint8")).save(tmp_path / "0.png")
    x = as_arrays(load("images", "train+test", path=tmp_path, labels=False, size=3, shuffle=False))
    assert any(np.allclose(one, 100 / 255) for one in x)


def test_folders_that_hold_no_images(tmp_path):
    for path in (None, tmp_path / "none"):
        with pytest.raises(ValueError, match="`path` must be a folder of images"):
            load("images", "train", path=path)
    with pytest.raises(ValueError, match="received none in"):
        load("images", "train", path=tmp_path)
    write_images(tmp_path, 3)
    write_images(tmp_path / "class", 3)
    with pytest.raises(ValueError, match="received both in"):
        load("images", "train", path=tmp_path)
    (tmp_path / "class").rename(tmp_path.parent / f"{tmp_path.name}_moved")
    with pytest.raises(ValueError, match="`labels` must be False"):
        load("images", "train", path=tmp_path)
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"bad\.png', which is none"):
        load("images", "train", path=tmp_path, labels=False)
    with pytest.raises(ValueError, match=r"received 'siz'. Did you mean 'size'"):
        load("images", "train", path=tmp_path, siz=3)


def test_too_few_images(tmp_path):
    write_images(tmp_path, 1)
    with pytest.raises(ValueError, match="`test_share` must leave examples for training"):
        load("images", "train", path=tmp_path, labels=False)


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int16"])
def test_arrays_with_splits(tmp_path, dtype):
    rng = np.random.default_rng(0)
    x = {name: rng.integers(0, 9, (n, 4)).astype(dtype) for name, n in (("train", 6), ("test", 3))}
    y = {name: np.arange(len(values)) for name, values in x.items()}
    path = tmp_path / "a.npz"
    np.savez(path, **{f"x_{k}": v for k, v in x.items()}, **{f"y_{k}": v for k, v in y.items()})
    got, labels = as_arrays(load("arrays", "train", path=path, shuffle=False))
    scale = 1.0 if dtype.startswith("float") else np.iinfo(dtype).max
    np.testing.assert_allclose(got, x["train"] / scale, rtol=1e-6)
    assert got.dtype == np.float32 and labels.tolist() == y["train"].tolist()
    assert as_arrays(load("arrays", "test", path=path))[1].tolist() == [0, 1, 2]


def test_arrays_without_splits(tmp_path):
    x = np.random.default_rng(0).normal(size=(20, 3, 2))
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "one.npz", anything=x)
    np.savez(tmp_path / "two.npz", x=x, y=np.arange(20) % 3)
    parts = []
    for name, labels in (("a.npy", False), ("one.npz", False), ("two.npz", True)):
        loaded = [
            as_arrays(load("arrays", s, path=tmp_path / name, labels=labels, shuffle=False))
            for s in ("train", "test")
        ]
        parts.append([one[0] if labels else one for one in loaded])
    for train, test in parts:
        assert (train.shape, test.shape) == ((16, 3, 2), (4, 3, 2))
        np.testing.assert_array_equal(train, parts[0][0])
        rows = np.concatenate([train, test])
        np.testing.assert_allclose(np.sort(rows.ravel()), np.sort(x.ravel()), rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros((3, 2)), "b": np.zeros(3)}, r"must hold x_train and x_test, x, or one"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, r"one label for each example, \(3,\)"),
        ({"x": np.zeros(3)}, r"numbers of shape \(n, …\)"),
        ({"x": np.array([["a"], ["b"]])}, r"numbers of shape \(n, …\)"),
        ({"x": np.array([[None], [1]], object)}, "of numbers, received.*allow_pickle"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load("arrays", "train", path=tmp_path / "a.npz")


def test_files_that_hold_no_arrays(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(ValueError, match=r"must be an \.npz or \.npy file of numbers"):
        load("arrays", "train", path=tmp_path / "a.npz")
    with pytest.raises(ValueError, match="which does not exist"):
        load("arrays", "train", path=tmp_path / "b.npz")
