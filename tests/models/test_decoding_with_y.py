"""What `decode` and `generate` make of labels and conditions, of one example or of several."""

import numpy as np
import pytest

import tfvae
from tfvae.discrete import GumbelSoftmax, Labels

RNG = np.random.default_rng(0)


def small(cls=tfvae.VAE, latent_dim=2, **kwargs):
    mlp = tfvae.networks.mlp
    return cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], (5,)), seed=0, **kwargs)


def test_each_sequence_has_its_condition():
    x, c = RNG.normal(size=(3, 4, 5)), RNG.normal(size=(3, 2))
    model = small(tfvae.SequenceVAE, 8, condition=2)
    model.build(x.shape)
    expected = model.predict(x, c, verbose=0)
    np.testing.assert_allclose(model.decode_mean(model.embed(x, c), c), expected, atol=1e-5)
    np.testing.assert_allclose(model.decode(model.embed(x, c), c).mean(), expected, atol=1e-5)
    np.testing.assert_allclose(model.roll(x, 0, c), expected, atol=1e-5)
    one = model.roll(x[1:2], 1, c[1:2])
    np.testing.assert_allclose(model.roll(x, 1, c)[1:2], one, atol=1e-5)
    assert model.predict_sequence(x[:, :2], y=c).shape == (3, 4, 5)
    z = model.embed(x, c)[:, 0]  # Single steps.
    np.testing.assert_allclose(model.decode_mean(z, c), expected[:, 0], atol=1e-5)


def test_conditions_of_length_one():
    c = np.linspace(-1.0, 1.0, 4)
    model = small(condition=1)
    model.build((None, 5))
    many = model.generate(4, y=c, seed=1)
    np.testing.assert_array_equal(many, model.generate(4, y=c[:, None], seed=1))
    alone = model.generate(4, y=c[2], seed=1)
    np.testing.assert_allclose(alone[2], many[2], atol=1e-6)
    np.testing.assert_array_equal(alone, model.generate(4, y=c[2:3], seed=1))


def test_labels_of_several_variables_and_of_latent_ones():
    model = small(discrete=Labels((2, 3)))
    model.build((None, 5))
    one = model.generate(4, y=[1, 2], seed=1)
    np.testing.assert_array_equal(one, model.generate(4, y=[[1, 2]] * 4, seed=1))
    z = RNG.normal(size=(4, 2)).astype("float32")
    latent = small(discrete=GumbelSoftmax(3), condition=2)
    latent.build((None, 5))
    y = {"labels": 2, "condition": [0.5, -0.5]}
    whole = np.concatenate([z, np.tile([0.0, 0.0, 1.0], [4, 1])], axis=1)
    np.testing.assert_allclose(
        latent.decode_mean(z, y), latent.decode_mean(whole, [0.5, -0.5]), atol=1e-6
    )
    with pytest.raises(ValueError, match=r"embedding_dim = 5.*y=\{"):
        latent.decode_mean(z, [0.5, -0.5])
