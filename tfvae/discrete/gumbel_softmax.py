"""Categories that an encoder gives, relaxed in training."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._coefficients import Coefficient
from tfvae.discrete.base import Choice, Discrete, Given
from tfvae.networks import CategoricalHead

tfd = tfp.distributions


def uniform_rate(logits: tf.Tensor) -> tf.Tensor:
    """KL(q ‖ uniform) = log S − H(q) in nats of categorical logits, (..., S) -> (...)."""
    return math.log(logits.shape[-1]) - tfd.Categorical(logits).entropy()


@keras.saving.register_keras_serializable(package="tfvae")
class GumbelSoftmax(Discrete):
    """q(d|x) = Π_v q(d_v|x) from the encoder's features; Gumbel-softmax samples in training [D18].

    In training d_v = softmax((log π_v + g)/τ) with Gumbel noise g, a relaxed one-hot vector. In
    evaluation d_v is drawn from q(d_v|x), which makes the reported ELBO a bound. The rate is
    KL(q(d|x) ‖ uniform); for an importance-weighted bound it is that of the drawn d,
    log q(d|x) + log S, linear in a relaxed d. The most likely category stands for an example.

    Args:
        num_categories: S of one variable, or (S_1, …, S_V).
        temperature: τ > 0, a number or a Keras schedule.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.GumbelSoftmax(3))
        >>> vae.build((None, 5))
        >>> vae.generate(4).shape
        (4, 5)
    """

    temperature = Coefficient(low_open=True)

    def __init__(self, num_categories: Any, temperature: Any = 0.67, **kwargs):
        super().__init__(num_categories, **kwargs)
        self.temperature = temperature

    def create_weights(self, features: tf.Tensor) -> None:
        """Creates the head that gives the logits."""
        self.head = CategoricalHead(self.num_categories, name="category_head")
        self.head(features)

    def posteriors(self, features: tf.Tensor) -> list[tfd.Distribution]:
        """q(d_v|x) of each variable: batch shape (B,), one-hot events (S_v,)."""
        return self.head.posteriors(features)

    def infer(self, given: Given, z: tf.Tensor, *, seed: tf.Tensor, training: bool) -> Choice:
        """Relaxed samples in training, samples in evaluation; the analytic or the sampled rate."""
        logits = self.head(given.features)
        seeds = tfp.random.split_seed(seed, n=len(logits), salt="gumbel")
        drawn = []
        for one, own in zip(logits, seeds, strict=True):
            if training:  # By hand: TFP's distribution fails for a replica without examples.
                noise = tfd.Gumbel(tf.zeros_like(one), 1.0).sample(tf.shape(z)[0], seed=own)
                drawn.append(tf.nn.softmax((one + noise) / self.temperature))
            else:
                q = tfd.OneHotCategorical(one, dtype=tf.float32)
                drawn.append(q.sample(tf.shape(z)[0], seed=own))
        d = tf.concat(drawn, axis=-1)
        if given.analytic:
            rate = tf.add_n([uniform_rate(one) for one in logits])[tf.newaxis]
        else:
            log_q = tf.concat([tf.nn.log_softmax(one) for one in logits], axis=-1)
            rate = tf.reduce_sum(d * log_q, axis=-1) + math.log(self.num_combinations)
        return Choice(d[tf.newaxis], rate)

    def categories(self, given: Given) -> tf.Tensor:
        """The most likely category of each variable."""
        return self.head.most_likely(given.features)
