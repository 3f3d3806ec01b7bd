"""The adversarial autoencoder, with or without labels for its categories."""

import math

import keras
import tensorflow as tf

from tfvae.models.adversarial import Adversarial
from tfvae.models.inference import Inference
from tfvae.models.joint import AmortisedCategories
from tfvae.objectives import BetaELBO


@keras.saving.register_keras_serializable(package="tfvae")
class AdversarialAutoencoder(Adversarial, AmortisedCategories):
    """AAE [M16], and with categories AAE-S, to which they are given as labels.

        L = D + w·log(1 + exp(ℓ(z))) − Σ_v log q(d_v = y_v|x)

    ℓ is the log-odds of a discriminator that tells z ~ q(z|x) from z ~ p(z): the encoder's samples
    are drawn towards the prior by it, not by the rate, which is reported only (**choice**: the
    Gaussian posterior of [M16, section 2.1]). With categories the decoder is given the labels y,
    and a classifier on the encoder's features learns them, so that `categories` needs none.

    Args:
        latent_dim: N_z.
        num_categories: S, or (S_1, …, S_V) of labels (B,), or (B, V), from 0 to S_v − 1, which
            `fit` and `evaluate` then need as `y`; None: no labels.
        objective: "beta_elbo" with β = 0, that is D alone, by default.
        weight: w ≥ 0 of the adversarial term.
        **kwargs: see `Adversarial` and `LatentVariableModel`.

    Raises:
        ValueError: when an argument is not of the kind described, or labels are missing.

    Example:
        >>> import numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> x, labels = rng.uniform(size=(64, 5)).astype("float32"), rng.integers(3, size=64)
        >>> aae = tfvae.AdversarialAutoencoder(latent_dim=2, num_categories=3)
        >>> aae.compile("adam")
        >>> history = aae.fit(x, labels, epochs=2, verbose=0)
        >>> aae.categories(x).shape
        (64, 1)
    """

    def __init__(self, latent_dim: int, num_categories=None, objective=None, **kwargs):
        objective = BetaELBO(0.0) if objective is None else objective
        super().__init__(latent_dim, num_categories, objective=objective, **kwargs)

    @property
    def learns_from_labels(self):
        """Whether there are categories."""
        return bool(self.num_categories)

    @property
    def penalty_names(self):
        """The adversarial term, the discriminator's loss and the classifier's, nats."""
        return (*super().penalty_names, *(["classification"] if self.num_categories else []))

    @property
    def penalty_weights(self):
        """The weight of each penalty."""
        own = {"classification": 1.0} if self.num_categories else {}
        return {**super().penalty_weights, **own}

    def _others(self, z, seed):
        return self.prior.sample(tf.shape(z)[0], seed=seed)

    def _of_log_odds(self, log_odds):
        return tf.math.softplus(log_odds)

    def _infer(self, x, seed, training, labels):
        if not self.num_categories:
            return super()._infer(x, seed, training, labels)
        posterior, logits = self._posteriors(x, training)
        labels = self._checked_labels(labels)
        d = self._one_hot(labels)

        def codes(z):
            shape = tf.concat([tf.shape(z)[:1], tf.shape(d)], axis=0)
            return tf.concat([z, tf.broadcast_to(d, shape)], axis=-1)

        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(column, one)
            for column, one in zip(tf.unstack(labels, axis=-1), logits, strict=True)
        ]
        rate = tf.fill([1, tf.shape(d)[0]], math.log(self.num_combinations))
        return Inference(posterior, codes, rate, {"classification": tf.add_n(losses)})

    def _checked_labels(self, labels):
        """Labels as int32 (B, V)."""
        if labels is None:
            raise ValueError(
                "This AdversarialAutoencoder has categories, which are given as labels: "
                "`fit(x, labels)`, or a dataset of (x, label). Without `num_categories` it needs "
                "none."
            )
        labels = tf.cast(tf.reshape(labels, [tf.shape(labels)[0], -1]), tf.int32)
        sizes = tf.constant(self.num_categories)
        labels = tf.ensure_shape(labels, [None, len(self.num_categories)])
        fits = tf.reduce_all((labels >= 0) & (labels < sizes))
        message = f"Labels must lie from 0 to S − 1, S = {self.num_categories}."
        with tf.control_dependencies([tf.debugging.Assert(fits, [message, labels])]):
            return tf.identity(labels)
