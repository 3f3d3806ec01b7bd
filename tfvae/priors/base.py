"""What every prior p(z) offers: a distribution, its samples, and the rate against it."""

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

    def connect(self, latent_dim: int, data_shape: tuple[int, ...] = (), encode=None):
        """Creates the weights.

        Args:
            latent_dim: N_z.
            data_shape: shape of one example of the data.
            encode: function x (K, *data), training=False -> posterior over z, for priors made of
                posteriors.

        Raises:
            ValueError: when the prior has been connected before.
        """
        _checks.not_yet_connected("prior", self)
        self.latent_dim = _checks.positive_int("latent_dim", latent_dim)
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
        """Draws z ~ p(z), (num_samples, N_z)."""
        return self.distribution().sample(num_samples, seed=seed)

    def rate(self, posterior, z: tf.Tensor, *, seed=None, analytic=True, training=False):
        """R = KL(q(z|x) ‖ p(z)) in nats: analytic where TFP has it, else log q(z|x) − log p(z).

        Args:
            posterior: q(z|x), batch shape (B,).
            z: samples of it, (L, B, N_z).
            seed: for a prior whose density is an estimate.
            analytic: False asks for the one-sample estimate in every case.
            training: whether a training step asks.

        Returns:
            (1, B) when analytic, else one estimate for each sample, (L, B).
        """
        if analytic:
            try:
                return posterior.kl_divergence(self.distribution(training=training))[tf.newaxis]
            except NotImplementedError:
                pass  # TFP's word for «no closed form is registered for this pair».
        return posterior.log_prob(z) - self.log_prob(z, seed=seed, training=training)
