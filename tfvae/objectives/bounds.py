"""The bound on the error that a constraint takes when none is given."""

from typing import Any

import tensorflow as tf

from tfvae import _replicas
from tfvae._component import Component

# Where the bound lies between what a model without latents reaches (0) and a perfect
# reconstruction (1).
EXPLAINED = 0.8
# Batches from which both ends are measured.
BATCHES = 32
# A plateau: so many steps in which the unexplained error has not fallen by this share of it.
PATIENCE = 300
PROGRESS = 0.05
# On a plateau the bound asks for this share of what is explained there; below the least share
# explained, the networks have not begun to learn, and it waits on.
SLACK = 0.9
LEAST_EXPLAINED = 0.1


class AutomaticBound(Component):
    """κ² = C_perfect + (1 − e)·(C_constant − C_perfect), the share e of what can be explained.

    C_perfect and C_constant are the errors of a perfect reconstruction and of the mean of the data,
    averages over the first 32 training batches. e is 0.8, or 90% of the share that is explained
    when the error stops falling before it gets there: a few latent dimensions may not explain
    more, and a bound that cannot be reached would leave the prior untrained.
    """

    role = "bound"

    def build(self) -> None:
        """Creates the state."""
        self.start_build()
        self.perfect = _replicas.shared_scalar(self, "perfect", 0.0)
        self.constant = _replicas.shared_scalar(self, "constant", 0.0)
        self.batches = _replicas.shared_scalar(self, "batches", 0.0)
        self.explained = _replicas.shared_scalar(self, "explained", EXPLAINED)
        self.best = _replicas.shared_scalar(self, "best", 0.0)
        self.waiting = _replicas.shared_scalar(self, "waiting", 0.0)
        self.reached = _replicas.shared_scalar(self, "reached", 0.0)

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

    def value(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as no batch has been measured."""
        unexplained = 1.0 - self.explained.value
        return self.perfect.value + unexplained * (self.constant.value - self.perfect.value)

    def update(self, average: tf.Tensor) -> None:
        """Notes whether Ĉ, `average`, has reached the bound, and loosens it on a plateau."""
        span = self.constant.value - self.perfect.value
        explained = tf.math.divide_no_nan(self.constant.value - average, span)
        reached = tf.maximum(self.reached.value, tf.cast(average < self.value(), tf.float32))
        falls = explained > self.best.value + PROGRESS * (1.0 - self.best.value)
        waiting = tf.where(falls, 0.0, self.waiting.value + 1.0)
        loosen = (reached == 0.0) & (waiting >= PATIENCE) & (explained > LEAST_EXPLAINED)
        self.reached.assign(reached)
        self.best.assign(tf.where(falls, explained, self.best.value))
        self.waiting.assign(waiting)
        self.explained.assign(tf.where(loosen, SLACK * explained, self.explained.value))
