"""Weights files have a digest of all values; a damaged one is refused before anything is loaded."""

import resource
import signal

import h5py
import keras
import numpy as np
import pytest

import tfvae


@pytest.fixture(scope="module")
def vae():
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)), seed=1)
    model.build((None, 3))
    return model


def test_a_changed_weight_is_noticed_and_nothing_loaded(vae, tmp_path):
    path = tmp_path / "a.weights.h5"
    vae.save_weights(path)
    with h5py.File(path, "r+") as file:
        names = []
        file.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
        last = file[[name for name in names if file[name].size][-1]]
        last[...] = last[...] + 1
    before = vae.get_weights()
    for weight in vae.weights:
        weight.assign(weight + 1)
    changed = vae.get_weights()
    with pytest.raises(ValueError, match=r"`filepath` must be a whole weights file.*its digest"):
        vae.load_weights(path)
    for weight, value, other in zip(vae.get_weights(), changed, before, strict=True):
        np.testing.assert_array_equal(weight, value)
        assert not np.array_equal(weight, other)


def test_a_cut_file_is_refused(vae, tmp_path):
    path = tmp_path / "a.weights.h5"
    vae.save_weights(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged"):
        vae.load_weights(path)


def test_weights_of_a_family_with_more_parts_are_not_dropped(vae, tmp_path):
    """The learned prior would be N(0, 1) without a word."""
    mlp = tfvae.networks.mlp
    other = tfvae.VHPVAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)))
    other.build((None, 3))
    other.compile("adam")
    other.save_weights(tmp_path / "a.weights.h5")
    before = vae.get_weights()
    with pytest.raises(ValueError, match=r"of such a VAE.*hierarchical_prior.*skip_mismatch"):
        vae.load_weights(tmp_path / "a.weights.h5")
    for weight, value in zip(vae.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    other.load_weights(tmp_path / "a.weights.h5")
    copy = tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)))
    copy.build((None, 3))
    copy.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(copy.encoder.get_weights()[0], other.encoder.get_weights()[0])


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5"])
def test_a_full_disk_costs_the_new_file_alone(vae, tmp_path, name):
    path = tmp_path / name
    save = vae.save if name == "model.keras" else vae.save_weights
    save(path)
    old = path.read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # Python gets an OSError instead.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, limit[1]))
    try:
        with pytest.raises((OSError, RuntimeError, SystemError)):
            save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == old and [one.name for one in tmp_path.iterdir()] == [name]


def test_other_ways_to_save_are_those_of_keras(vae, tmp_path, monkeypatch):
    vae.save(tmp_path / "folder", zipped=False)
    assert (tmp_path / "folder").is_dir()
    vae.save_weights(tmp_path / "a.weights.json", max_shard_size=0.001)
    vae.load_weights(tmp_path / "a.weights.json")
    path = tmp_path / "model.keras"
    path.write_text("mine")
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    vae.save(path, overwrite=False)
    assert path.read_text() == "mine"


def test_files_without_a_digest_and_weights_in_a_keras_file(vae, tmp_path):
    saved = vae.get_weights()
    keras.Model.save_weights(vae, tmp_path / "plain.weights.h5")
    vae.save(tmp_path / "model.keras")
    for name in ("plain.weights.h5", "model.keras"):
        vae.set_weights([np.zeros_like(value) for value in saved])
        vae.load_weights(tmp_path / name)
        for value, wanted in zip(vae.get_weights(), saved, strict=True):
            np.testing.assert_array_equal(value, wanted)
