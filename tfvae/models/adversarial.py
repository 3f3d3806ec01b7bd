"""Models with a discriminator of latents beside them."""

import keras
import tensorflow as tf

from tfvae import _checks, _replicas, networks
from tfvae.models.base import LatentVariableModel


class Adversarial(LatentVariableModel):
    """A model with a discriminator that tells its latents z ~ q(z) from others, z' ~ q̄(z).

    The discriminator gives the log-odds ℓ(z) that z is of the first kind. It minimises, with an
    optimizer of its own and at the same step as the model,

        log(1 + exp(−ℓ(z))) + log(1 + exp(ℓ(z'))),

    whose optimum is the log-density ratio ℓ = log q(z)/q̄(z) (the density-ratio trick [KM18,
    eq. 3]). A subclass says where z' comes from, and what ℓ adds to its loss.

    Args:
        latent_dim: N_z.
        weight: of the penalty.
        discriminator: Keras network, (B, N_z) -> (B, 1), which gives ℓ. None: four dense layers of
            256 leaky ReLU.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when an argument is not of the kind described.
    """

    components = (*LatentVariableModel.components, "discriminator")
    has_several_losses = True
    penalty_name = "adversarial"

    def __init__(self, latent_dim: int, *args, weight: float = 1.0, discriminator=None, **kwargs):
        super().__init__(latent_dim, *args, **kwargs)
        self.weight = _checks.number_in("weight", weight, 0.0, float("inf"), high_open=True)
        if discriminator is None:
            discriminator = networks.mlp([256] * 4, (1,), activation="leaky_relu")
        self.discriminator = _checks.layer("discriminator", discriminator)
        self.discriminator_optimizer = None

    def _others(self, z, seed):
        """z' ~ q̄, (B, N_z)."""
        raise NotImplementedError

    def _of_log_odds(self, log_odds):
        """What ℓ(z) adds to the loss, (B,) -> (B,)."""
        raise NotImplementedError

    def _build_networks(self, shape):
        super()._build_networks(shape)
        outputs = self.discriminator(keras.KerasTensor((None, self.latent_dim)))
        if tuple(outputs.shape[1:]) != (1,):
            raise ValueError(
                f"`discriminator` must give one number for each example, but its output has the "
                f"shape {tuple(outputs.shape)}."
            )

    def compile(self, optimizer="adam", discriminator_optimizer=None, **kwargs):
        """As `keras.Model.compile`, with an optimizer for the discriminator beside it.

        Args:
            optimizer: of encoder, decoder and prior.
            discriminator_optimizer: None: Adam(1e-4, beta_1=0.5, beta_2=0.9) [KM18, appendix A].
            **kwargs: see `keras.Model.compile`.
        """
        if discriminator_optimizer is None:
            discriminator_optimizer = keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        super().compile(optimizer, **kwargs)

    def build_optimizers(self):
        """Creates the state of both optimizers."""
        own, discriminators = self._split(self.trainable_variables)
        self.optimizer.build(own)
        self.discriminator_optimizer.build(discriminators)

    def get_compile_config(self):
        """The arguments of `compile`."""
        config = super().get_compile_config()
        optimizer = keras.saving.serialize_keras_object(self.discriminator_optimizer)
        return config and {**config, "discriminator_optimizer": optimizer}

    @property
    def penalty_names(self):
        """The penalty, and the discriminator's loss."""
        return (*super().penalty_names, self.penalty_name, "discriminator")

    @property
    def penalty_weights(self):
        """The weight of each penalty; the discriminator's loss is no part of the model's."""
        return {**super().penalty_weights, self.penalty_name: self.weight}

    def terms(self, x, *, seed, training=False, regularized=False, **kwargs):
        """See `LatentVariableModel.terms`; the penalties of the first posterior sample."""
        terms = super().terms(x, seed=seed, training=training, regularized=regularized, **kwargs)
        if not regularized:
            return terms
        z = terms.latents[0]
        others = self._others(z, tf.random.experimental.stateless_fold_in(seed, 2))
        both = tf.concat([z, tf.stop_gradient(others)], axis=0)
        log_odds = tf.cast(self.discriminator(both, training=training), tf.float32)
        own, other = tf.split(log_odds[:, 0], 2)
        penalties = {
            **terms.penalties,
            self.penalty_name: self._of_log_odds(own),
            "discriminator": tf.math.softplus(-own) + tf.math.softplus(other),
        }
        return terms._replace(penalties=penalties)

    def _other_losses(self, terms, mean):
        penalty = [tf.cast(loss, tf.float32) for loss in self.discriminator.losses]
        loss = mean(terms.penalties["discriminator"])
        return (tf.add_n([loss, *(p / _replicas.count() for p in penalty)]),)

    def _split(self, weights):
        """`weights` without the discriminator's, and those."""
        ids = {id(weight) for weight in self.discriminator.trainable_weights}
        return [w for w in weights if id(w) not in ids], [w for w in weights if id(w) in ids]

    def _gradients(self, tape, loss, others):
        parts = zip(self._split(self.trainable_weights), (loss, *others), strict=True)
        found = {}
        for weights, one in parts:
            gradients = tape.gradient(one, [w.value for w in weights])
            found |= {id(w): gradient for w, gradient in zip(weights, gradients, strict=True)}
        return [found[id(weight)] for weight in self.trainable_weights]

    def _apply(self, gradients):
        by_id = {id(w): g for w, g in zip(self.trainable_weights, gradients, strict=True)}
        optimizers = (self.optimizer, self.discriminator_optimizer)
        for optimizer, weights in zip(optimizers, self._split(self.trainable_weights), strict=True):
            optimizer.apply_gradients([(by_id[id(weight)], weight) for weight in weights])

    @property
    def _optimizer_variables(self):
        return [*self.optimizer.variables, *self.discriminator_optimizer.variables]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "weight": self.weight}
