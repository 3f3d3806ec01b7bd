"""What every prior p(z) offers: a distribution, its samples, and the rate against it."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks

tfd = tfp.distributions


class Prior(keras.layers.Layer):
    """Base class: a Keras layer that owns weights and hands out a `tfd.Distribution`.

    A subclass gives `distribution`; one that has weights creates them in `_create_weights`. The
    model that owns the prior calls `connect` once; standing alone, a prior is connected by hand.
    """

    grid: tuple[int, ...] | None = None
    """The shape in which the N_z latents are laid out, where that means something."""
    num_sources = 1
    """Gaussian variables that the posterior has for each latent; more than 1: see `transform`."""

    def connect(
        self,
        latent_dim: int,
        data_shape: tuple[int, ...] = (),
        encode=None,
        sequence_shape: tuple[int, ...] = (),
    ):
        """Creates the weights.

        Args:
            latent_dim: N_z, of each step where the data are sequences.
            data_shape: shape of one example of the data, or of one step of it.
            encode: function x (K, *data), training=False -> posterior over z, for priors made of
                posteriors.
            sequence_shape: (T,) where an example is a sequence, else ().

        Raises:
            ValueError: when the prior has been connected before.
        """
        _checks.not_yet_connected("prior", self)
        self.latent_dim = _checks.positive_int("latent_dim", latent_dim)
        self.sequence_shape = tuple(sequence_shape)
        self._create_weights(tuple(data_shape), encode)
        self.built = True

    def _create_weights(self, data_shape, encode):
        """Creates what the subclass owns."""

    def get_build_config(self):
        """Nothing: `connect` takes the place of `build`."""
        return None

    def _check_connected(self):
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} has no weights yet: it gets them when its model is built "
                "(by `fit` or `build`), or by `prior.connect(latent_dim=…)`."
            )

    def distribution(self, *, training=False) -> tfd.Distribution:
        """p(z), batch shape (), event shape (N_z,), with the weights as they are now.

        `training` is for networks with layers that differ in it, such as Dropout.
        """
        raise NotImplementedError

    def log_prob(self, z: tf.Tensor, *, seed=None, training=False) -> tf.Tensor:
        """log p(z) in nats, (..., N_z) -> (...). `seed` matters where it is an estimate."""
        return self.distribution(training=training).log_prob(z)

    def sample(self, num_samples: int, *, seed=None) -> tf.Tensor:
        """Draws z ~ p(z), (num_samples, N_z), or (num_samples, T, N_z) for sequences."""
        z = self.distribution().sample(num_samples * math.prod(self.sequence_shape), seed=seed)
        return tf.reshape(z, [num_samples, *self.sequence_shape, self.latent_dim])

    def transform(self, sources: tf.Tensor) -> tf.Tensor:
        """Latents z from posterior samples, which are latents already where `num_sources` is 1.

        (..., num_sources·N_z) -> (..., N_z), with an axis T before the last for sequences.
        """
        return sources

    def code(self, posterior, *, given: tf.Tensor | None = None) -> tf.Tensor:
        """The latents that stand for a posterior, (B, N_z) or (B, T, N_z): its mean.

        `given`, (T,) bool, says which steps of a sequence have been seen; None: all.
        """
        return posterior.mean()

    def rate(self, posterior, z: tf.Tensor, *, seed=None, analytic=True, training=False):
        """R = KL(q(z|x) ‖ p(z)) in nats: analytic where TFP has it, else log q(z|x) − log p(z).

        Args:
            posterior: q(z|x), batch shape (B,), or (B, T) for sequences.
            z: samples of it, (L, B, N_z) or (L, B, T, N_z).
            seed: for a prior whose density is an estimate.
            analytic: False asks for the one-sample estimate in every case.
            training: whether a training step asks.

        Returns:
            (1, B) when analytic, else one estimate for each sample, (L, B); an axis T last for
            sequences.
        """
        if analytic:
            try:
                return posterior.kl_divergence(self.distribution(training=training))[tf.newaxis]
            except NotImplementedError:
                pass  # TFP's word for «no closed form is registered for this pair».
        return posterior.log_prob(z) - self.log_prob(z, seed=seed, training=training)

    def rates(self, posterior) -> tf.Tensor | None:
        """R of each latent where the prior is a product over them, (1, B, N_z); else None."""
        return None
