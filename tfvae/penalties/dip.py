"""The covariance of the latents, drawn towards the identity (DIP-VAE)."""

from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae._coefficients import Coefficient
from tfvae.penalties.base import Inference, Penalty, diagonal_posterior, has_pairs

KINDS = ("I", "II")
PUBLISHED_RATIOS = {"I": 10.0, "II": 1.0}


def covariance(rows: tf.Tensor) -> tf.Tensor:
    """Cov = 1/(n−1) Σ_i (r_i − r̄)(r_i − r̄)ᵀ, unbiased; (n, N_z) -> (N_z, N_z), n ≥ 2."""
    centred = rows - tf.reduce_mean(rows, axis=0)
    products = tf.matmul(centred, centred, transpose_a=True)
    return products / tf.cast(tf.maximum(tf.shape(rows)[0] - 1, 1), rows.dtype)


def deviation_from_identity(c: tf.Tensor, diagonal_ratio: Any) -> tf.Tensor:
    """Σ_{i≠j} C_ij² + (λ_d/λ_od) Σ_i (C_ii − 1)²; (N_z, N_z) and λ_d/λ_od -> a scalar."""
    diagonal = tf.linalg.diag_part(c)
    off_diagonal = tf.linalg.set_diag(c, tf.zeros_like(diagonal))
    ratio = tf.cast(diagonal_ratio, c.dtype)
    return tf.reduce_sum(off_diagonal**2) + ratio * tf.reduce_sum((diagonal - 1.0) ** 2)


@keras.saving.register_keras_serializable(package="tfvae")
class DIP(Penalty):
    """λ_od Σ_{i≠j} C_ij² + λ_d Σ_i (C_ii − 1)², C the covariance of the latents [KSB18].

        I:   C = Cov[μ(x)]
        II:  C = E[diag σ²(x)] + Cov[μ(x)], the covariance of z ~ q(z)

    Both are over the batch, with the unbiased covariance, 1/(B − 1) (**choice**: E[C] is then the
    covariance over the data for every batch size; the penalty itself, a square, is biased upwards
    by O(1/B)). The target 1 is the variance of a standard normal prior. The unit is the fourth
    power of z's.

    It is a quantity of the batch: every example gets the same number. The batch includes examples
    of weight 0; under several replicas it is the replica's own. For sequences the B·T steps are the
    rows of C. A single row has no covariance: a batch of one example adds 0.

    Args:
        weight: λ_od, a number ≥ 0 or a Keras schedule.
        kind: "I" or "II".
        diagonal_ratio: λ_d/λ_od, a number ≥ 0 or a Keras schedule: λ_d follows the weight. None:
            10 for I, 1 for II, as [KSB18] take them.
        name: under which it is reported.

    Raises:
        ValueError: when an argument is not of the kind described; in a step, when the posterior is
            no diagonal Gaussian over z.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=2, penalties=[tfvae.penalties.DIP(10.0, kind="I")])
    """

    diagonal_ratio = Coefficient()

    def __init__(
        self,
        weight: Any = 10.0,
        kind: str = "II",
        diagonal_ratio: Any = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(weight, name, **kwargs)
        self.kind = _checks.one_of("kind", kind, KINDS)
        self.diagonal_ratio = PUBLISHED_RATIOS[kind] if diagonal_ratio is None else diagonal_ratio

    def value(self, inference: Inference, *, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """The deviation of C from the identity, over λ_od, for each example; (B,)."""
        posterior = diagonal_posterior(inference, self)
        size = inference.z.shape[-1]
        mean = tf.reshape(posterior.mean(), [-1, size])
        c = covariance(mean)
        if self.kind == "II":
            variance = tf.reshape(posterior.variance(), [-1, size])
            c += tf.linalg.diag(tf.reduce_mean(variance, axis=0))
        deviation = deviation_from_identity(c, self.diagonal_ratio)
        return tf.fill([tf.shape(inference.z)[1]], has_pairs(mean) * deviation)
