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
    flatness: tf.Tensor | None = None
    """The flatness penalty without its weight, (B,); None when there is none, or nobody asked."""


class Objective(keras.layers.Layer):
    """Base class: `loss` is a pure function of the terms; what has a state changes it in `update`.

    `num_samples` is L, the number of posterior samples that training draws for an example;
    `analytic_rate` says whether a closed-form rate may take the place of the sampled one.
    """

    num_samples = 1
    analytic_rate = True

    def connect(self, likelihood):
        """Creates the state, if any, when the likelihood knows the data's shape.

        Raises:
            ValueError: when the objective has been connected before.
        """
        _checks.not_yet_connected("objective", self)
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
