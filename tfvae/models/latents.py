"""How z, categories d and a condition c become the decoder's input, and what follows from d."""

import functools
import math
import operator
from typing import Any, NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import distributions
from tfvae.discrete import Choice

tfd = tfp.distributions


def rows(values: tf.Tensor) -> tf.Tensor:
    """(n, …) -> (n, F)."""
    if values.shape.rank == 1:
        return values[:, tf.newaxis]
    return tf.reshape(values, [-1, math.prod(values.shape[1:])])


def repeated(condition: tf.Tensor | None, sequence_shape: tuple[int, ...]) -> tf.Tensor | None:
    """c for each step of sequences, (B, E) -> (B·T, E)."""
    if condition is None or not sequence_shape:
        return condition
    return tf.repeat(condition, math.prod(sequence_shape), axis=0)


def joined(z: tf.Tensor, d: tf.Tensor | None, condition: tf.Tensor | None) -> tf.Tensor:
    """[z, d, c] on the last axis, all other axes broadcast."""
    if d is None and condition is None:
        return z
    parts = [one for one in (z, d, condition) if one is not None]
    zeros = functools.reduce(operator.add, [tf.zeros_like(one[..., :1]) for one in parts])
    return tf.concat([one + zeros for one in parts], axis=-1)


def gaussian_of_moments(
    loc: tf.Tensor, scale: tf.Tensor, batch_shape: Any = None
) -> tfd.Distribution:
    """N(loc, diag scale²) of rows (n, N), with another batch shape than (n,) on demand."""
    if batch_shape is not None:
        shape = tf.concat([batch_shape, [loc.shape[-1]]], axis=0)
        loc, scale = tf.reshape(loc, shape), tf.reshape(scale, shape)
    return distributions.diagonal_gaussian(loc, scale)


def alternatives(choice: Choice | None) -> tf.Tensor | None:
    """d for the decoder, (L, B, Σ S_v), or (C, L, B, Σ S_v) with several alternatives."""
    if choice is None:
        return None
    return choice.d[0] if choice.weights is None else choice.d


def held(choice: Choice | None) -> tf.Tensor | None:
    """One d for each example, (B, Σ S_v): of the first sample, or the most likely alternative."""
    if choice is None:
        return None
    if choice.weights is None:
        return choice.d[0, 0]
    return tf.gather(choice.d[:, 0, 0], tf.argmax(choice.weights, axis=0))


def mean_over_alternatives(values: tf.Tensor | None, choice: Choice) -> tf.Tensor | None:
    """Σ_c w_c v_c, (C, L, B, …) and (C, B) -> (L, B, …); the values themselves for one choice."""
    if values is None or choice.weights is None:
        return values
    weights = choice.weights[:, tf.newaxis]
    for _ in range(values.shape.rank - weights.shape.rank):
        weights = weights[..., tf.newaxis]
    return tf.reduce_sum(weights * values, axis=0)


def where_open(d: tf.Tensor, is_open: tf.Tensor | None) -> tf.Tensor:
    """d, or zeros as long as discrete latents take no part."""
    return d if is_open is None else d * tf.cast(is_open, d.dtype)


def opened(choice: Choice, is_open: tf.Tensor | None) -> Choice:
    """A choice whose d and rate are zero as long as discrete latents take no part."""
    return choice._replace(d=where_open(choice.d, is_open), rate=where_open(choice.rate, is_open))


class Encoded(NamedTuple):
    """What an encoder tells of a batch."""

    features: tf.Tensor
    """The encoder's features, (B, …), or (B·T, …) of the steps of sequences."""
    posterior: tfd.Distribution
    """q(z|x), batch shape (B,) or (B, T); over the prior's noise where z is made of it."""
    condition: tf.Tensor | None
    """The embedded condition, (B, E), or (B, 1, E) beside sequences."""
