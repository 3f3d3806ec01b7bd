"""Schedules that Keras does not have."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.objectives import Cyclical


def test_cyclical_against_a_loop():
    schedule = Cyclical(period=10, low=0.2, high=1.2, rising=0.4)
    expected = [0.2 + min(1.0, (step % 10) / 4.0) for step in range(35)]
    np.testing.assert_allclose([schedule(step) for step in range(35)], expected, rtol=1e-6)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert again.get_config() == schedule.get_config()


def test_cyclical_is_followed_in_training():
    x = np.random.default_rng(0).normal(size=(30, 3)).astype("float32")
    mlp = tfvae.networks.mlp
    vae = tfvae.BetaVAE(2, beta=Cyclical(period=4), encoder=mlp([4]), decoder=mlp([4], (3,)))
    vae.compile("adam")
    found = []
    for _ in range(6):
        found.append(vae.objective.beta)
        vae.fit(x, verbose=0)  # one step
    np.testing.assert_allclose(found, [0.0, 0.5, 1.0, 1.0, 0.0, 0.5])


@pytest.mark.parametrize(
    "settings", [{"period": 0}, {"period": 9, "rising": 0.0}, {"period": 9, "high": np.inf}]
)
def test_cyclical_refuses(settings):
    with pytest.raises(ValueError, match="must"):
        Cyclical(**settings)
