"""Models with categorical latents beside the continuous ones."""

import math

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.models.base import LatentVariableModel


class CategoricalLatents(LatentVariableModel):
    """p(x) = Σ_d p(d) ∫ p(x|z, d) p(z) dz; d = (d_1, …, d_V), d_v uniform over S_v categories.

    The decoder is given a code: z, then each d_v as a one-hot vector, (N_z + Σ_v S_v,). Where the
    discrete part has not begun (`categories_are_open`), d is the zero vector.

    Args:
        latent_dim: N_z, the number of continuous latents.
        num_categories: S of one categorical latent, (S_1, …, S_V) of several, or None: there is
            none.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when an argument is not of the kind described.
    """

    def __init__(self, latent_dim: int, num_categories=None, **kwargs):
        if num_categories is None:
            num_categories = ()
        elif not hasattr(num_categories, "__iter__"):
            num_categories = (num_categories,)
        # Before all else: the report of the steps depends on it.
        self.num_categories = _checks.positive_ints("num_categories", num_categories)
        super().__init__(latent_dim=latent_dim, **kwargs)

    @property
    def code_dim(self):
        """N_z + Σ_v S_v."""
        return self.latent_dim + sum(self.num_categories)

    def categories_are_open(self) -> tf.Tensor:
        """Scalar bool: whether the decoder is given categories yet; the objective says so."""
        return self.objective.categories_are_open()

    def _one_hot(self, categories, dtype=tf.float32):
        """Categories (..., V) as the last part of a code, (..., Σ_v S_v)."""
        columns = tf.unstack(categories, axis=-1)
        sizes = self.num_categories
        blocks = [tf.one_hot(c, size, dtype=dtype) for c, size in zip(columns, sizes, strict=True)]
        return tf.concat(blocks, axis=-1)

    def _combinations(self):
        """All values of d, one-hot, (Π_v S_v, Σ_v S_v), the last one changing fastest."""
        grid = np.indices(self.num_categories).reshape(len(self.num_categories), -1).T
        return self._one_hot(tf.constant(grid, tf.int32))

    def unary(self, x, z, *, training=False) -> tf.Tensor:
        """log p(x|z, d) for every d, by one call of the decoder [JS19, eq. 9].

        Args:
            x: data, (B, *data).
            z: continuous latents, (B, N_z).
            training: for networks with layers that differ in it.

        Returns:
            (B, S_1, …, S_V), nats.
        """
        combinations = self._combinations()
        count, batch = combinations.shape[0], tf.shape(z)[0]
        codes = tf.concat(
            [
                tf.broadcast_to(z, [count, batch, self.latent_dim]),
                tf.repeat(combinations[:, tf.newaxis], batch, axis=1),
            ],
            axis=-1,
        )
        distortion, _ = self.likelihood.distortion_and_error(
            x, self._decoder_outputs(codes, training)
        )
        return tf.reshape(-tf.transpose(distortion), [-1, *self.num_categories])

    def _most_likely(self, unary):
        """The d of the greatest unary, (B, S_1, …, S_V) -> int32 (B, V)."""
        best = tf.argmax(tf.reshape(unary, [tf.shape(unary)[0], -1]), axis=1, output_type=tf.int32)
        # By hand: other formats of files have no operation for it.
        columns = []
        for size in reversed(self.num_categories):
            columns.insert(0, best % size)
            best //= size
        return tf.stack(columns, axis=-1)

    def categories(self, x) -> np.ndarray:
        """The categories that stand for x, int32 (B, V).

        Raises:
            ValueError: when the model has no categorical latents, or `x` does not fit.
        """
        if not self.num_categories:
            raise ValueError(
                f"This {type(self).__name__} has no categorical latents: `num_categories` of the "
                "constructor gives it some."
            )
        x = self._prepared(x)
        return self._categories(x, self.encode(x)).numpy()

    def _categories(self, x, posterior, training=False):
        """The categories that stand for prepared data, int32 (B, V)."""
        return self._most_likely(self.unary(x, posterior.mean(), training=training))

    def _embedding(self, x, training=False):
        """(E[z|x], one-hot d), (B, code_dim)."""
        posterior = self.encode(x, training=training)
        z = self.prior.code(posterior)
        if not self.num_categories:
            return z
        categories = self._categories(x, posterior, training)
        return tf.concat([z, self._where_open(self._one_hot(categories))], axis=-1)

    def _where_open(self, one_hot):
        """One-hot categories, or zeros where they have not begun."""
        return one_hot * tf.cast(self.categories_are_open(), one_hot.dtype)

    def sample_codes(self, num_samples, *, seed):
        """z from the prior and d uniform, (num_samples, code_dim)."""
        z = self.prior.sample(num_samples, seed=seed)
        if not self.num_categories:
            return z
        seeds = tfp.random.split_seed(seed, n=len(self.num_categories), salt="categories")
        drawn = [
            tf.random.stateless_uniform([num_samples], own, 0, size, tf.int32)
            for own, size in zip(seeds, self.num_categories, strict=True)
        ]
        one_hot = self._one_hot(tf.stack(drawn, axis=-1))
        return tf.concat([z, self._where_open(one_hot)], axis=-1)

    @property
    def num_combinations(self) -> int:
        """Π_v S_v."""
        return math.prod(self.num_categories)

    def log_weights(self, x, num_samples, *, seed):
        """log p(z_l)/q(z_l|x) + log Σ_d p(d) p(x|z_l, d), summed over all d: (num_samples, B)."""
        if not self.num_categories:
            return super().log_weights(x, num_samples, seed=seed)
        x = self._prepared(x)
        posterior_seed, prior_seed = tfp.random.split_seed(seed, n=2, salt="terms")
        posterior = self.encode(x)
        z = posterior.sample(num_samples, seed=posterior_seed)
        rate = self.prior.rate(posterior, z, seed=prior_seed, analytic=False)

        def marginal():
            rows = tf.reshape(z, [-1, self.latent_dim])
            repeated = tf.tile(x, [num_samples] + [1] * len(self.data_shape))
            unary = tf.reshape(self.unary(repeated, rows), [num_samples, -1, self.num_combinations])
            return tf.reduce_logsumexp(unary, axis=-1) - math.log(self.num_combinations)

        def without():
            codes = tf.pad(z, [[0, 0], [0, 0], [0, self.code_dim - self.latent_dim]])
            return -self.likelihood.distortion_and_error(x, self._decoder_outputs(codes))[0]

        return tf.cond(self.categories_are_open(), marginal, without) - rate

    def _mean_around(self, codes):
        """E[x|z, d] as a function of z, (k·B, N_z) in k blocks, with the d of the codes (B, …)."""
        if not self.num_categories:
            return self.decode_mean
        held = codes[:, self.latent_dim :]

        def mean(z):
            blocks = tf.shape(z)[0] // tf.shape(held)[0]
            return self.decode_mean(tf.concat([z, tf.tile(held, [blocks, 1])], axis=-1))

        return mean

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "num_categories": self.num_categories or None}
