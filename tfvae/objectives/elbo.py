"""Fixed weightings of distortion and rate: the ELBO and the two forms of β-VAE."""

from typing import Any

import keras
import tensorflow as tf

from tfvae._coefficients import Coefficient
from tfvae.objectives.base import Objective, Terms


@keras.saving.register_keras_serializable(package="tfvae")
class ELBO(Objective):
    """L = D + R, minus the evidence lower bound [KW14]; nats.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.objectives import ELBO, Terms
        >>> terms = Terms(tf.constant([[3.0]]), tf.constant([[2.0]]), tf.constant([[3.0]]))
        >>> float(ELBO().loss(terms)[0])
        5.0
    """

    def loss(self, terms: Terms) -> tf.Tensor:
        """D + R, mean over samples."""
        return tf.reduce_mean(terms.distortion + terms.rate, axis=0)


@keras.saving.register_keras_serializable(package="tfvae")
class BetaELBO(Objective):
    """L = D + β·R [H17]; nats.

    Args:
        beta: β ≥ 0, a number or a Keras schedule; 1 is the ELBO, 0 leaves the distortion alone.

    Raises:
        ValueError: when β is negative or not a finite number.

    Example, a KL warm-up from 0 to 1 in 1,000 steps:
        >>> import keras, tfvae
        >>> warm_up = keras.optimizers.schedules.PolynomialDecay(0.0, 1000, 1.0)
        >>> vae = tfvae.VAE(latent_dim=2, objective=tfvae.objectives.BetaELBO(warm_up))
    """

    beta = Coefficient()

    def __init__(self, beta: Any = 4.0, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta

    def loss(self, terms: Terms) -> tf.Tensor:
        """D + β·R, mean over samples."""
        return tf.reduce_mean(terms.distortion + self.beta * terms.rate, axis=0)


@keras.saving.register_keras_serializable(package="tfvae")
class ConvexBeta(Objective):
    """L = (1 − β)·C/N_x + β·R, the convex form used in particle physics [O21].

    C/N_x is the mean squared error for a Gaussian likelihood, whose scale has no part in it, and
    the mean cross-entropy for a Bernoulli likelihood; R is the sum over latents. As β goes from 0
    to 1, the average posterior variance does too. At 0 the error alone counts, and the posterior
    becomes as narrow as the decoder can use. At 1 the rate alone counts: the posterior becomes the
    prior, and the decoder learns nothing. `tfvae.evaluation.beta_scan` shows what lies between.

    Args:
        beta: β in [0, 1], a number or a Keras schedule.

    Raises:
        ValueError: when β lies outside [0, 1].
    """

    beta = Coefficient(0.0, 1.0, high_open=False)

    def __init__(self, beta: Any = 1e-4, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta

    def create_weights(self, likelihood: Any) -> None:
        """Notes what tells N_x."""
        self._num_features = likelihood.mean_num_observed

    def loss(self, terms: Terms) -> tf.Tensor:
        """(1 − β)·C/N_x + β·R, mean over samples."""
        mean_error = terms.error / self._num_features()
        return tf.reduce_mean((1.0 - self.beta) * mean_error + self.beta * terms.rate, axis=0)
