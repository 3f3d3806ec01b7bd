"""Categories that are observed, all of them or some."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae._coefficients import Coefficient
from tfvae.discrete.base import Choice, Discrete, Given
from tfvae.discrete.gumbel_softmax import uniform_rate
from tfvae.networks import CategoricalHead

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class Labels(Discrete):
    """Labels y beside x: the conditional VAE, and with `unknown` the semi-supervised one (M2).

    With `unknown=None` each example has a label, and the model is one of p(x|y): d = y costs no
    rate, and `log_likelihood` is log p(x|y).

    With `unknown=-1` that value stands for a missing label, and the model is one of p(x, y), with
    p(y) uniform [KRMW14]:

        label known:    log p(x, y) ≥ −D(x, z, y) − R(z) − log S
        label unknown:  log p(x) ≥ Σ_d q(d|x) [−D(x, z, d)] − R(z) − KL(q(d|x) ‖ uniform)

    The classifier q(d|x) is a layer on the encoder's features. It also learns from the labels that
    are known, by α·(−log q(y|x)) in the loss, reported as `classification`. q(z|x) does not depend
    on the label (**choice**; in M2 it may). The sum over d calls the decoder for all categories.

    Args:
        num_categories: S of one label, or (S_1, …, S_V) of several. Labels are whole numbers from 0
            to S_v − 1, (B,) or (B, V).
        unknown: the value of a missing label, a negative whole number; None: all are known.
        classifier_weight: α ≥ 0, a number or a Keras schedule. None: 10 with `unknown`; without
            it no classifier is made, and `categories` compares log p(x|z, d) of all d.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.normal(size=(64, 5)), rng.integers(3, size=64)
        >>> vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.Labels(3))
        >>> vae.compile("adam")
        >>> history = vae.fit(x, y, verbose=0)
        >>> vae.generate(4, y=2).shape, vae.predict(x, y, verbose=0).shape
        ((4, 5), (64, 5))
    """

    takes_labels = True
    classifier_weight = Coefficient(optional=True)

    def __init__(
        self,
        num_categories: Any,
        unknown: int | None = None,
        classifier_weight: Any = None,
        **kwargs,
    ):
        super().__init__(num_categories, **kwargs)
        unknown = None if unknown is None else _checks.whole("unknown", unknown)
        if unknown is not None and unknown >= 0:
            raise ValueError(
                f"`unknown` must be negative, since labels are 0 to S − 1, received {unknown}. "
                "unknown=-1 is customary."
            )
        self.unknown = unknown
        if classifier_weight is None and unknown is not None:
            classifier_weight = 10.0
        self.classifier_weight = classifier_weight
        self.has_classifier = classifier_weight is not None
        self.compares_likelihoods = not self.has_classifier
        self.needs_labels = unknown is None
        self.penalty_names = ("classification",) if self.has_classifier else ()

    def create_weights(self, features: tf.Tensor) -> None:
        """Creates the classifier."""
        if self.has_classifier:
            self.head = CategoricalHead(self.num_categories, name="category_head")
            self.head(features)

    @property
    def penalty_weight(self) -> float | tf.Tensor:
        """α."""
        return self.classifier_weight

    def posteriors(self, features: tf.Tensor) -> list[tfd.Distribution] | None:
        """The classifier's q(d_v|x), batch shape (B,), one-hot events (S_v,); None without it."""
        return self.head.posteriors(features) if self.has_classifier else None

    def infer(self, given: Given, z: tf.Tensor, *, seed: tf.Tensor, training: bool) -> Choice:
        """d = y where the label is known, else all d with the classifier's probabilities."""
        logits = self.head(given.features) if self.has_classifier else []
        labels = self._labels(given, z)
        penalties = {"classification": self._classification(labels, logits)} if logits else {}
        if self.unknown is None:
            rate = tf.zeros([1, tf.shape(labels)[0]])
            return Choice(self.one_hot(labels)[tf.newaxis, tf.newaxis], rate, None, penalties)
        weights, rate = tf.ones([1, 1]), tf.zeros([])
        columns = tf.unstack(labels, axis=-1)
        for label, one, size in zip(columns, logits, self.num_categories, strict=True):
            known = label != self.unknown
            q = tf.where(known[:, tf.newaxis], tf.one_hot(label, size), tf.nn.softmax(one))
            rate += tf.where(known, math.log(size), uniform_rate(one))
            q = tf.transpose(q)  # (S_v, B)
            weights = tf.reshape(weights[:, tf.newaxis] * q, [-1, tf.shape(q)[1]])
        d = self.combinations()[:, tf.newaxis, tf.newaxis]
        return Choice(d, rate[tf.newaxis], weights, penalties)

    def categories(self, given: Given) -> tf.Tensor:
        """The labels that are known; else the classifier's, or the greatest log p(x|z, d)."""
        if self.has_classifier:
            best = self.head.most_likely(given.features)
        elif given.labels is None:
            best = self.most_likely(self.unary(given, given.z[tf.newaxis])[0])
        if given.labels is None:
            return best
        if self.unknown is None:
            return given.labels
        return tf.where(given.labels != self.unknown, given.labels, best)

    def sample(
        self, num_samples: int, *, seed: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The labels, int32 (num_samples, V); uniform draws where they are unknown or missing."""
        if labels is None or self.unknown is None:
            return super().sample(num_samples, seed=seed, labels=labels)
        return tf.where(labels == self.unknown, super().sample(num_samples, seed=seed), labels)

    def log_marginal(self, given: Given, z: tf.Tensor) -> tf.Tensor:
        """log p(x|z, y) of known labels; with `unknown` log p(x, y|z), or the sum over d.

        Where a target is predicted, p(target, y|z, x), with the classifier's q(y|x) for p(y).
        """
        labels = self._labels(given, z)
        if self.unknown is None:
            return given.log_prob(z, self.one_hot(labels)[tf.newaxis, tf.newaxis])[0]
        # one_hot of an unknown label is zero: d is allowed where it agrees with all known ones.
        agrees = tf.matmul(self.one_hot(labels), self.combinations(), transpose_b=True)
        known = tf.reduce_sum(tf.cast(labels != self.unknown, tf.float32), -1, keepdims=True)
        allowed = tf.where(agrees >= known, 0.0, -float("inf"))  # (B, Π S_v)
        return tf.reduce_logsumexp(self.unary(given, z) + allowed + self.log_mass(given), axis=-1)

    def _labels(self, given, z):
        """Labels (B, V); all unknown where none are given."""
        if given.labels is not None:
            return given.labels
        return tf.fill([tf.shape(z)[1], len(self.num_categories)], self.unknown)

    def _classification(self, labels, logits):
        """Σ_v −log q(d_v = y_v|x) over the labels that are known, (B,)."""
        losses = []
        for label, one in zip(tf.unstack(labels, axis=-1), logits, strict=True):
            known = label >= 0
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(label, 0), one)
            losses.append(tf.where(known, loss, 0.0))
        return tf.add_n(losses)
