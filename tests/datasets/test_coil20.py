"""The COIL-20 builder, on archives made by hand and on the real one."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf

from tfvae.datasets import COIL20, COIL20Config, as_arrays, load


def _image(number, view):
    rows, columns = np.mgrid[:128, :128]
    return ((rows * number + columns * 3 + view) % 256).astype(np.uint8)


def _png(image):
    return tf.io.encode_png(image[..., None], compression=1).numpy()


@pytest.fixture(scope="module")
def members():
    return {
        f"coil-20-proc/obj{number}__{view}.png": _png(_image(number, view))
        for number in range(1, 21)
        for view in range(72)
    }


def _write(folder, members):
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "coil-20-proc.zip", "w") as file:
        file.mkdir("coil-20-proc")
        for name, data in members.items():
            file.writestr(name, data)
    return folder


def _prepare(path, data_dir, **options):
    builder = COIL20(config=COIL20Config(path=path, **options), data_dir=data_dir)
    builder.download_and_prepare()
    return builder


def test_builder(tmp_path, members):
    builder = _prepare(_write(tmp_path / "raw", members), tmp_path, size=32, train_every=4)
    assert builder.name == "coil20"
    splits = {
        split: list(builder.as_dataset(split=split).as_numpy_iterator())
        for split in ("train", "test")
    }
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 360, "test": 1080}
    keys = {
        split: {(row["label"] + 1, round(row["angle"] / 5)) for row in rows}
        for split, rows in splits.items()
    }
    assert keys["train"] == {(n, view) for n in range(1, 21) for view in range(0, 72, 4)}
    assert not keys["train"] & keys["test"]
    for row in splits["test"][:20]:
        image = _image(row["label"] + 1, round(row["angle"] / 5)).astype(np.float64)
        expected = np.zeros((32, 32))
        for i in range(4):
            for j in range(4):
                expected += image[i::4, j::4] / 16 / 255
        np.testing.assert_allclose(row["image"][..., 0], expected, atol=1e-6)


def _without(members, name, **extra):
    return {**{key: data for key, data in members.items() if key != name}, **extra}


FIRST = "coil-20-proc/obj1__0.png"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({}, r"must have 1440 images, received 1439; .*'obj1__0\.png'"),
        ({FIRST: b"", "coil-20-proc/obj21__0.png": b""}, "members must be .*, received .*obj21__0"),
        ({FIRST: b"", "notes.txt": b""}, r"members must be .*, received 'notes\.txt'"),
        ({FIRST: b"no picture"}, r"'coil-20-proc/obj1__0\.png' must be a PNG image"),
        ({FIRST: _png(_image(1, 0))[:-30]}, r"obj1__0\.png' must be a PNG image"),
        ({FIRST: _png(_image(1, 0)[:64])}, r"obj1__0\.png' must have shape \(128, 128, 1\)"),
    ],
)
def test_damaged_archives(tmp_path, members, extra, message):
    raw = _write(tmp_path / "raw", {**_without(members, FIRST), **extra})
    with pytest.raises(ValueError, match=message):
        _prepare(raw, tmp_path)


def test_missing_or_truncated_archive(tmp_path, members):
    with pytest.raises(ValueError, match=r"must be coil-20-proc\.zip.*does not exist.*columbia"):
        _prepare(tmp_path, tmp_path)
    file = _write(tmp_path / "raw", members) / "coil-20-proc.zip"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(ValueError, match="`path` must be a complete zip file"):
        _prepare(file, tmp_path)


@pytest.mark.parametrize("options", [{"size": 48}, {"size": 0}, {"train_every": 1}])
def test_option_errors(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        COIL20Config(**options)


def test_names_tell_options_and_archive(tmp_path, members):
    raw = _write(tmp_path / "raw", dict(list(members.items())[:2]))
    names = [
        COIL20Config(path=raw).name,
        COIL20Config(path=raw, size=32).name,
        COIL20Config(path=raw, train_every=3).name,
        COIL20Config(path=tmp_path).name,
    ]
    assert COIL20Config(path=raw / "coil-20-proc.zip").name == names[0]
    _write(tmp_path / "raw", dict(list(members.items())[:3]))
    names.append(COIL20Config(path=raw).name)
    assert len(set(names)) == len(names)


def test_real_data(raw_data, prepared):
    options = {"path": raw_data / "coil20", "data_dir": prepared}
    x, y = as_arrays(load("coil20", "train", labels=("label", "angle"), **options))
    assert x.shape == (720, 64, 64, 1)
    assert x.min() >= 0 and x.max() <= 1
    np.testing.assert_array_equal(np.bincount(y["label"]), [36] * 20)
    assert sorted(set(y["angle"])) == list(range(0, 360, 10))
    # Neighbouring views of an object look alike, opposite ones and other objects less so.
    order = np.lexsort((y["angle"], y["label"]))
    views = x[order].reshape(20, 36, -1)
    near = np.mean((views - np.roll(views, 1, 1)) ** 2)
    far = np.mean((views - np.roll(views, 18, 1)) ** 2)
    other = np.mean((views - np.roll(views, 1, 0)) ** 2)
    assert near < far / 2 < other
