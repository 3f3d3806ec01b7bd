"""The FactorVAE."""

import keras
import tensorflow as tf

from tfvae.models.adversarial import Adversarial


def permuted(z: tf.Tensor, *, seed) -> tf.Tensor:
    """Each latent permuted over the batch by itself: a sample of Π_i q(z_i) [KM18, algorithm 1].

    (B, N_z) -> (B, N_z).
    """
    noise = tf.random.stateless_uniform(tf.shape(tf.transpose(z)), seed)
    return tf.transpose(tf.gather(tf.transpose(z), tf.argsort(noise), batch_dims=1))


@keras.saving.register_keras_serializable(package="tfvae")
class FactorVAE(Adversarial):
    """FactorVAE [KM18]: the ELBO with a penalty on the total correlation of q(z).

        L = D + R + γ·TC(z),   TC(z) = KL(q(z) ‖ Π_i q(z_i)) ≈ E_q(z) ℓ(z)   (eq. 2 and 3)

    ℓ is the log-odds of a discriminator that tells z from z whose latents are permuted over the
    batch. Both are of the same batch (**choice**; [KM18] take two). The estimate of TC is reported
    as `total_correlation`.

    Args:
        latent_dim: N_z.
        weight: γ ≥ 0; [KM18] take 6 to 40 for dSprites.
        discriminator: see `Adversarial`; [KM18] take six layers of 1000.
        **kwargs: see `LatentVariableModel`.

    Example:
        >>> import keras, numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> vae = tfvae.FactorVAE(latent_dim=2, weight=10.0)
        >>> vae.compile("adam", discriminator_optimizer=keras.optimizers.Adam(1e-4, beta_1=0.5))
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> sorted(history.history)  # doctest: +NORMALIZE_WHITESPACE
        ['constraint', 'discriminator', 'distortion', 'elbo', 'loss', 'rate', 'total_correlation']
    """

    penalty_name = "total_correlation"

    def __init__(self, latent_dim: int, *, weight: float = 10.0, **kwargs):
        super().__init__(latent_dim, weight=weight, **kwargs)

    def _others(self, z, seed):
        return permuted(z, seed=seed)

    def _of_log_odds(self, log_odds):
        return log_odds
