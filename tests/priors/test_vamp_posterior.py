"""A VampPrior mixes diagonal Gaussian posteriors, and says so of any other."""

import numpy as np
import pytest
import tensorflow_probability as tfp

import tfvae


class AnotherPosterior(tfvae.VAE):
    def posterior(self, features, batch_shape=None):
        return tfp.distributions.MultivariateNormalDiag(*self.posterior_head(features))


def test_another_posterior_is_refused():
    vae = AnotherPosterior(latent_dim=2, prior="vamp")
    vae.compile("adam")
    with pytest.raises(ValueError, match=r"`posterior` must be a diagonal Gaussian.*VampPrior"):
        vae.fit(np.zeros((8, 3), "float32"), verbose=0)
