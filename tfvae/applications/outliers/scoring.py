"""How unlikely a model finds a row, and which columns make it so."""

import functools
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _seeds
from tfvae.applications.outliers.committee import terms_of_members

SCORES = ("bound", "elbo", "reconstruction")
# In deviations of a column: no row is further out, so that no square of float32 is infinite.
FURTHEST = 1e15


def made(factory: Any, columns: int) -> keras.Model:
    """The model that a user's function makes.

    Raises:
        ValueError: when it is no function, or makes something else.
    """
    expected = (
        "`model` must be None, a trained model of tfvae, or a function of the number of columns "
        "that gives a compiled model of tfvae, such as tfvae.VAE(2)"
    )
    if not callable(factory):
        raise ValueError(f"{expected}, received {factory!r:.60}.")
    model = factory(columns)
    if not isinstance(model, keras.Model):
        raise ValueError(f"{expected}, received a function that gives {model!r:.60}.")
    return model


class Scorer(tf.Module):
    """The score of a row by a model, or by a committee, the same at each call.

    With K latents z_k ~ q(z|x), of fixed noise, and ℓ_k = Σ_j D_j(z_k) + log q(z_k|x)/p(z_k):

    | score | a row's number | a column's part | the latents' part |
    |---|---|---|---|
    | "bound" | −log (1/K) Σ_k exp(−ℓ_k) | Σ_k w_k D_j(z_k) | the rest |
    | "elbo" | (1/K) Σ_k ℓ_k | (1/K) Σ_k D_j(z_k) | the rest |
    | "reconstruction" | Σ_j D_j(μ), the mean of q(z|x) | D_j(μ) | 0 |

    w_k = softmax(−ℓ)_k. The parts add up to the number. The members of a committee are of G kinds
    in turn. Of rows (n, D), float64, `scores` gives the score of each member, (n, M), and
    `contributions` the parts of the columns, then of the latents, means over the members of a kind,
    (n, G, D + 1), both in nats.

    Args:
        model: a trained model; its likelihood is a product over columns.
        score: one of the three.
        members: M; 1: the model is no committee.
        kinds: G, not above M.
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
        kinds: int = 1,
        num_samples: int = 16,
        centre: np.ndarray,
        scale: np.ndarray,
        seed: Any = 0,
    ) -> None:
        super().__init__()
        self.model, self.score, self.members, self.kinds = model, score, members, kinds
        self.num_samples = 1 if score == "reconstruction" else num_samples
        self.columns, self.seed = len(centre), seed
        self.centre, self.scale = (tf.constant(one, tf.float64) for one in (centre, scale))
        self.noise = self._fixed_noise(seed)
        # Partials of one's own: TensorFlow would count the tracing of several scorers as that of
        # one, and warn.
        self.scores, self.contributions = (
            tf.function(functools.partial(function), reduce_retracing=True)
            for function in (self._scores, self._contributions)
        )

    def __reduce__(self):
        """A copy is made anew, since compiled functions cannot be copied."""
        options = {
            "members": self.members, "kinds": self.kinds, "num_samples": self.num_samples,
            "centre": self.centre.numpy(), "scale": self.scale.numpy(), "seed": self.seed,
        }  # fmt: skip
        return functools.partial(type(self), **options), (self.model, self.score)

    def _fixed_noise(self, seed):
        """(K, 1, M·N_z): the same for each row, whose score depends on no rows beside it."""
        shape = [self.num_samples, 1, self.model.latent_dim]
        if self.score == "reconstruction":
            return tf.zeros(shape)
        noise = tf.random.stateless_normal(shape, _seeds.stateless(seed))
        # In pairs of opposite sign: the mean of the noise of an even number is 0.
        half = noise[: (self.num_samples + 1) // 2]
        both = tf.reshape(tf.stack([half, -half], axis=1), [-1, *shape[1:]])
        return both[: self.num_samples]

    def _scores(self, rows: tf.Tensor) -> tf.Tensor:
        """The score of each member, (n, M), nats, of rows (n, D), float64."""
        return tf.transpose(self._combined(*self._terms(rows))[0])

    def _contributions(self, rows: tf.Tensor) -> tf.Tensor:
        """The columns' parts, then the latents' part, of each kind, (n, G, D + 1), nats."""
        distortions, ratio = self._terms(rows)
        scores, weights = self._combined(distortions, ratio)
        parts = tf.reduce_sum(weights[..., tf.newaxis] * distortions, axis=1)
        rest = scores - tf.reduce_sum(parts, axis=-1)
        parts = tf.concat([parts, rest[..., tf.newaxis]], axis=-1)
        return tf.stack(self.of_kinds(parts), axis=1)

    def of_kinds(self, values: Any) -> list[tf.Tensor]:
        """Means over the members of each kind, of values whose first axis are the members."""
        return [tf.reduce_mean(values[kind :: self.kinds], axis=0) for kind in range(self.kinds)]

    def _terms(self, rows):
        """D_j(z_k), (M, K, n, D), and log q(z_k|x)/p(z_k), (M, K, n); 0 for "reconstruction"."""
        x = (rows - self.centre) / self.scale
        # What is infinite itself has no score.
        far = tf.math.is_finite(rows) & (tf.abs(x) > FURTHEST)
        x = tf.cast(tf.where(far, FURTHEST * tf.sign(x), x), tf.float32)
        x = tf.ensure_shape(x, [None, self.columns])
        return self._terms_of_one(x) if self.members == 1 else self._terms_of_committee(x)

    def _terms_of_committee(self, x):
        latent_dim = self.model.latent_dim // self.members
        noise = tf.reshape(self.noise, [self.num_samples, self.members, latent_dim])
        noise = tf.transpose(noise, [1, 0, 2])
        distortions, ratio = terms_of_members(self.model, x, noise, latent_dim)
        only_mean = self.score == "reconstruction"
        return distortions, tf.zeros_like(ratio) if only_mean else ratio

    def _terms_of_one(self, x):
        """Missing values of a model that takes them add nothing."""
        likelihood = self.model.likelihood
        posterior = self.model.encode(x)
        only_mean = self.score == "reconstruction"
        z = posterior.mean() + (0.0 if only_mean else posterior.stddev() * self.noise)
        z = z[tf.newaxis] if only_mean else z
        outputs = self.model.decoder_outputs(z)
        distortions = -likelihood.log_prob_of_features(likelihood.filled(x), outputs)
        if self.model.takes_missing:
            distortions = tf.where(tf.math.is_nan(x), 0.0, distortions)
        if only_mean:
            return distortions[tf.newaxis], tf.zeros(tf.shape(distortions)[:-1])[tf.newaxis]
        ratio = posterior.log_prob(z) - self.model.prior.log_prob(z, seed=_seeds.stateless(0))
        return distortions[tf.newaxis], ratio[tf.newaxis]

    def _combined(self, distortions, ratio):
        """The score of each member, (M, n), and the weights of the samples, (M, K, n)."""
        terms = tf.reduce_sum(distortions, axis=-1) + ratio
        if self.score == "bound":
            scores = math.log(self.num_samples) - tf.reduce_logsumexp(-terms, axis=1)
            return scores, tf.nn.softmax(-terms, axis=1)
        return tf.reduce_mean(terms, axis=1), tf.ones_like(terms) / self.num_samples
