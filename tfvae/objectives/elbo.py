"""Fixed weightings of distortion and rate: the ELBO and the two forms of β-VAE."""

import math

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae.objectives.base import Objective


@keras.saving.register_keras_serializable(package="tfvae")
class ELBO(Objective):
    """L = D + R, minus the evidence lower bound [KW14, eq. 3]; nats.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.objectives import ELBO, Terms
        >>> terms = Terms(tf.constant([[3.0]]), tf.constant([[2.0]]), tf.constant([[3.0]]))
        >>> float(ELBO().loss(terms)[0])
        5.0
    """

    def loss(self, terms):
        """D + R, mean over samples."""
        return tf.reduce_mean(terms.distortion + terms.rate, axis=0)


@keras.saving.register_keras_serializable(package="tfvae")
class BetaELBO(Objective):
    """L = D + β·R [H17, eq. 4]; nats.

    Args:
        beta: β ≥ 0; 1 is the ELBO.

    Raises:
        ValueError: when β is negative or not a finite number.
    """

    def __init__(self, beta: float = 4.0, **kwargs):
        super().__init__(**kwargs)
        self.beta = _checks.number_in("beta", beta, 0.0, math.inf, high_open=True)

    def loss(self, terms):
        """D + β·R, mean over samples."""
        return tf.reduce_mean(terms.distortion + self.beta * terms.rate, axis=0)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "beta": self.beta}


@keras.saving.register_keras_serializable(package="tfvae")
class ConvexBeta(Objective):
    """L = (1 − β)·C/N_x + β·R, the convex form used in particle physics [O21, eq. 1].

    C/N_x is the mean squared error for a Gaussian (its scale does not enter), the mean
    cross-entropy for a Bernoulli likelihood; R is the sum over latents. As
    β runs from 0 to 1 the average posterior variance does too.

    Args:
        beta: β in [0, 1].

    Raises:
        ValueError: when β lies outside [0, 1].
    """

    def __init__(self, beta: float = 1e-4, **kwargs):
        super().__init__(**kwargs)
        self.beta = _checks.number_in("beta", beta, 0.0, 1.0)

    def _create_state(self, likelihood):
        self.num_features = likelihood.num_features

    def loss(self, terms):
        """(1 − β)·C/N_x + β·R, mean over samples."""
        mean_error = terms.error / self.num_features
        return tf.reduce_mean((1.0 - self.beta) * mean_error + self.beta * terms.rate, axis=0)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "beta": self.beta}
