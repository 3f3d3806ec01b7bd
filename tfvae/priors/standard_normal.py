"""The standard normal prior."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import diagonal_gaussian, is_diagonal_gaussian
from tfvae.priors.base import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class StandardNormal(Prior):
    """p(z) = N(0, I) [KW14]; the rate against a diagonal Gaussian posterior is analytic.

    Example:
        >>> from tfvae.priors import StandardNormal
        >>> prior = StandardNormal()
        >>> prior.build(latent_dim=2)
        >>> round(float(prior.log_prob([0.0, 0.0])), 4)  # −log 2π
        -1.8379
    """

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """N(0, I)."""
        self.check_built()
        return diagonal_gaussian(tf.zeros([self.latent_dim]), tf.ones([self.latent_dim]))

    def rate_per_latent(self, posterior: tfd.Distribution) -> tf.Tensor | None:
        """KL(q(z_i|x) ‖ N(0, 1)) of each latent, (1, B, N_z), nats."""
        if not is_diagonal_gaussian(posterior):
            return None  # A posterior of one's own need not be a product over the latents.
        return posterior.distribution.kl_divergence(self.distribution().distribution)[tf.newaxis]
