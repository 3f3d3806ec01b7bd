"""The importance-weighted bound as an objective."""

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae.distributions import log_mean_exp
from tfvae.objectives.base import Objective, Terms


@keras.saving.register_keras_serializable(package="tfvae")
class ImportanceWeighted(Objective):
    """L = −log (1/L) Σ_l p(x, z_l)/q(z_l|x), z_l ~ q(z|x) [BGS16]; nats.

    The bound rises with the number of samples; with one it is the ELBO.

    Args:
        num_samples: L.

    Raises:
        ValueError: when `num_samples` is not a whole number ≥ 1.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.objectives import ImportanceWeighted, Terms
        >>> equal = Terms(tf.fill([2, 1], 3.0), tf.fill([2, 1], 2.0), tf.fill([2, 1], 3.0))
        >>> float(ImportanceWeighted(2).loss(equal)[0])  # equal weights: the mean is each of them
        5.0
    """

    analytic_rate = False
    # The better the bound, the wider q may be, of which single samples have large distortions.
    raises_elbo = False

    def __init__(self, num_samples: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.num_samples = _checks.positive_int("num_samples", num_samples)

    def loss(self, terms: Terms) -> tf.Tensor:
        """Minus the bound."""
        return -log_mean_exp(-(terms.distortion + terms.rate), axis=0)

    def sample_weights(self, terms: Terms) -> tf.Tensor:
        """Self-normalised importance weights, w_l/Σ w [BGS16]."""
        return tf.stop_gradient(tf.nn.softmax(-(terms.distortion + terms.rate), axis=0))
