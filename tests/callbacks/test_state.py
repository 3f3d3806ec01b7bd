"""What a checkpoint holds of a model."""

import numpy as np

import tfvae
from tfvae.callbacks import _state


def test_optimizers_of_penalties_are_part_of_the_state():
    vae = tfvae.FactorVAE(latent_dim=2)
    vae.compile("adam")
    vae.fit(np.zeros((8, 3), "float32"), verbose=0)
    kept = {id(variable) for variable in _state.variables(vae).values()}
    assert {id(variable) for variable in vae.training_state} <= kept
