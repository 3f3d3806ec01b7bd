"""The prior of the Topographic VAE: latents in a grid whose neighbours share a denominator."""

import math

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae.distributions import (
    Bubble,
    Explicit,
    Shifting,
    TopographicStudentT,
    Torus,
    neighborhoods,
    topographic_product,
)
from tfvae.networks import diagonal_gaussian
from tfvae.priors.base import Prior

for _neighborhood in (Bubble, Explicit, Shifting, Torus):
    keras.saving.register_keras_serializable(package="tfvae")(_neighborhood)


@keras.saving.register_keras_serializable(package="tfvae")
class TopographicPrior(Prior):
    """t = (z + μ) / sqrt(W u² + ε), z, u ~ N(0, I): a topographic product of Student-t [KW21].

    The latents that a decoder sees are t. The posterior is one of (z, u), diagonal Gaussian, and
    the rate that of both, KL(q(z, u|x) ‖ N(0, I)) (eq. 9): it is not below the rate of t. μ is
    learned.

    Args:
        neighborhood: W: "shifting", "bubble", "torus" or an object of `tfvae.distributions`.
        grid: the shape in which the N_z latents of an example, or of one step of a sequence, are
            laid out: (number of capsules, capsule size), or the sides of a torus. None: for
            sequences of T steps capsules of size T, so that the roll in a capsule closes as the
            sequence does; else (N_z,).
        initial_mean: μ at first. z changes t by the share 1/μ, u by any: the larger μ, the more the
            denominators tell, and the less is left to z, which does not roll.
        epsilon: ε.

    Raises:
        ValueError: when an argument is not of the kind described; at `connect`, when the grid does
            not hold N_z latents or the neighbourhood does not fit it.

    Example, a map of 6×6 latents for images:
        >>> import tfvae
        >>> prior = tfvae.priors.TopographicPrior(tfvae.distributions.Torus((3, 3)), grid=(6, 6))
        >>> vae = tfvae.VAE(latent_dim=36, prior=prior)
        >>> vae.build((None, 8, 8, 1))
        >>> vae.generate(2, seed=0).shape
        (2, 8, 8, 1)
    """

    num_sources = 2

    def __init__(
        self,
        neighborhood="shifting",
        grid: tuple[int, ...] | None = None,
        initial_mean: float = 40.0,
        epsilon: float = 1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.neighborhood = neighborhoods.get(neighborhood)
        self.grid = None if grid is None else _checks.positive_ints("grid", grid)
        self.initial_mean = _checks.number_in(
            "initial_mean", initial_mean, -math.inf, math.inf, low_open=True, high_open=True
        )
        self.epsilon = _checks.number_in("epsilon", epsilon, 0.0, math.inf, high_open=True)

    def _create_weights(self, data_shape, encode):
        self.layout = (*self.sequence_shape, *self._grid())
        self.neighborhood.block(self.layout)  # Says what is wrong where it does not fit.
        self.mean = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.initial_mean),
            dtype="float32",
            name="mean",
        )

    def _grid(self):
        """`grid`, or the one that it stands for."""
        if self.grid is not None:
            if math.prod(self.grid) != self.latent_dim:
                raise ValueError(
                    f"`grid` {self.grid} holds {math.prod(self.grid)} latents, but latent_dim is "
                    f"{self.latent_dim}."
                )
            return self.grid
        return capsule_grid(self.latent_dim, self.sequence_shape)

    def _laid_out(self, rows):
        """(..., N_z) -> (..., *grid), the axis of a sequence included."""
        lead = rows.shape.rank - len(self.sequence_shape) - 1
        return tf.reshape(rows, tf.concat([tf.shape(rows)[:lead], self.layout], axis=0))

    def _product(self, z, squares):
        """t, with z and u² as they come, (..., N_z)."""
        z_grid, squares = self._laid_out(z), self._laid_out(squares)
        mean, epsilon = self.mean.value, self.epsilon
        t = topographic_product(z_grid, squares, mean, self.neighborhood, self.layout, epsilon)
        return tf.ensure_shape(tf.reshape(t, tf.shape(z)), z.shape)

    def transform(self, sources):
        """t from (z, u), the two halves of the last axis."""
        z, u = tf.split(sources, 2, axis=-1)
        return self._product(z, tf.square(u))

    def code(self, posterior, *, given=None):
        """t̂ = (E z + μ) / sqrt(W E[u²] + ε): t with numerator and squares at their means.

        A square of a step that is not given takes the mean of those in its denominator that are,
        or 1, its mean under the prior, where none is.
        """
        z, u = tf.split(posterior.mean(), 2, axis=-1)
        squares = tf.square(u) + tf.split(posterior.variance(), 2, axis=-1)[1]
        if given is None:
            return self._product(z, squares)
        seen = tf.cast(given, squares.dtype)[:, tf.newaxis] * tf.ones_like(squares)
        number, total = (
            self.neighborhood.sums(self._laid_out(values), self.layout)
            for values in (seen, seen * squares)
        )
        sizes = tf.constant(self.neighborhood.sizes(self.layout), squares.dtype)
        means = tf.where(number > 0.5, total / tf.maximum(number, 1.0), 1.0)
        t = (self._laid_out(z) + self.mean.value) * tf.math.rsqrt(sizes * means + self.epsilon)
        return tf.reshape(t, tf.shape(z))

    def distribution(self, *, training=False):
        """p(t), with the grid as its event shape, (T, *grid) for sequences."""
        self._check_connected()
        return TopographicStudentT(
            self.neighborhood, self.layout, self.mean.value, epsilon=self.epsilon
        )

    def log_prob(self, z, *, seed=None, training=False):
        """log p(t) in nats, an estimate that serves for a few latents only, (..., N_z) -> (...)."""
        return self.distribution().log_prob(self._laid_out(tf.convert_to_tensor(z)), seed=seed)

    def sample(self, num_samples, *, seed=None):
        """Draws t, (num_samples, N_z), or (num_samples, T, N_z) for sequences."""
        t = self.distribution().sample(num_samples, seed=seed)
        return tf.reshape(t, [num_samples, *self.sequence_shape, self.latent_dim])

    def rate(self, posterior, z, *, seed=None, analytic=True, training=False):
        """KL(q(z, u|x) ‖ N(0, I)), or log q(z, u|x) − log N(z, u; 0, I); see `Prior.rate`."""
        size = self.num_sources * self.latent_dim
        standard = diagonal_gaussian(tf.zeros([size]), tf.ones([size]))
        if analytic:
            return posterior.kl_divergence(standard)[tf.newaxis]
        return posterior.log_prob(z) - standard.log_prob(z)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "neighborhood": keras.saving.serialize_keras_object(self.neighborhood),
            "grid": self.grid,
            "initial_mean": self.initial_mean,
            "epsilon": self.epsilon,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuilds the neighbourhood first."""
        neighborhood = keras.saving.deserialize_keras_object(config["neighborhood"])
        return cls(**{**config, "neighborhood": neighborhood})


def capsule_grid(latent_dim, sequence_shape):
    """(number of capsules, capsule size) of the latents of a step: capsules of the size T.

    Raises:
        ValueError: when `latent_dim` is no multiple of T.
    """
    if not sequence_shape:
        return (latent_dim,)
    (frames,) = sequence_shape
    if latent_dim % frames:
        raise ValueError(
            f"`latent_dim` is {latent_dim}, which is not a multiple of the {frames} frames of a "
            f"sequence: capsules of {frames} latents need {latent_dim // frames * frames or frames}"
            f" or {(latent_dim // frames + 1) * frames}. Or give the prior another `grid`, "
            "(number of capsules, capsule size)."
        )
    return (latent_dim // frames, frames)
