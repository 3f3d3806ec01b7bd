"""The prior of the Topographic VAE: latents in a grid whose neighbours share a denominator."""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.distributions import (
    Bubble,
    Explicit,
    Neighborhood,
    Shifting,
    TopographicStudentT,
    Torus,
    diagonal_gaussian,
    neighborhoods,
    topographic_product,
)
from tfvae.priors.base import Prior

tfd = tfp.distributions

for _neighborhood in (Bubble, Explicit, Shifting, Torus):
    keras.saving.register_keras_serializable(package="tfvae")(_neighborhood)


@keras.saving.register_keras_serializable(package="tfvae")
class TopographicPrior(Prior):
    """t = (z + μ) / sqrt(W u² + ε), z, u ~ N(0, I): a topographic product of Student-t [KW21].

    The latents that a decoder sees are t. The posterior over (z, u) is a diagonal Gaussian. The
    rate is KL(q(z, u|x) ‖ N(0, I)), which is not below the rate of t. μ is learned.

    Args:
        neighborhood: W: "shifting", "bubble", "torus" or an object of `tfvae.distributions`.
        grid: the shape in which the N_z latents of an example, or of one step of a sequence, are
            laid out: (number of capsules, capsule size), or the sides of a torus. None: capsules
            of size T for sequences of T steps, since the roll in a capsule then closes with the
            sequence; else (N_z,).
        initial_mean: μ at first, 30 as published. A large μ makes t depend on the denominators
            W u², which roll, and less on z, which does not. On digits 10, 30 and 90 end alike, 5
            is worse (`benchmarks.topographic_quality`).
        epsilon: ε.

    Raises:
        ValueError: when an argument is not of the kind described; at `build`, when the grid does
            not hold N_z latents or the neighbourhood does not fit it.

    Example, a map of 6×6 latents for images:
        >>> import tfvae
        >>> prior = tfvae.priors.TopographicPrior(tfvae.distributions.Torus((3, 3)), grid=(6, 6))
        >>> vae = tfvae.VAE(latent_dim=36, prior=prior)
        >>> vae.build((None, 8, 8, 1))
        >>> vae.generate(2, seed=0).shape
        (2, 8, 8, 1)
    """

    noise_per_latent = 2

    def __init__(
        self,
        neighborhood: str | Neighborhood = "shifting",
        grid: tuple[int, ...] | None = None,
        initial_mean: float = 30.0,
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

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates μ, and checks that the neighbourhood fits the grid."""
        self.layout = (*self.sequence_shape, *self._grid())
        self.neighborhood.sizes(self.layout)  # Says what is wrong where it does not fit.
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
                    f"`grid` must hold latent_dim = {self.latent_dim} latents, received {self.grid}"
                    f", which holds {math.prod(self.grid)}. Change one of the two."
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

    def latents_from_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """t from (z, u), the two halves of the last axis."""
        z, u = tf.split(noise, 2, axis=-1)
        return self._product(z, tf.square(u))

    def embedding(
        self, posterior: tfd.Distribution, *, given: tf.Tensor | None = None
    ) -> tf.Tensor:
        """t̂ = (E z + μ) / sqrt(W E[u²] + ε): t with numerator and squares at their means.

        In place of a square of a step that is not given stands the mean of the given ones in the
        same denominator; where none is given, 1, its mean under the prior.
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

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """p(t), with the grid as its event shape, (T, *grid) for sequences."""
        self.check_built()
        return TopographicStudentT(
            self.neighborhood, self.layout, self.mean.value, epsilon=self.epsilon
        )

    def log_prob(self, z: tf.Tensor, *, seed: Any = None, training: bool = False) -> tf.Tensor:
        """log p(t) in nats, an estimate that serves for a few latents only, (..., N_z) -> (...)."""
        return self.distribution().log_prob(self._laid_out(tf.convert_to_tensor(z)), seed=seed)

    def sample(self, num_samples: int, *, seed: Any = None) -> tf.Tensor:
        """Draws t, (num_samples, N_z), or (num_samples, T, N_z) for sequences."""
        t = self.distribution().sample(num_samples, seed=seed)
        return tf.reshape(t, [num_samples, *self.sequence_shape, self.latent_dim])

    def rate(
        self,
        posterior: tfd.Distribution,
        noise: tf.Tensor,
        *,
        seed: Any = None,
        analytic: bool = True,
        training: bool = False,
    ) -> tf.Tensor:
        """KL(q(z, u|x) ‖ N(0, I)), or log q(z, u|x) − log N(z, u; 0, I); see `Prior.rate`."""
        size = self.noise_per_latent * self.latent_dim
        standard = diagonal_gaussian(tf.zeros([size]), tf.ones([size]))
        if analytic:
            return posterior.kl_divergence(standard)[tf.newaxis]
        return posterior.log_prob(noise) - standard.log_prob(noise)


def capsule_grid(latent_dim: int, sequence_shape: tuple[int, ...]) -> tuple[int, ...]:
    """(number of capsules, capsule size) of the latents of a step: capsules of the size T.

    Raises:
        ValueError: when `latent_dim` is no multiple of T.
    """
    if not sequence_shape:
        return (latent_dim,)
    (num_steps,) = sequence_shape
    if latent_dim % num_steps:
        below = latent_dim // num_steps * num_steps
        raise ValueError(
            f"`latent_dim` must be a multiple of the {num_steps} steps of a sequence, received "
            f"{latent_dim}: capsules of {num_steps} latents need {below or num_steps} or "
            f"{below + num_steps}. Or give the prior another `grid`, (number of capsules, capsule "
            "size)."
        )
    return (latent_dim // num_steps, num_steps)
