"""The models of the contract test, and a small one."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

import tfvae

CONTRACT = pathlib.Path(__file__).parents[1] / "models" / "test_contract.py"


@pytest.fixture(scope="session")
def contract_models():
    """Dict from name to a built model with weights as after training, data (8, 6, 1)."""
    spec = importlib.util.spec_from_file_location("contract_models", CONTRACT)
    contract = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(contract)
    models = {}
    for name, make in contract.MODELS.items():
        keras.utils.set_random_seed(0)
        models[name] = shaken(make(), (8, 6, 1))
    return models


def shaken(model, shape):
    """The model, built, with all weights moved: biases and averages are not 0 after training."""
    model.build((None, *shape))
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    return model


@pytest.fixture
def vector_model():
    """A Gaussian VAE of 4 features."""
    mlp = tfvae.networks.mlp
    return shaken(tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=3), (4,))


@pytest.fixture(scope="module")
def image_model():
    """A Bernoulli VAE of colour images, (8, 6, 3)."""
    mlp = tfvae.networks.mlp
    keras.utils.set_random_seed(0)
    networks = {"encoder": mlp([8]), "decoder": mlp([8], (8, 6, 3))}
    return shaken(tfvae.VAE(2, likelihood="bernoulli", seed=3, **networks), (8, 6, 3))
