"""`load` for every kind of source, its slices, seeds and errors, and `as_arrays`."""

import gzip
import struct
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

import tfvae.datasets
from tfvae.datasets import as_arrays, load, pose_transform


def _grey(i):
    return np.random.default_rng(i).integers(0, 256, (6, 5, 1)).astype(np.uint8)


class FakeGrey(tfds.core.GeneratorBasedBuilder):
    """What a catalogue data set such as mnist looks like."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(6, 5, 1)),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(30), "test": self._generate_examples(10)}

    def _generate_examples(self, number):
        for i in range(number):
            yield i, {"image": _grey(i), "label": i % 3}


class FakeSprites(tfds.core.GeneratorBasedBuilder):
    """Like dsprites: binary images as 0 and 1, several label features, train only."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(4, 4, 1)),
            "label_scale": np.int64,
            "label_shape": np.int64,
            "value_scale": np.float32,
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(12):
            yield (
                i,
                {
                    "image": (_grey(i)[:4, :4] > 128).astype(np.uint8),
                    "label_scale": i % 2,
                    "label_shape": i % 3,
                    "value_scale": i / 2,
                },
            )


@pytest.fixture(scope="module")
def idx_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("idx")
    for prefix, number in (("train", 20), ("t10k", 7)):
        images = np.arange(number * 6).reshape(number, 2, 3) % 256
        head = bytes([0, 0, 8, 3]) + struct.pack(">3I", number, 2, 3)
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(head + images.astype(np.uint8).tobytes())
        )
        head = bytes([0, 0, 8, 1]) + struct.pack(">I", number)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(head + bytes(range(number)))
    return folder


def test_pendulum_batches(prepared):
    options = {"num_train": 50, "num_test": 20, "data_dir": prepared}
    train = load("pendulum", batch_size=16, **options)
    assert train.element_spec[0] == tf.TensorSpec((None, 16, 16, 1), tf.float32)
    assert [len(x) for x, _ in train] == [16, 16, 16, 2]
    assert len(train) == 4
    assert load("pendulum", "test", labels=False, **options).element_spec.dtype == tf.float32
    _, angles = as_arrays(train)
    _, others = as_arrays(load("pendulum", data_seed=1, **options))
    assert not set(angles) & set(others)


def test_digits_are_all_there_and_scaled():
    x, y = as_arrays(load("digits", "train+test", shuffle=False))
    x_test, y_test = as_arrays(load("digits", "test"))
    assert x.shape == (1797, 8, 8, 1) and x_test.shape == (360, 8, 8, 1)
    np.testing.assert_array_equal(x[1437:], x_test)
    np.testing.assert_array_equal(y[1437:], y_test)
    source = load_digits()
    expected = np.concatenate([source.data / 16, source.target[:, None]], 1)
    found = np.concatenate([x.reshape(1797, 64), y[:, None]], 1)
    np.testing.assert_array_equal(np.unique(found, axis=0), np.unique(expected, axis=0))
    assert np.bincount(y_test).min() > 25


def test_idx(idx_folder):
    x, y = as_arrays(load("idx", "test", path=idx_folder, batch_size=4))
    np.testing.assert_allclose(x, np.arange(42).reshape(7, 2, 3, 1) / 255, rtol=1e-6)
    np.testing.assert_array_equal(y, range(7))


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train[:8]", list(range(8))),
        ("train[-3:]", [17, 18, 19]),
        ("train[90%:]", [18, 19]),
        ("test[:2]+train[4:6]", [0, 1, 4, 5]),
        ("all", [*range(20), *range(7)]),
    ],
)
def test_slices_of_arrays(idx_folder, split, expected):
    _, y = as_arrays(load("idx", split, path=idx_folder, shuffle=False))
    np.testing.assert_array_equal(y, expected)


def test_slices_of_builders(prepared):
    options = {"num_train": 50, "num_test": 20, "data_dir": prepared, "shuffle": False}
    _, whole = as_arrays(load("pendulum", "train", **options))
    _, part = as_arrays(load("pendulum", "train[10:20]", **options))
    np.testing.assert_array_equal(part, whole[10:20])
    _, part = as_arrays(load("pendulum", "train[80%:]+test[:5]", **options))
    assert part.shape == (15,)
    np.testing.assert_array_equal(part[:10], whole[40:])


