"""How unlikely a model finds a row, and which columns make it so."""

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _seeds

tfd = tfp.distributions

SCORES = ("bound", "elbo", "reconstruction")


class Scorer(tf.Module):
    """The score of a row by a model, or by a committee, the same at each call.

    With K latents z_k ~ q(z|x), of fixed noise, and ℓ_k = Σ_j D_j(z_k) + log q(z_k|x)/p(z_k):

    | score | a row's number | a column's part | the latents' part |
    |---|---|---|---|
    | "bound" | −log (1/K) Σ_k exp(−ℓ_k) | Σ_k w_k D_j(z_k) | the rest |
    | "elbo" | (1/K) Σ_k ℓ_k | (1/K) Σ_k D_j(z_k) | the rest |
    | "reconstruction" | Σ_j D_j(μ), the mean of q(z|x) | D_j(μ) | 0 |

    w_k = softmax(−ℓ)_k. The parts add up to the number. A committee's score is the mean of its
    members' scores.

    Args:
        model: a trained model; its likelihood is a product over columns.
        score: one of the three.
        members: M; 1: the model is no committee.
        num_samples: K.
        centre: subtracted from each column of a row, (D,), float64.
        scale: what a column is divided by then, (D,), float64.
        seed: of the noise.

    Raises:
        ValueError: when the likelihood is no product over columns.
    """

    def __init__(
        self,
        model: Any,
        score: str,
        *,
        members: int = 1,
        num_samples: int = 16,
        centre: np.ndarray,
        scale: np.ndarray,
        seed: Any = 0,
    ) -> None:
        super().__init__()
        self.model, self.score, self.members = model, score, members
        self.num_samples = 1 if score == "reconstruction" else num_samples
        self.columns = len(centre)
        self.centre, self.scale = (tf.constant(one, tf.float64) for one in (centre, scale))
        # The same noise for each row: its score does not depend on the rows beside it.
        shape = [self.num_samples, 1, model.latent_dim]
        noise = tf.random.stateless_normal(shape, _seeds.stateless(seed))
        # K odd numbers in pairs of opposite sign: the mean of the noise is 0.
        half = noise[: (self.num_samples + 1) // 2]
        both = tf.reshape(tf.stack([half, -half], axis=1), [-1, 1, model.latent_dim])
        self.noise = both[: self.num_samples]

    @tf.function(reduce_retracing=True)
    def scores(self, rows: tf.Tensor) -> tf.Tensor:
        """The score of each member, (n, M), nats, of rows (n, D), float64."""
        return self._combined(*self._terms(rows))[0]

    @tf.function(reduce_retracing=True)
    def contributions(self, rows: tf.Tensor) -> tf.Tensor:
        """The columns' parts, then the latents' part, means over the members, (n, D + 1), nats."""
        distortions, ratio = self._terms(rows)
        scores, weights = self._combined(distortions, ratio)
        parts = tf.reduce_sum(weights[..., tf.newaxis] * distortions, axis=0)
        rest = scores - tf.reduce_sum(parts, axis=-1)
        return tf.reduce_mean(tf.concat([parts, rest[..., tf.newaxis]], axis=-1), axis=1)

    def _terms(self, rows):
        """D_j(z_k), (K, n, M, D), and log q(z_k|x)/p(z_k), (K, n, M)."""
        x = tf.cast((rows - self.centre) / self.scale, tf.float32)
        x = tf.tile(x, [1, self.members])
        posterior = self.model.encode(x)
        only_mean = self.score == "reconstruction"
        z = posterior.mean() + (0.0 if only_mean else posterior.stddev() * self.noise)
        z = z[tf.newaxis] if only_mean else z
        outputs = self.model.decoder_outputs(z)
        distortions = -self.model.likelihood.log_prob_of_features(x, outputs)
        shape = [self.num_samples, tf.shape(x)[0], self.members, self.columns]
        distortions = tf.reshape(distortions, shape)
        ratio = tf.zeros(shape[:-1]) if only_mean else self._log_ratio(posterior, z)
        return distortions, ratio

    def _combined(self, distortions, ratio):
        """The score of each member, (n, M), and the weights of the samples, (K, n, M)."""
        terms = tf.reduce_sum(distortions, axis=-1) + ratio
        if self.score == "bound":
            scores = math.log(self.num_samples) - tf.reduce_logsumexp(-terms, axis=0)
            return scores, tf.nn.softmax(-terms, axis=0)
        return tf.reduce_mean(terms, axis=0), tf.ones_like(terms) / self.num_samples

    def _log_ratio(self, posterior, z):
        """log q(z|x)/p(z) of each member, (K, n, M)."""
        if self.members == 1:
            prior = self.model.prior.log_prob(z, seed=_seeds.stateless(0))
            return (posterior.log_prob(z) - prior)[..., tf.newaxis]
        # N(0, I): a product over all latents.
        log_q = tfd.Normal(posterior.mean(), posterior.stddev()).log_prob(z)
        ratio = log_q - tfd.Normal(0.0, 1.0).log_prob(z)
        shape = [self.num_samples, -1, self.members, self.model.latent_dim // self.members]
        return tf.reduce_sum(tf.reshape(ratio, shape), axis=-1)
