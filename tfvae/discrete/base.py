"""What every categorical variable d beside z offers a model, in four methods."""

import abc
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae._component import Component

tfd = tfp.distributions


class Given(NamedTuple):
    """What is known of a batch when its categories are asked for."""

    features: tf.Tensor
    """The encoder's features of x, (B, …)."""
    z: tf.Tensor
    """The latents that stand for x, E[z|x], (B, N_z)."""
    log_prob: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    """log p(x|z, d) of z (L, B, N_z) and d (C, L, B, Σ S_v), or broadcast to it: (C, L, B)."""
    labels: tf.Tensor | None = None
    """Observed categories, int32 (B, V); None where none are given."""
    is_open: tf.Tensor | None = None
    """Scalar bool: whether d takes part yet; None: always."""
    analytic: bool = True
    """Whether a closed-form rate may take the place of the sampled one."""
    predicts: bool = False
    """Whether a target beside x is explained: q(d|x) then stands for p(d) in `log_marginal`."""


class Choice(NamedTuple):
    """The categories of a batch: C alternatives of each example, and what they cost."""

    d: tf.Tensor
    """One-hot vectors, or relaxed ones, (C, L, B, Σ S_v); L and B may be 1 where all are equal."""
    rate: tf.Tensor
    """Their rate, (1, B), or (L, B) when it is sampled; nats."""
    weights: tf.Tensor | None = None
    """Probabilities of the alternatives, (C, B), which sum to 1 over C; None: C = 1."""
    penalties: dict[str, tf.Tensor] = {}
    """What is added to the loss by name, without `penalty_weight`; each (B,)."""


class Discrete(Component, abc.ABC):
    """Base class: d = (d_0, …, d_{V − 1}), given to the decoder beside z; d_v has S_v categories.

        p(x) = Σ_d p(d) ∫ p(x|z, d) p(z) dz,   p(d_v) uniform

    A subclass gives `infer` and `categories`; `sample` and `log_marginal` have defaults for latent
    categories. Networks of its own are created in `create_weights`.

    Args:
        num_categories: S of one variable, or (S_1, …, S_V).

    Raises:
        ValueError: when a number is not a whole number of at least 1.
    """

    role = "discrete"
    needs_labels: bool = False
    """Whether labels must be given beside x."""
    takes_labels: bool = False
    """Whether labels may be given beside x."""
    unknown: int | None = None
    """The value of a missing label; None: no label may be missing."""
    supports_jit: bool = True
    """Whether XLA can compile it; without it Keras warns, and trains without `jit_compile`."""
    compares_likelihoods: bool = False
    """Whether the categories of an example come from log p(target|z, d) of all d."""
    penalty_names: tuple[str, ...] = ()
    """Names of the penalties in every `Choice`."""

    @property
    def penalty_weight(self) -> float | tf.Tensor:
        """The weight of these penalties in the loss."""
        return 1.0

    def __init__(self, num_categories: int | Sequence[int], **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = type(self).supports_jit  # Keras sets it to True for every layer.
        if not hasattr(num_categories, "__iter__"):
            num_categories = (num_categories,)
        self.num_categories = _checks.positive_ints("num_categories", num_categories)
        if not self.num_categories:
            raise ValueError(
                "`num_categories` must hold one number or several, received none. "
                "`discrete=None` makes a model without categories."
            )

    def build(self, features: tf.Tensor) -> None:
        """Creates the weights; `features` is a symbolic tensor of the encoder's features.

        Raises:
            ValueError: when it was built before.
        """
        self.start_build()
        self.create_weights(features)

    def create_weights(self, features: tf.Tensor) -> None:
        """Creates what the subclass owns; nothing by default."""

    @property
    def size(self) -> int:
        """Σ_v S_v, the length of d."""
        return sum(self.num_categories)

    @property
    def num_combinations(self) -> int:
        """Π_v S_v, the number of values of d."""
        return math.prod(self.num_categories)

    @abc.abstractmethod
    def infer(self, given: Given, z: tf.Tensor, *, seed: tf.Tensor, training: bool) -> Choice:
        """The categories of a batch and their rate.

        Args:
            given: what is known of the batch.
            z: posterior samples, (L, B, N_z).
            seed: stateless.
            training: whether a training step asks; evaluation reports a bound on log p(x).
        """

    @abc.abstractmethod
    def categories(self, given: Given) -> tf.Tensor:
        """The categories that stand for each example, int32 (B, V)."""

    def posteriors(self, features: tf.Tensor) -> list[tfd.Distribution] | None:
        """q(d_v|x) of each variable: batch shape (B,), one-hot events (S_v,); None without q."""
        return None

    def sample(
        self, num_samples: int, *, seed: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Draws of p(d), int32 (num_samples, V): uniform, or the labels where these are given."""
        if labels is not None:
            return labels
        seeds = tfp.random.split_seed(seed, n=len(self.num_categories), salt="categories")
        drawn = [
            tf.random.stateless_uniform([num_samples], own, 0, size, tf.int32)
            for own, size in zip(seeds, self.num_categories, strict=True)
        ]
        return tf.stack(drawn, axis=-1)

    def log_marginal(self, given: Given, z: tf.Tensor) -> tf.Tensor:
        """log Σ_d p(d) p(x|z, d), (L, B, N_z) -> (L, B), nats: the sum over all values of d.

        Where a target is predicted, Σ_d q(d|x) p(target|z, d), if a network gives q(d|x).
        """
        return tf.reduce_logsumexp(self.unary(given, z) + self.log_mass(given), axis=-1)

    def log_mass(self, given: Given) -> tf.Tensor:
        """log p(d) of all values of d, or log q(d|x) where a target is predicted: (B, Π S_v).

        (1, Π S_v) where it is the same for all examples.
        """
        posteriors = self.posteriors(given.features) if given.predicts else None
        if posteriors is None:
            return tf.fill([1, self.num_combinations], -math.log(self.num_combinations))
        log_probs = [tf.nn.log_softmax(one.logits_parameter()) for one in posteriors]
        return tf.matmul(tf.concat(log_probs, axis=-1), self.combinations(), transpose_b=True)

    def unary(self, given: Given, z: tf.Tensor) -> tf.Tensor:
        """log p(x|z, d) of every d by one call of the decoder, (L, B, N_z) -> (L, B, Π S_v)."""
        return tf.transpose(given.log_prob(z, self.combinations()[:, None, None]), [1, 2, 0])

    def combinations(self) -> tf.Tensor:
        """All values of d, one-hot, (Π S_v, Σ S_v), the last variable changing fastest."""
        grid = np.indices(self.num_categories).reshape(len(self.num_categories), -1).T
        return self.one_hot(tf.constant(grid, tf.int32))

    def one_hot(self, categories: tf.Tensor) -> tf.Tensor:
        """Categories (..., V) as one-hot vectors, (..., Σ S_v), float32."""
        columns = tf.unstack(categories, axis=-1)
        blocks = [tf.one_hot(c, s) for c, s in zip(columns, self.num_categories, strict=True)]
        return tf.concat(blocks, axis=-1)

    def most_likely(self, unary: tf.Tensor) -> tf.Tensor:
        """The d with the greatest unary, (B, Π S_v) -> int32 (B, V)."""
        best = tf.argmax(unary, axis=1, output_type=tf.int32)
        # By hand: ONNX has no operation for it.
        columns = []
        for size in reversed(self.num_categories):
            columns.insert(0, best % size)
            best //= size
        return tf.stack(columns, axis=-1)