def test_shuffling_is_new_each_epoch_and_repeats_with_the_seed(idx_folder):
    def epochs(seed):
        data = load("idx", path=idx_folder, seed=seed, batch_size=6)
        return [as_arrays(data)[1].tolist() for _ in range(3)]

    first = epochs(5)
    assert first == epochs(5)
    assert first != epochs(6)
    assert first[0] != first[1] != first[2]
    assert all(sorted(epoch) == list(range(20)) for epoch in first)
    _, test = as_arrays(load("idx", "test", path=idx_folder))
    assert test.tolist() == list(range(7))


def test_x_and_y_stay_together_when_shuffled(idx_folder):
    x, y = as_arrays(load("idx", path=idx_folder))
    np.testing.assert_allclose(x[:, 0, 0, 0] * 255, y * 6, rtol=1e-5)


def test_binarize_is_static_and_follows_the_intensity():
    def read(seed):
        data = load("digits", binarize=True, seed=seed, shuffle=False)
        first, second = as_arrays(data)[0], as_arrays(data)[0]
        np.testing.assert_array_equal(first, second)
        return first

    grey = as_arrays(load("digits", shuffle=False))[0]
    binary = read(0)
    assert set(np.unique(binary)) == {0.0, 1.0}
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        pixels = binary[grey == level]
        # Four standard errors of a Bernoulli mean.
        tolerance = 4 * np.sqrt(level * (1 - level) / len(pixels)) + 1e-12
        assert abs(pixels.mean() - level) <= tolerance
    assert np.any(binary != read(1))
    # Shuffling and slicing leave the pixels of an example as they are.
    shuffled = as_arrays(load("digits", binarize=True, seed=0))[0].reshape(1437, 64)
    expected = np.unique(binary.reshape(1437, 64), axis=0)
    np.testing.assert_array_equal(np.unique(shuffled, axis=0), expected)
    part = as_arrays(load("digits", "train[:9]", binarize=True, shuffle=False))[0]
    np.testing.assert_array_equal(part, binary[:9])


def test_catalogue(prepared):
    x, y = as_arrays(load("fake_grey", "train[:20]+test", shuffle=False, data_dir=prepared))
    assert x.dtype == np.float32 and x.shape == (30, 6, 5, 1)
    x, y = as_arrays(load("fake_grey", data_dir=prepared))
    expected = {(_grey(i) / np.float32(255)).tobytes(): i % 3 for i in range(30)}
    assert {image.tobytes(): label for image, label in zip(x, y, strict=True)} == expected


