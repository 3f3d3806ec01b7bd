"""The bound on the error that a constraint takes when none is given."""

from typing import Any

import tensorflow as tf

from tfvae import _replicas
from tfvae._component import Component
from tfvae.objectives.multipliers import Multiplier

# The share that an initial phase waits for: between what a model without latents reaches (0) and a
# perfect reconstruction (1).
EXPLAINED = 0.8
# It waits for so many steps at most: networks that explain less by then may never explain more,
# and a prior that waits for them would stay untrained.
PATIENCE = 100
# A bound above the error, by so much at least, ends the initial phase.
ABOVE = 1.01
# Batches from which both ends are measured.
BATCHES = 32


class AutomaticBound(Component):
    """κ² at which the constrained optimum is the optimum of the ELBO.

    At the ELBO's optimum with a Gaussian of the maximum-likelihood scale, σ² = C/N_x, the error has
    the weight λ = 1/(2σ²) = N_x/(2C). So the least rate subject to E[C] ≤ κ² has λ = N_x/(2κ²), the
    ELBO's, just where κ² is the error of the model that is best by its ELBO. This κ² cannot be
    known beforehand, but followed: after each step it is

        κ² = Ĉ·λ/λ_ELBO = Ĉ/β,

    the error that the present networks would about have if error and rate had the weights that they
    have in the ELBO, since the error of a Gaussian goes with the weight of the rate. The multiplier
    takes its usual steps for it: δ = (Ĉ − κ²)/κ² = β − 1 is negative until β = 1, and 0 there. κ²
    is then Ĉ itself. It falls as the networks learn to explain more, and rises where they explain
    less.

    Ĉ is measured on examples that are not trained on, one in ten (`HeldOut`), and so is a learned
    scale. On those that are, the error falls for as long as networks learn them by heart: κ and σ
    would follow, and data not seen would have a low likelihood. Here they stay where new data are.

    The initial phase of REWO needs another bound: κ² = C_perfect + (1 − e)·(C_constant −
    C_perfect), the share e = 0.8 of what can be explained. C_perfect and C_constant are the errors
    of a perfect reconstruction and of the mean of the data, averages over the first 32 training
    batches. After 100 steps the phase ends even if this bound has not been reached.
    """

    role = "bound"

    def build(self) -> None:
        """Creates the state."""
        self.start_build()
        self.perfect = _replicas.shared_scalar(self, "perfect", 0.0)
        self.constant = _replicas.shared_scalar(self, "constant", 0.0)
        self.batches = _replicas.shared_scalar(self, "batches", 0.0)
        # Whether the first bound was reached while it held.
        self.reached = _replicas.shared_scalar(self, "reached", 0.0)
        self.steps = _replicas.shared_scalar(self, "steps", 0.0)
        # 0: the first bound, which the initial phase waits for, holds.
        self.followed = _replicas.shared_scalar(self, "followed", 0.0)

    def measure(self, x: tf.Tensor, likelihood: Any) -> None:
        """Takes one of the first training batches into account, unless it is of no use."""
        size = tf.cast(tf.shape(x)[0], tf.float32)
        perfect, constant = likelihood.error_range(x)
        # A batch lies nearer to its own mean than to the mean of all data.
        constant = perfect + (constant - perfect) * size / (size - 1.0)
        perfect, constant = _replicas.mean(perfect), _replicas.mean(constant)
        usable = tf.math.is_finite(constant) & (constant > perfect) & likelihood.in_support(x)
        wanted = usable & (self.batches.value < BATCHES)
        count = self.batches.value + 1.0
        for weight, value in ((self.perfect, perfect), (self.constant, constant)):
            average = weight.value + (value - weight.value) / count
            weight.assign(tf.where(wanted, average, weight.value))
        self.batches.assign(tf.where(wanted, count, self.batches.value))

    def is_known(self) -> tf.Tensor:
        """Scalar bool: whether a batch has been measured."""
        return self.batches.value > 0.0

    def first(self) -> tf.Tensor:
        """κ² of the initial phase, in the unit of C; 0 as long as no batch has been measured."""
        return self.perfect.value + (1.0 - EXPLAINED) * (self.constant.value - self.perfect.value)

    def value(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as no batch has been measured."""
        return tf.where(self.followed.value > 0.0, self.followed.value, self.first())

    def explained(self, error: tf.Tensor) -> tf.Tensor:
        """The share that a model with the error C explains: 1 for a perfect reconstruction."""
        span = self.constant.value - self.perfect.value
        return tf.math.divide_no_nan(self.constant.value - error, span)

    def update(self, average: tf.Tensor, multiplier: Multiplier) -> None:
        """Sets κ² for Ĉ, `average`, of this step, before the multiplier takes its own."""
        self.steps.assign_add(1.0)
        relative, frozen = multiplier.value(), multiplier.prior_is_frozen
        followed = relative * average
        if frozen is not None:
            short = average >= self.first()
            reached = tf.cast(frozen & ~short, tf.float32)
            self.reached.assign(tf.maximum(self.reached.value, reached))
            # Above Ĉ even where β = 1: this ends the phase.
            ends = tf.maximum(relative, ABOVE) * average
            waits = short & (self.steps.value < PATIENCE)
            followed = tf.where(frozen, tf.where(waits, 0.0, ends), followed)
        self.followed.assign(followed)

    def gave_way(self) -> bool:
        """Whether the first bound has not been reached, or not yet."""
        return not bool(self.reached.value > 0.0)
