"""What every objective offers: how distortion, rate and error become a loss."""

from typing import NamedTuple

import keras
import tensorflow as tf

from tfvae import _checks


class Terms(NamedTuple):
    """The terms of L posterior samples of B examples, in nats unless the likelihood says other."""

    distortion: tf.Tensor
    """D = −log p(x|z), (L, B)."""
    rate: tf.Tensor
    """R, (L, B), or (1, B) when it is analytic."""
    error: tf.Tensor
    """C, the part of D that a constraint bounds, (L, B)."""
    residual: tf.Tensor | None = None
    """What the likelihood learns its scale from, (L, B, …); None when it learns none."""
    penalties: dict[str, tf.Tensor] = {}
    """Penalties by name, without their weights, each (B,); empty when nobody asked."""
    latents: tf.Tensor | None = None
    """z, continuous, (L, B, N_z), with an axis T before the last for sequences."""
    rates: tf.Tensor | None = None
    """R of each continuous latent, (1, B, N_z); None where the prior has no such parts."""
    categorical_rate: tf.Tensor | None = None
    """The part of the rate that is due to categorical latents, (1, B); None without them."""


class Objective(keras.layers.Layer):
    """Base class: `loss` is a pure function of the terms; what has a state changes it in `update`.

    `num_samples` is L, the number of posterior samples that training draws for an example;
    `analytic_rate` says whether a closed-form rate may take the place of the sampled one.
    """

    num_samples = 1
    analytic_rate = True

    def connect(self, likelihood, latent_dim: int = 1, num_categories: tuple[int, ...] = ()):
        """Creates the state, if any, when the likelihood knows the data's shape.

        Args:
            likelihood: that of the model.
            latent_dim: N_z, the number of continuous latents.
            num_categories: (S_1, …, S_V) of the categorical latents, if any.

        Raises:
            ValueError: when the objective has been connected before.
        """
        _checks.not_yet_connected("objective", self)
        self.latent_dim, self.num_categories = latent_dim, tuple(num_categories)
        self._create_state(likelihood)
        self.built = True

    def _create_state(self, likelihood):
        """Creates what the subclass needs."""

    def get_build_config(self):
        """Nothing: `connect` takes the place of `build`."""
        return None

    def loss(self, terms: Terms) -> tf.Tensor:
        """The quantity to minimise, one number for each example, (B,)."""
        raise NotImplementedError

    def sample_weights(self, terms: Terms) -> tf.Tensor:
        """Weight of each of the L samples in what is averaged over them, (L, B); sums to 1.

        The loss's gradient weighs the distortions of the samples so: each alike, for an objective
        that is linear in them.
        """
        return tf.ones_like(terms.distortion) / tf.cast(tf.shape(terms.distortion)[0], tf.float32)

    def prepare(self, x: tf.Tensor, likelihood):
        """Called with each training batch before its loss; for settings that come from the data."""

    def is_ready(self) -> tf.Tensor:
        """Scalar bool: whether `prepare` has found what it looks for."""
        return tf.constant(True)

    def update(self, error: tf.Tensor):
        """Called after each gradient step with C, a scalar: its mean over the global batch."""

    @property
    def prior_is_held(self) -> tf.Tensor | None:
        """Scalar bool: whether the prior's weights rest in this step. None: they never do."""
        return None

    def categories_are_open(self) -> tf.Tensor:
        """Scalar bool: whether categorical latents take part yet."""
        return tf.constant(True)

    @property
    def bound(self) -> tf.Tensor | None:
        """κ², the bound on the error C; None for an objective without a constraint."""
        return None

    def state(self) -> dict[str, tf.Tensor]:
        """Scalars of the objective's state to report beside the terms."""
        return {}

    def concern(self, likelihood) -> str | None:
        """What a user should know about the state that training ended in; None when all is well."""
        return None
