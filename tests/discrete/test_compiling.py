"""What Keras is told about `jit_compile` where categories are assigned outside of TensorFlow."""

import numpy as np
import pytest

import tfvae


def test_assigned_categories_train_without_xla_and_say_so():
    vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.Assigned(3))
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        vae.compile("adam", jit_compile=True)
    x = np.random.default_rng(0).uniform(size=(16, 5)).astype("float32")
    assert np.isfinite(vae.fit(x, verbose=0).history["loss"][0])


def test_other_categories_are_left_to_xla():
    for discrete in (tfvae.discrete.Labels(3), tfvae.discrete.GumbelSoftmax(3)):
        assert tfvae.VAE(latent_dim=2, discrete=discrete).supports_jit
