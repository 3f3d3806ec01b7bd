"""Mixtures of Gaussians with full covariances, whose density is a few matrix products."""

import math

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

tfd = tfp.distributions


class MixtureOfGaussians(tfd.MixtureSameFamily):
    """p(z) = Σ_k π_k N(z; μ_k, L_k L_kᵀ), L_k lower triangular.

        log N(z; μ, L Lᵀ) = −½ ‖L⁻¹(z − μ)‖² − Σ_i log L_ii − ½ N_z log 2π

    `log_prob` inverts the K matrices once, where TFP solves a triangular system for every point
    and component. Sampling and moments come
    from `tfd.MixtureSameFamily`.

    Args:
        loc: means μ, (K, N_z).
        scale_tril: L, (K, N_z, N_z), with a positive diagonal.
        logits: unnormalised log π, (K,). None: equal weights.

    Raises:
        ValueError: when the shapes are not (K, N_z) and (K, N_z, N_z).

    Example, one component of two latents with the correlation 0.6:
        >>> from tfvae.distributions import MixtureOfGaussians
        >>> p = MixtureOfGaussians(loc=[[0.0, 0.0]], scale_tril=[[[1.0, 0.0], [0.6, 0.8]]])
        >>> round(float(p.covariance()[0, 1]), 4)
        0.6
        >>> p.log_prob([[0.0, 0.0], [1.0, 1.0]]).shape
        TensorShape([2])
    """

    def __init__(
        self,
        loc: ArrayLike | tf.Tensor,
        scale_tril: ArrayLike | tf.Tensor,
        logits: ArrayLike | tf.Tensor | None = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "MixtureOfGaussians",
    ) -> None:
        parameters = dict(locals())
        loc = tf.convert_to_tensor(loc)
        scale_tril = tf.convert_to_tensor(scale_tril, dtype=loc.dtype)
        if loc.shape.rank != 2 or scale_tril.shape != (*loc.shape, loc.shape[1]):
            raise ValueError(
                "`loc` and `scale_tril` must have the shapes (K, N_z) and (K, N_z, N_z), received "
                f"{loc.shape} and {scale_tril.shape}. Give a row and a matrix for each component."
            )
        logits = tf.zeros_like(loc[:, 0]) if logits is None else logits
        super().__init__(
            mixture_distribution=tfd.Categorical(
                logits=tf.convert_to_tensor(logits, dtype=loc.dtype)
            ),
            components_distribution=tfd.MultivariateNormalTriL(loc, scale_tril),
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            name=name,
        )
        self._parameters = self._no_dependency(parameters)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {
            "loc": tfp.util.ParameterProperties(event_ndims=2),
            "scale_tril": tfp.util.ParameterProperties(event_ndims=3),
            "logits": tfp.util.ParameterProperties(event_ndims=1),
        }

    def _log_prob(self, z):
        loc, scale_tril = self.components_distribution.loc, self.parameters["scale_tril"]
        scale_tril = tf.convert_to_tensor(scale_tril, loc.dtype)
        number, size = loc.shape
        identity = tf.eye(size, batch_shape=[number], dtype=loc.dtype)
        inverse = tf.linalg.triangular_solve(scale_tril, identity)
        rows = tf.reshape(z, [-1, size])
        # (z − μ_k) first, since the difference of two products would cancel far from zero.
        deviation = rows[:, tf.newaxis] - loc  # (B, K, N_z)
        white = tf.einsum("kij,bkj->bki", inverse, deviation)
        log_volume = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(scale_tril)), axis=-1)
        log_probs = (
            -0.5 * tf.reduce_sum(tf.square(white), axis=-1)
            - log_volume
            - 0.5 * size * math.log(2.0 * math.pi)
        )
        log_weights = tf.math.log_softmax(self.mixture_distribution.logits)
        found = tf.reduce_logsumexp(log_probs + log_weights, axis=-1)
        return tf.reshape(found, tf.shape(z)[:-1])
