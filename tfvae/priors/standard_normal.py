"""The standard normal prior."""

import keras
import tensorflow as tf

from tfvae.networks import diagonal_gaussian
from tfvae.priors.base import Prior


@keras.saving.register_keras_serializable(package="tfvae")
class StandardNormal(Prior):
    """p(z) = N(0, I) [KW14]; the rate against a diagonal Gaussian posterior is analytic.

    Example:
        >>> from tfvae.priors import StandardNormal
        >>> prior = StandardNormal()
        >>> prior.connect(latent_dim=2)
        >>> round(float(prior.log_prob([0.0, 0.0])), 4)  # −log 2π
        -1.8379
    """

    def distribution(self, *, training=False):
        """N(0, I)."""
        self._check_connected()
        return diagonal_gaussian(tf.zeros([self.latent_dim]), tf.ones([self.latent_dim]))

    def rates(self, posterior):
        """KL(q(z_i|x) ‖ N(0, 1)) of each latent, (1, B, N_z), nats."""
        return posterior.distribution.kl_divergence(self.distribution().distribution)[tf.newaxis]
