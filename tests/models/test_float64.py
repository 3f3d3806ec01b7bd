"""Models whose networks compute in float64; the terms stay float32."""

import keras
import numpy as np
import pytest

import tfvae


@pytest.fixture
def float64():
    # The policy follows floatx only as long as no test has set one.
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("prior", ["standard_normal", "vamp"])
def test_training_under_floatx_float64(prior, float64):
    x = np.random.default_rng(0).uniform(size=(32, 5))
    vae = tfvae.VAE(latent_dim=2, prior=prior)
    vae.compile("adam")
    assert np.isfinite(vae.fit(x, verbose=0).history["loss"][0])
    assert vae.encoder.layers[-1].compute_dtype == "float64"
    assert vae.predict(x, verbose=0).shape == (32, 5)
