"""The total correlation of the latents, estimated from the posteriors of a batch (β-TCVAE)."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae._fused import fused_pairs
from tfvae.penalties.base import Inference, Penalty, diagonal_posterior


@fused_pairs
def batch_total_correlation(z: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """log q(z_i) − Σ_j log q(z_ij), with q = (1/B) Σ_k q(·|x_k), the mixture of the batch; nats.

    Args:
        z: one sample of each posterior, (B, N_z).
        loc: means μ of the posteriors, (B, N_z).
        scale: standard deviations σ > 0 of the posteriors, (B, N_z).

    Returns:
        (B,); the mean over the batch is the estimate of TC.
    """
    log_batch = tf.math.log(tf.cast(tf.shape(z)[0], z.dtype))
    # log q(z_ij|x_k), (B, B, N_z): sample i, posterior k, latent j. Written out, since these are
    # the step's most numbers: what depends on the posterior alone is computed for it alone.
    log_normalizer = tf.math.log(scale) + 0.5 * math.log(2.0 * math.pi)
    standardized = (z[:, tf.newaxis] - loc) * (math.sqrt(0.5) / scale)
    log_probs = -(tf.square(standardized) + log_normalizer)
    log_joint = tf.reduce_logsumexp(tf.reduce_sum(log_probs, axis=-1), axis=1) - log_batch
    log_marginals = tf.reduce_logsumexp(log_probs, axis=1) - log_batch
    return log_joint - tf.reduce_sum(log_marginals, axis=-1)


@keras.saving.register_keras_serializable(package="tfvae")
class BetaTC(Penalty):
    """(β − 1)·TC, TC = E_q(z) [log q(z) − Σ_j log q(z_j)], q(z) from the batch; nats.

    TC = KL(q(z) ‖ Π_j q(z_j)) is 0 when the latents are independent. Added to the ELBO it makes the
    loss of the β-TCVAE [CLGD18]. Unlike `TotalCorrelation` it needs no discriminator.

    The estimator is the plain mixture of the batch (**choice**),

        log q(z_i) ≈ logsumexp_k log q(z_i|x_k) − log B,   and so for log q(z_ij).

    A penalty does not know the number N of examples in the data set. With it, minibatch-weighted
    sampling [CLGD18, "Training with minibatch-weighted sampling"] adds the constant
    (N_z − 1) log N to the value and nothing to the gradient.

    The estimate is biased, since z_i comes from a component of its own mixture. It equals
    Σ_j Î(x; z_j) − Î(x; z), and no estimated information Î can exceed log B: TC is overestimated
    where I(x; z) does, up to (N_z − 1) log B. Compare values for one batch size only. A batch of
    one gives 0.

    The batch includes examples of weight 0; under several replicas it is the replica's own. For
    sequences the B·T steps are the components, and an example gets the mean over its steps. A batch
    holds B²·N_z numbers, or (B·T)²·N_z.

    Args:
        weight: β − 1 ≥ 0, a number or a Keras schedule. [CLGD18] take β = 6 for dSprites.
        name: under which it is reported.

    Raises:
        ValueError: when the weight is not of the kind described; in a step, when the posterior is
            no diagonal Gaussian over z.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=2, penalties=[tfvae.penalties.BetaTC(5.0)])
    """

    def __init__(self, weight: Any = 5.0, name: str | None = None, **kwargs):
        super().__init__(weight, name, **kwargs)

    def value(self, inference: Inference, *, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """log q(z) − Σ_j log q(z_j) at the first posterior sample; (B,), a mean over steps."""
        posterior = diagonal_posterior(inference, self)
        first = inference.z[0]
        z, loc, scale = (
            tf.reshape(values, [-1, first.shape[-1]])
            for values in (first, posterior.mean(), posterior.stddev())
        )
        values = batch_total_correlation(z, loc, scale)
        # Not [B, −1]: a replica without examples has nothing to infer the −1 from.
        per_step = tf.reshape(values, tf.shape(first)[:-1])
        return tf.reduce_mean(per_step, axis=list(range(1, first.shape.rank - 1)))
