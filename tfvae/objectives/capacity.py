"""Rates that are held at capacities which grow during training."""

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae._coefficients import Coefficient
from tfvae.objectives.base import Objective, Terms


def deviation_from_capacity(rate: tf.Tensor, capacity: tf.Tensor) -> tf.Tensor:
    """sign(E R − C)·(R − C), one number an example, whose mean is |E R − C|; (B,) -> (B,).

    The mean E is over the global batch, and its sign is not differentiated.
    """
    mean = _replicas.mean_of(rate)
    return tf.stop_gradient(tf.sign(mean - capacity)) * (rate - capacity)


@keras.saving.register_keras_serializable(package="tfvae")
class Capacity(Objective):
    """L = D + γ|R_z − C_z| + γ|R_d − C_d| with capacities that grow from 0 [D18].

    R_z and R_d are the rates of the continuous and the discrete latents, means over the batch. A
    capacity given as a number is reached linearly; one given as a schedule follows the schedule.
    The number of steps is a weight: it is saved, and goes on after `fit`.

    Args:
        weight: γ ≥ 0, a number or a Keras schedule; [D18] take 30 for MNIST, 150 for dSprites.
        continuous: C_z in nats: its value at the end of the growth, or a Keras schedule.
        discrete: C_d in nats, given in the same way. It is at most Σ_v log S_v, all that the
            categories can carry; None: this limit.
        num_steps: steps until the end of the growth; [D18] take 25,000 for MNIST, 300,000 for
            dSprites.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> objective = tfvae.objectives.Capacity(weight=30.0, continuous=5.0, num_steps=5_000)
        >>> vae = tfvae.JointVAE(latent_dim=6, objective=objective)
    """

    weight = Coefficient()
    continuous = Coefficient()
    discrete = Coefficient(optional=True)

    def __init__(
        self,
        weight: Any = 30.0,
        continuous: Any = 5.0,
        discrete: Any = None,
        num_steps: int = 5_000,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.weight, self.continuous, self.discrete = weight, continuous, discrete
        self.num_steps = _checks.positive_int("num_steps", num_steps)

    def create_weights(self, likelihood: Any) -> None:
        """Creates the number of steps."""
        self.steps = _replicas.shared_scalar(self, "num_steps_done", 0.0)

    def capacities(self) -> tuple[tf.Tensor, tf.Tensor]:
        """C_z and C_d of this step, nats."""
        most = math.log(math.prod(self.num_categories))
        discrete = most if self.discrete is None else self.discrete
        return self._grown("continuous", self.continuous), tf.minimum(
            self._grown("discrete", discrete), most
        )

    def _grown(self, name, capacity):
        """The capacity of this step; a schedule grows by itself."""
        if name in (coefficient.name for coefficient in self._scheduled):
            return tf.cast(capacity, tf.float32)
        return tf.minimum(self.steps.value / self.num_steps, 1.0) * capacity

    def loss(self, terms: Terms) -> tf.Tensor:
        """D + γ|R_z − C_z| + γ|R_d − C_d|, mean over samples."""
        distortion = tf.reduce_mean(terms.distortion, axis=0)
        discrete = terms.discrete_rate
        continuous = terms.rate if discrete is None else terms.rate - discrete
        capacity, discrete_capacity = self.capacities()
        excess = deviation_from_capacity(tf.reduce_mean(continuous, axis=0), capacity)
        if discrete is not None:
            excess += deviation_from_capacity(tf.reduce_mean(discrete, axis=0), discrete_capacity)
        return distortion + self.weight * excess

    def update(self, error: tf.Tensor) -> None:
        """Counts the step."""
        self.steps.assign_add(1.0)

    def state(self) -> dict[str, tf.Tensor]:
        """The capacities, nats."""
        continuous, discrete = self.capacities()
        state = {"capacity": continuous}
        return {**state, "discrete_capacity": discrete} if self.num_categories else state
