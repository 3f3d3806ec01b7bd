"""The prior that prefers no latents: its rate is minus the posterior's entropy."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.distributions import diagonal_gaussian
from tfvae.priors import Improper

LOC, SCALE = np.array([[1.0, -9.0]], "float32"), np.array([[0.5, 2.0]], "float32")


def built():
    prior = Improper()
    prior.build(latent_dim=2)
    return prior


def test_rate_is_minus_the_entropy():
    posterior = diagonal_gaussian(LOC, SCALE)
    expected = -np.sum(scipy.stats.norm(LOC, SCALE).entropy())
    z = posterior.sample(20_000, seed=(0, 1))
    analytic = built().rate(posterior, z)
    sampled = built().rate(posterior, z, analytic=False)
    assert analytic.shape == (1, 1) and sampled.shape == (20_000, 1)
    np.testing.assert_allclose(analytic, [[expected]], rtol=1e-5)
    np.testing.assert_allclose(np.mean(sampled), expected, atol=0.03)  # 4 standard errors


def test_log_prob_is_zero_everywhere():
    assert not np.any(built().log_prob(tf.constant([[0.0, 1e9], [-3.0, 2.0]])))


def test_it_has_no_samples():
    for ask in (lambda: built().sample(3), lambda: built().distribution()):
        with pytest.raises(ValueError, match="must be a distribution for samples"):
            ask()


def test_exported_model_has_no_signature_to_generate(tmp_path):
    model = tfvae.Autoencoder(2, seed=0)
    model.build((None, 3))
    tfvae.export(model, tmp_path / "1")
    names = set(tf.saved_model.load(str(tmp_path / "1")).signatures)
    assert names == {"serving_default", "encode", "decode", "reconstruct", "score"}