def test_catalogue_of_binary_images_with_several_labels(prepared):
    x, y = as_arrays(load("fake_sprites", data_dir=prepared, shuffle=False))
    assert set(np.unique(x)) == {0.0, 1.0}
    assert set(y) == {"label_scale", "label_shape"}
    binary, shape = as_arrays(
        load("fake_sprites", data_dir=prepared, shuffle=False, binarize=True, labels="label_shape")
    )
    np.testing.assert_array_equal(binary, x)
    np.testing.assert_array_equal(shape, y["label_shape"])
    _, y = as_arrays(load("fake_sprites", data_dir=prepared, labels=["value_scale"]))
    assert sorted(y["value_scale"]) == [i / 2 for i in range(12)]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("fashion-mnist", "fashion_mnist"), ("coil_20", "coil20"), ("mnst", "mnist")],
)
def test_unknown_name_lists_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"`name` must .* '{name}'\. Nearest: .*\b{nearest}\b"):
        load(name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "digits", "split": "valid"}, "Unknown split 'valid'"),
        ({"name": "digits", "split": "train[:0]"}, "`split` must have at least one example"),
        ({"name": "digits", "split": 3}, "`split` must be text"),
        ({"name": 3}, "`name` must be text"),
        ({"name": "digits", "batch_size": 0}, "`batch_size` must be"),
        ({"name": "digits", "labels": "angle"}, r"`labels` must be .*\['image', 'label'\]"),
        ({"name": "digits", "path": "somewhere"}, "`path` must be None for 'digits'"),
        ({"name": "pendulum", "path": "somewhere"}, "`path` must be None for 'pendulum'"),
        ({"name": "digits", "size": 8}, "options of 'digits' must be left out, received 'size'"),
        ({"name": "pendulum", "sise": 8}, "must be .* num_test, num_train, size, received 'sise'"),
        ({"name": "mnist", "size": 8}, "'mnist' must be among config, version, rec"),
        ({"name": "idx"}, r"`path` must be a folder .* received None .*`data.path`"),
        ({"name": "coil20"}, r"`path` must be coil-20-proc\.zip .* received None"),
        ({"name": "cmu_mocap"}, r"`path` must be a folder with <subject>\.asf.*received None"),
        ({"name": "cmu_walk_jog", "path": "/nowhere"}, r"cmu35WalkJog\.mat.* does not exist"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        load(**arguments)


def test_idx_labels_must_fit(idx_folder, tmp_path):
    images = (idx_folder / "t10k-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(images)
    with pytest.raises(ValueError, match=r"`labels` must be False or .*, received True"):
        load("idx", "test", path=tmp_path)
    assert as_arrays(load("idx", "test", path=tmp_path, labels=False)).shape == (7, 2, 3, 1)
    labels = (idx_folder / "train-labels-idx1-ubyte").read_bytes()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(ValueError, match=r"labels must have shape \(7,\), one for each .*\(20,\)"):
        load("idx", "test", path=tmp_path)


def test_as_arrays_errors():
    with pytest.raises(ValueError, match=r"`dataset` must be a tf\.data\.Dataset, received list"):
        as_arrays([1, 2])
    with pytest.raises(ValueError, match="at least one batch"):
        as_arrays(tf.data.Dataset.from_tensor_slices(np.zeros((0, 3))))
    with pytest.raises(ValueError, match="`dataset` must have batches"):
        as_arrays(tf.data.Dataset.range(3))


def test_pose_transform_errors():
    with pytest.raises(ValueError, match="`name` must be one of 'cmu_mocap', 'cmu_walk_jog', rec"):
        pose_transform("mnist")


def test_importing_the_package_leaves_tfds_alone():
    code = (
        "import sys, tfvae.datasets as data; data.pendulum_images([0.0]), data.read_idx;"
        "sys.exit('tensorflow_datasets' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names():
    assert sorted(tfvae.datasets.__all__) == sorted(tfvae.datasets._MODULES)
    assert set(tfvae.datasets.__all__) <= set(dir(tfvae.datasets))
    for name in tfvae.datasets.__all__:
        assert getattr(tfvae.datasets, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tfvae.datasets.nothing


def test_real_walk_jog(raw_data):
    options = {"path": raw_data / "cmu_mocap"}
    x, y = as_arrays(load("cmu_walk_jog", **options))
    assert x.shape == (2644, 42)
    assert np.bincount(y).tolist() == [2282, 362]
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(x.std(0), 1, atol=1e-4)
    _, y = as_arrays(load("cmu_walk_jog", "test", **options))
    assert np.bincount(y).tolist() == [125, 44]
    assert len(pose_transform("cmu_walk_jog", drop=(), **options).kept) == 46
    assert len(pose_transform("cmu_walk_jog", drop=(), hands=True, **options).kept) == 56
    with pytest.raises(ValueError, match=r"received 'hand'\. Did you mean 'hands'"):
        load("cmu_walk_jog", hand=True, **options)
    with pytest.raises(ValueError, match=r"received 'hans'\. Did you mean 'hands'"):
        load("cmu_mocap", hans=True, **options)


def test_real_mnist(raw_data):
    x, y = as_arrays(load("idx", "test[:2000]", path=raw_data / "mnist"))
    assert x.shape == (2000, 28, 28, 1)
    assert x.max() == 1.0
    assert y[:5].tolist() == [7, 2, 1, 0, 4]
