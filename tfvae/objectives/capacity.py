"""Rates that are held at capacities which grow during training."""

import math

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae.objectives.base import Objective


def deviation_from_capacity(rate: tf.Tensor, capacity: tf.Tensor) -> tf.Tensor:
    """sign(E R − C)·(R − C), one number an example, whose mean is |E R − C|; (B,) -> (B,).

    The mean E is over the global batch, and its sign is not differentiated.
    """
    mean = _replicas.mean(tf.reduce_mean(rate))
    return tf.stop_gradient(tf.sign(mean - capacity)) * (rate - capacity)


@keras.saving.register_keras_serializable(package="tfvae")
class Capacity(Objective):
    """L = D + γ|R_z − C_z| + γ|R_d − C_d|, C_z and C_d growing linearly from 0 [D18, eq. 7].

    R_z and R_d are the rates of the continuous and the categorical latents, means over the batch.
    The number of steps is a weight: it is saved, and goes on after `fit`.

    Args:
        weight: γ ≥ 0; [D18] take 30 for MNIST, 150 for dSprites.
        continuous: C_z at the end, nats.
        categorical: C_d at the end, nats; None: Σ_v log S_v, all that categories can carry. A
            larger one is brought down to it.
        num_steps: steps until the end of the growth; [D18] take 25,000 for MNIST, 300,000 for
            dSprites.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> objective = tfvae.objectives.Capacity(weight=30.0, continuous=5.0, num_steps=5_000)
        >>> vae = tfvae.JointVAE(latent_dim=6, num_categories=10, objective=objective)
    """

    def __init__(
        self,
        weight: float = 30.0,
        continuous: float = 5.0,
        categorical: float | None = None,
        num_steps: int = 5_000,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.weight = _checks.number_in("weight", weight, 0.0, math.inf, high_open=True)
        self.continuous = _checks.number_in("continuous", continuous, 0.0, math.inf, high_open=True)
        if categorical is not None:
            categorical = _checks.number_in(
                "categorical", categorical, 0.0, math.inf, high_open=True
            )
        self.categorical = categorical
        self.num_steps = _checks.positive_int("num_steps", num_steps)

    def _create_state(self, likelihood):
        self.steps = _replicas.shared_scalar(self, "steps", 0.0)

    def capacities(self) -> tuple[tf.Tensor, tf.Tensor]:
        """C_z and C_d of this step, nats."""
        share = tf.minimum(self.steps.value / self.num_steps, 1.0)
        most = math.log(math.prod(self.num_categories))
        return share * self.continuous, tf.minimum(
            share * (most if self.categorical is None else self.categorical), most
        )

    def loss(self, terms):
        """D + γ|R_z − C_z| + γ|R_d − C_d|, mean over samples."""
        distortion = tf.reduce_mean(terms.distortion, axis=0)
        categorical = terms.categorical_rate
        continuous = terms.rate if categorical is None else terms.rate - categorical
        capacity, categorical_capacity = self.capacities()
        excess = deviation_from_capacity(tf.reduce_mean(continuous, axis=0), capacity)
        if categorical is not None:
            excess += deviation_from_capacity(
                tf.reduce_mean(categorical, axis=0), categorical_capacity
            )
        return distortion + self.weight * excess

    def update(self, error):
        """Counts the step."""
        self.steps.assign_add(1.0)

    def state(self):
        """The capacities, nats."""
        continuous, categorical = self.capacities()
        state = {"capacity": continuous}
        return {**state, "categorical_capacity": categorical} if self.num_categories else state

    def get_config(self):
        """The constructor's arguments."""
        names = ("weight", "continuous", "categorical", "num_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
