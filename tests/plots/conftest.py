"""Tiny models for all figures, trained once."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.datasets import pendulum_images


@pytest.fixture(scope="session")
def angles():
    return np.random.default_rng(0).uniform(0, 2 * np.pi, 200)


@pytest.fixture(scope="session")
def images(angles):
    return pendulum_images(angles, size=8, seed=1)


@pytest.fixture(scope="session")
def trained(images):
    """A VHP-VAE of 8×8 grey images with two latents, and what `fit` returned."""
    objective = tfvae.objectives.Constrained(kappa=0.4, multiplier=tfvae.objectives.REWO())
    vae = tfvae.VHPVAE(latent_dim=2, objective=objective, seed=0)
    vae.compile(keras.optimizers.Adam(1e-3))
    return vae, vae.fit(images, validation_data=(images[:50],), epochs=6, verbose=0)


@pytest.fixture(scope="session")
def model(trained):
    return trained[0]


@pytest.fixture(scope="session")
def history(trained):
    return trained[1]


@pytest.fixture(scope="session")
def built():
    """A function that makes an untrained VAE for data of a shape."""

    def make(data_shape, latent_dim=2):
        vae = tfvae.VAE(latent_dim=latent_dim, seed=0)
        vae.build((None, *data_shape))
        return vae

    return make


@pytest.fixture(scope="session")
def vector_model(built):
    return built((5,))


@pytest.fixture(scope="session")
def vectors():
    return np.random.default_rng(0).normal(size=(30, 5)).astype("float32")


@pytest.fixture(scope="session")
def deep_model(built):
    """Grey images, four latents."""
    return built((8, 8, 1), latent_dim=4)
