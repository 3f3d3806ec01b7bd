"""Weights files have a digest of all values; a damaged one is refused before anything is loaded."""

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


def test_files_without_a_digest_and_weights_in_a_keras_file(vae, tmp_path):
    saved = vae.get_weights()
    keras.Model.save_weights(vae, tmp_path / "plain.weights.h5")
    vae.save(tmp_path / "model.keras")
    for name in ("plain.weights.h5", "model.keras"):
        vae.set_weights([np.zeros_like(value) for value in saved])
        vae.load_weights(tmp_path / name)
        for value, wanted in zip(vae.get_weights(), saved, strict=True):
            np.testing.assert_array_equal(value, wanted)
