"""The CascadeVAE: discrete and continuous factors by alternating disentanglement."""

import math

import keras
import tensorflow as tf

from tfvae import assignment as assignments
from tfvae.models.categorical import CategoricalLatents
from tfvae.models.inference import Inference


@keras.saving.register_keras_serializable(package="tfvae")
class CascadeVAE(CategoricalLatents):
    """CascadeVAE [JS19]: an information cascade of latents, and categories by minimum-cost flow.

        L = D + Σ_i β_i R_i, β_i from β_h to β_l one by one (`tfvae.objectives.InformationCascade`)

    Once categories have begun, each training batch alternates: the unary terms u^(i)_k =
    log p(x_i|z_i, e_k) of all categories come from one call of the decoder, the assignment

        d = argmax Σ_i u^(i)ᵀ d^(i) − λ' Σ_{i≠j} d^(i)ᵀ d^(j)   (eq. 9)

    from a minimum-cost flow, then one gradient step is made with d held. An example by itself is
    given the category of its greatest unary, at z = E[z|x].

    Several categorical latents are assigned in turn, each by an exact flow given the others, until
    nothing changes; the number of unary terms is the product of their sizes. Each replica assigns
    its own part of a batch. `jit_compile` is not available with categories, since the flow is
    solved outside of TensorFlow.

    A category stands for the same kind everywhere most reliably when the networks have smooth
    activations, "elu" for example, and an L2 penalty, even a small one: it takes the decoder's
    weights for d to zero before categories begin, so that these start as equals.

    Args:
        latent_dim: m, the number of continuous latents.
        num_categories: S, or (S_1, …, S_V); None: continuous latents only.
        objective: "information_cascade" or a `tfvae.objectives.InformationCascade`; others serve
            too.
        assignment: "min_cost_flow", "greedy", an object of `tfvae.assignment`, which has λ', or any
            function of the unary matrix (n, S) to categories (n,), NumPy.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when an argument is not of the kind described.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> objective = tfvae.objectives.InformationCascade(period=4, categorical_start=1)
        >>> vae = tfvae.CascadeVAE(latent_dim=2, num_categories=3, objective=objective)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=4, verbose=0)
        >>> vae.categories(x).shape, vae.embed(x).shape
        ((64, 1), TensorShape([64, 5]))
    """

    components = (*CategoricalLatents.components, "assignment")

    def __init__(
        self,
        latent_dim: int,
        num_categories=None,
        objective="information_cascade",
        assignment="min_cost_flow",
        **kwargs,
    ):
        super().__init__(latent_dim, num_categories, objective=objective, **kwargs)
        self.assignment = assignments.get(assignment)
        self.supports_jit = not self.num_categories

    def _infer(self, x, seed, training, labels):
        x = self._prepared(x)
        posterior = self.encode(x, training=training)
        if not self.num_categories:
            return Inference(posterior)

        def codes(z):
            shape = [*z.shape[:2], self.code_dim - self.latent_dim]
            d = tf.cond(
                self.categories_are_open(),
                lambda: self._one_hot(self._chosen(x, z[0], posterior, training)),
                lambda: tf.zeros([tf.shape(z)[1], shape[-1]]),
            )
            d = tf.broadcast_to(d, tf.concat([tf.shape(z)[:2], shape[-1:]], axis=0))
            return tf.concat([z, tf.ensure_shape(d, shape)], axis=-1)

        rate = math.log(self.num_combinations) * tf.cast(self.categories_are_open(), tf.float32)
        rate = tf.broadcast_to(rate, [1, tf.shape(x)[0]])
        return Inference(posterior, codes, rate)

    def _chosen(self, x, z, posterior, training):
        """d of a batch, int32 (B, V): by assignment in training, else the most likely one."""
        if not training:
            return self._categories(x, posterior)
        unary = self.unary(x, z)
        # What is not finite stops the step, whose guard names it: no assignment is asked for.
        unary = tf.where(tf.reduce_all(tf.math.is_finite(unary)), unary, tf.zeros_like(unary))
        chosen = tf.numpy_function(self._assigned, [unary], tf.int32)
        return tf.ensure_shape(chosen, [None, len(self.num_categories)])

    def _assigned(self, unary):
        """Categories of a batch, (B, S_1, …, S_V) -> int32 (B, V), NumPy."""
        return assignments.assign(unary, self.num_categories, self.assignment)
