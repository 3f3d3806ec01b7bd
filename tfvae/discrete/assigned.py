"""Categories that are assigned to the examples of a batch together."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import assignment as assignments
from tfvae.discrete.base import Choice, Discrete, Given


@keras.saving.register_keras_serializable(package="tfvae")
class Assigned(Discrete):
    """Categories by alternating disentanglement: d is solved for, then held in a step [JS19].

        u_k^(i) = log p(x_i|z_i, e_k),   d = argmax Σ_i u^(i)ᵀ d^(i) − λ' Σ_{i≠j} d^(i)ᵀ d^(j)

    The unary terms u of all categories come from one call of the decoder, d in training from a
    minimum-cost flow. In evaluation, and for an example alone, d is the category with the
    greatest unary at z = E[z|x]. The rate is log S, the cost of naming a category.

    Several variables are assigned in turn, each by an exact flow given the others, until nothing
    changes; the number of unary terms is the product of their sizes. Each replica assigns its own
    part of a batch. `jit_compile` is not available, since the flow is solved outside of TensorFlow:
    Keras warns, and trains without it.

    A category stands for the same kind everywhere most reliably when the networks have smooth
    activations, such as "elu", and an L2 penalty, even a small one: it takes the decoder's weights
    for d to zero while the objective keeps d closed, and the categories start as equals.

    Args:
        num_categories: S of one variable, or (S_1, …, S_V).
        assignment: "min_cost_flow", "greedy", an object of `tfvae.assignment`, which has λ', or any
            function of the unary matrix (n, S) to categories (n,), NumPy.

    Raises:
        ValueError: when an argument is not of the kind described.

    Example:
        >>> import tfvae
        >>> flow = tfvae.assignment.MinCostFlow(penalty=1.0)
        >>> vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.Assigned(10, flow))
    """

    supports_jit = False
    compares_likelihoods = True

    def __init__(
        self,
        num_categories: Any,
        assignment: str | assignments.Assignment | Callable = "min_cost_flow",
        **kwargs,
    ):
        super().__init__(num_categories, **kwargs)
        self.assignment = assignments.get(assignment)

    def infer(self, given: Given, z: tf.Tensor, *, seed: tf.Tensor, training: bool) -> Choice:
        """The assignment at the first posterior sample, or the most likely category."""
        if not training:
            d = self.one_hot(self.categories(given))
        elif given.is_open is None:
            d = self.one_hot(self._assigned(given, z))
        else:  # No flow is solved before categories take part.
            closed = tf.zeros([tf.shape(z)[1], self.size])
            d = tf.cond(
                given.is_open, lambda: self.one_hot(self._assigned(given, z)), lambda: closed
            )
        rate = tf.fill([1, tf.shape(z)[1]], math.log(self.num_combinations))
        return Choice(tf.ensure_shape(d, [z.shape[1], self.size])[tf.newaxis, tf.newaxis], rate)

    def categories(self, given: Given) -> tf.Tensor:
        """The category with the greatest unary at z = E[z|x]; no pairwise term."""
        return self.most_likely(self.unary(given, given.z[tf.newaxis])[0])

    def _assigned(self, given, z):
        """d of a training batch, int32 (B, V)."""
        unary = tf.stop_gradient(self.unary(given, z[:1])[0])
        # The guard of the step reports what is not finite; no assignment is asked for then.
        unary = tf.where(tf.reduce_all(tf.math.is_finite(unary)), unary, tf.zeros_like(unary))
        chosen = tf.numpy_function(self._solved, [unary], tf.int32)
        return tf.ensure_shape(chosen, [None, len(self.num_categories)])

    def _solved(self, unary: np.ndarray) -> np.ndarray:
        """Categories of a batch, (B, Π S_v) -> int32 (B, V)."""
        return assignments.assign(unary, self.num_categories, self.assignment)
