"""The prior that prefers no latents."""

from typing import Any, NoReturn

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.priors.base import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class Improper(Prior):
    """p(z) = 1 everywhere: no latents are preferred. It has no integral, and no samples.

        R = E_q[log q(z|x) − log 1] = −H(q(z|x)),

    minus the entropy, nats. It is 0 where the posterior is a point, as in `tfvae.Autoencoder`. A
    Gaussian posterior is drawn to be wide, wherever it lies.

    Raises:
        ValueError: when it is asked for a distribution or for samples.

    Example:
        >>> import tensorflow as tf, tfvae
        >>> prior = tfvae.priors.Improper()
        >>> prior.build(latent_dim=2)
        >>> z = tf.ones([1, 3, 2])
        >>> prior.rate(tfvae.distributions.Point(z[0]), z).numpy()
        array([[0., 0., 0.]], dtype=float32)
    """

    is_proper = False

    def distribution(self, *, training: bool = False) -> NoReturn:
        """Raises a ValueError: there is no such distribution."""
        raise ValueError(
            "`prior` must be a distribution for samples of it, received Improper(), whose density "
            "is 1 everywhere. Train a model with another prior, such as "
            'tfvae.VAE(latent_dim, prior="standard_normal"), to generate.'
        )

    def log_prob(self, z: tf.Tensor, *, seed: Any = None, training: bool = False) -> tf.Tensor:
        """log 1 = 0, (..., N_z) -> (...)."""
        return tf.zeros_like(z[..., 0])

    def rate(
        self,
        posterior: tfd.Distribution,
        noise: tf.Tensor,
        *,
        seed: Any = None,
        analytic: bool = True,
        training: bool = False,
    ) -> tf.Tensor:
        """−H(q(z|x)), (1, B), or log q(z|x) of each sample, (L, B); see `Prior.rate`."""
        if analytic:
            try:
                return 0.0 - posterior.entropy()[tf.newaxis]  # 0, not −0, of a point.
            except NotImplementedError:
                pass  # TFP has no closed form of this one.
        return posterior.log_prob(noise)
