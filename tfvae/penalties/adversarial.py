"""Penalties that a discriminator of latents estimates."""

import abc
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks, _own_optimizer, networks
from tfvae.penalties.base import Inference, NetworkPenalty, Penalty


class Adversarial(Penalty):
    """Base class: a discriminator tells latents z ~ q(z) from others, z' ~ q̄(z).

    The discriminator gives the log-odds ℓ(z) that z is of the first kind. With an optimizer of its
    own, in the same step as the model, it minimises

        log(1 + exp(−ℓ(z))) + log(1 + exp(ℓ(z'))),

    whose optimum is the log-density ratio ℓ = log q(z)/q̄(z) (the density-ratio trick
    [KM18]). A subclass says where z' comes from, and what ℓ adds to the model's loss.

    Args:
        weight: of the penalty, a number or a Keras schedule.
        discriminator: Keras network, (B, N_z) -> (B, 1), which gives ℓ. None: four dense layers of
            256 leaky ReLU.
        optimizer: of the discriminator. None: Adam(1e-4, beta_1=0.5, beta_2=0.9) [KM18,
            appendix A].
        name: under which it is reported.

    Raises:
        ValueError: when an argument is not of the kind described.
    """

    def __init__(
        self,
        weight: Any = 1.0,
        discriminator: keras.layers.Layer | None = None,
        optimizer: str | keras.optimizers.Optimizer | None = None,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(weight, name, **kwargs)
        if discriminator is None:
            discriminator = networks.mlp([256] * 4, (1,), activation="leaky_relu")
        self.discriminator = _checks.layer("discriminator", discriminator)
        self.optimizer = _own_optimizer.get(
            optimizer, lambda: keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
        )

    @property
    def network(self) -> keras.layers.Layer:
        """The discriminator."""
        return self.discriminator

    @property
    def reported_names(self) -> tuple[str, ...]:
        """The penalty, and the discriminator's loss in nats."""
        return (self.name, f"{self.name}_discriminator")

    def create_weights(self) -> None:
        """Builds the discriminator."""
        outputs = self.discriminator(keras.KerasTensor((None, self.latent_dim)))
        if tuple(outputs.shape[1:]) != (1,):
            raise ValueError(
                f"`discriminator` must give one number for each example, (B, 1), received a "
                f"network with outputs of shape {tuple(outputs.shape)}. End it with Dense(1)."
            )

    def value(self, inference: Inference, *, seed: tf.Tensor, training: bool) -> NetworkPenalty:
        """What ℓ(z) of the first posterior sample adds, and the discriminator's loss."""
        z = tf.reshape(inference.z[0], [-1, self.latent_dim])
        others = tf.stop_gradient(self.others(inference, z, seed=seed))
        both = tf.concat([z, others], axis=0)
        log_odds = tf.cast(self.discriminator(both, training=training), tf.float32)
        own, other = tf.split(log_odds[:, 0], 2)
        loss = tf.math.softplus(-own) + tf.math.softplus(other)
        return NetworkPenalty(
            _per_example(self.of_log_odds(own), inference), _per_example(loss, inference)
        )

    @abc.abstractmethod
    def others(self, inference: Inference, z: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        """z' ~ q̄, (n, N_z), as many as there are z (n, N_z)."""

    @abc.abstractmethod
    def of_log_odds(self, log_odds: tf.Tensor) -> tf.Tensor:
        """What ℓ(z) adds to the loss, (n,) -> (n,)."""


def _per_example(values, inference):
    """Means over the steps of a sequence, (B·T,) -> (B,)."""
    return tf.reduce_mean(tf.reshape(values, [tf.shape(inference.z)[1], -1]), axis=1)


@keras.saving.register_keras_serializable(package="tfvae")
class AdversarialPrior(Adversarial):
    """log(1 + exp(ℓ(z))), ℓ the log-odds of z ~ q(z|x) against z' ~ p(z) [M16].

    It draws the encoder's samples towards the prior, without the prior's density: with an objective
    of β = 0 the adversarial autoencoder (**choice**: the Gaussian posterior of [M16], and the loss
    log(1 + exp ℓ) in place of the saturating one). See `Adversarial` for the arguments.
    """

    def others(self, inference: Inference, z: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        """Samples of the prior."""
        drawn = inference.prior.sample(tf.shape(inference.z)[1], seed=seed)
        return tf.reshape(drawn, [-1, self.latent_dim])

    def of_log_odds(self, log_odds: tf.Tensor) -> tf.Tensor:
        """log(1 + exp ℓ)."""
        return tf.math.softplus(log_odds)


@keras.saving.register_keras_serializable(package="tfvae")
class TotalCorrelation(Adversarial):
    """TC(z) = KL(q(z) ‖ Π_i q(z_i)) ≈ E_q(z) ℓ(z) [KM18]; nats.

    ℓ is the log-odds of z against z whose latents are permuted over the batch. Both come from the
    same batch (**choice**; [KM18] take two).

    Args:
        weight: γ ≥ 0, a number or a Keras schedule; [KM18] take 6 to 40 for dSprites.
        discriminator: see `Adversarial`; [KM18] take six layers of 1000.
        optimizer: see `Adversarial`.
        name: under which it is reported.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=2, penalties=[tfvae.penalties.TotalCorrelation(10.0)])
    """

    def __init__(
        self,
        weight: Any = 10.0,
        discriminator: keras.layers.Layer | None = None,
        optimizer: str | keras.optimizers.Optimizer | None = None,
        **kwargs,
    ):
        super().__init__(weight, discriminator, optimizer, **kwargs)

    def others(self, inference: Inference, z: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
        """z with each latent permuted over the batch."""
        return permuted(z, seed=seed)

    def of_log_odds(self, log_odds: tf.Tensor) -> tf.Tensor:
        """ℓ."""
        return log_odds


def permuted(z: tf.Tensor, *, seed: tf.Tensor) -> tf.Tensor:
    """Each latent permuted over the batch by itself: a sample of Π_i q(z_i) [KM18, algorithm 1].

    (B, N_z) -> (B, N_z).
    """
    noise = tf.random.stateless_uniform(tf.shape(tf.transpose(z)), seed)
    return tf.transpose(tf.gather(tf.transpose(z), tf.argsort(noise), batch_dims=1))
