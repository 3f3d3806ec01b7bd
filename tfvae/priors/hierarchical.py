"""The hierarchical, importance-weighted prior of the VHP-VAE."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _replicas
from tfvae.distributions import ImportanceWeightedMarginal, diagonal_gaussian
from tfvae.networks import GaussianHead, mlp
from tfvae.priors.base import Prior

tfd = tfp.distributions

# Share of the moments of z that a batch renews, once there have been many.
RENEWAL = 0.01


@keras.saving.register_keras_serializable(package="tfvae")
class HierarchicalPrior(Prior):
    """p(z) = ∫ p_Θ(z|ζ) p(ζ) dζ, p(ζ) = N(0, I), learned by an importance-weighted bound [K19].

        log p(z) ≥ F(Θ, Φ; z) = E_{ζ_1..K ~ q_Φ(ζ|z)} log (1/K) Σ_k p_Θ(z, ζ_k)/q_Φ(ζ_k|z)

    p_Θ(z|ζ) and q_Φ(ζ|z) are diagonal Gaussians whose parameters are networks. The optimum of
    E_{p_D(x) q(z|x)}[F] is the aggregated posterior: the prior is learned as empirical Bayes, with
    `steps` steps for each step of the networks, as min over Θ, Φ comes outermost in [K19].

    **Choice**: the networks see and give z in units of the aggregated posterior, z' = (z − m)/s,
    with m and s its running mean and standard deviation: log p(z) = log p'(z') − Σ log s. So the
    prior need not learn where z lies and how wide it is, however the encoder moves it.

    Args:
        num_importance_samples: K.
        hidden: units of the hidden layers of both networks, unless `decoder`/`encoder` are given.
        hyper_dim: N_ζ, the dimension of ζ; None: the dimension of z.
        decoder: network ζ -> features of p_Θ(z|ζ). None: dense layers, tanh.
        encoder: network z -> features of q_Φ(ζ|z). None: dense layers, tanh.
        steps: number of steps on the prior for each step of the networks; see `Prior`.
        **kwargs: `optimizer` of these steps; see `Prior`.

    Raises:
        ValueError: when a number is not a whole number, or too small.

    Example:
        >>> from tfvae.priors import HierarchicalPrior
        >>> prior = HierarchicalPrior(num_importance_samples=8)
        >>> prior.build(latent_dim=2)
        >>> prior.log_prob(prior.sample(5, seed=(0, 0)), seed=(0, 1)).shape
        TensorShape([5])
    """

    def __init__(
        self,
        num_importance_samples: int = 16,
        hidden: Sequence[int] = (128, 128),
        hyper_dim: int | None = None,
        decoder: keras.Model | None = None,
        encoder: keras.Model | None = None,
        steps: int = 2,
        **kwargs,
    ):
        super().__init__(steps=steps, **kwargs)
        self.num_importance_samples = _checks.positive_int(
            "num_importance_samples", num_importance_samples
        )
        self.hidden = _checks.positive_ints("hidden", hidden)
        self.hyper_dim = None if hyper_dim is None else _checks.positive_int("hyper_dim", hyper_dim)
        self.decoder = _checks.layer("decoder", decoder) or mlp(self.hidden, activation="tanh")
        self.encoder = _checks.layer("encoder", encoder) or mlp(self.hidden, activation="tanh")

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates the networks of p_Θ(z|ζ) and q_Φ(ζ|z), and the moments of z."""
        hyper_dim = self.hyper_dim or self.latent_dim
        self._decoder_head = GaussianHead(self.latent_dim, name="decoder_head")
        self._encoder_head = GaussianHead(hyper_dim, name="encoder_head")
        self._decoder_head(self.decoder(keras.KerasTensor((None, hyper_dim))))
        self._encoder_head(self.encoder(keras.KerasTensor((None, self.latent_dim))))
        size = self.latent_dim
        self.location = _replicas.shared_vector(self, "location", [0.0] * size)
        self.scale = _replicas.shared_vector(self, "scale", [1.0] * size)
        self.batches = _replicas.shared_scalar(self, "batches", 0.0)

    def observe(self, posterior: tfd.Distribution, weights: tf.Tensor | None = None) -> None:
        """Lets m and s follow mean and standard deviation of z ~ q(z)."""
        loc = tf.reshape(posterior.mean(), [-1, self.latent_dim])
        squares = tf.reshape(posterior.variance(), [-1, self.latent_dim]) + loc**2
        shape = tf.shape(loc)[:1]
        if weights is None:
            weights = tf.ones(shape)
        else:  # those of sequences count for their steps
            weights = tf.repeat(weights, shape[0] // tf.maximum(tf.shape(weights)[0], 1))
        total, mean, square = _replicas.total(
            [
                tf.reduce_sum(weights),
                tf.linalg.matvec(loc, weights, transpose_a=True),
                tf.linalg.matvec(squares, weights, transpose_a=True),
            ]
        )
        mean, square = mean / total, square / total
        count = self.batches.value + 1.0
        share = tf.maximum(RENEWAL, 1.0 / count)
        location = self.location.value
        # The running mean square about the running mean.
        spread = tf.maximum(square - 2.0 * mean * location + location**2, 1e-12)
        variance = (1.0 - share) * self.scale.value**2 + share * spread
        variance = tf.where(self.batches.value == 0.0, square - mean**2, variance)
        new = (tf.sqrt(tf.maximum(variance, 1e-12)), location + share * (mean - location), count)
        for weight, value in zip((self.scale, self.location, self.batches), new, strict=True):
            weight.assign(tf.where(total > 0.0, value, weight.value))

    def _moments(self, network, head, inputs, training):
        """(μ, σ) that `network` gives for inputs (..., N); it sees them as (rows, N)."""
        loc, scale = head(network(tf.reshape(inputs, [-1, inputs.shape[-1]]), training=training))
        shape = tf.concat([tf.shape(inputs)[:-1], [head.size]], axis=0)
        return tf.reshape(loc, shape), tf.reshape(scale, shape)

    def conditional(self, zeta: tf.Tensor, *, training: bool = False) -> tfd.Distribution:
        """p_Θ(z|ζ), (..., N_ζ) -> batch shape (...)."""
        loc, scale = self._moments(self.decoder, self._decoder_head, zeta, training)
        unit = self.scale.value
        return diagonal_gaussian(self.location.value + unit * loc, unit * scale)

    def proposal(self, z: tf.Tensor, *, training: bool = False) -> tfd.Distribution:
        """q_Φ(ζ|z), (..., N_z) -> batch shape (...)."""
        standard = (z - self.location.value) / self.scale.value
        return diagonal_gaussian(
            *self._moments(self.encoder, self._encoder_head, standard, training)
        )

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """The marginal; its `log_prob(z, seed=…)` is one draw of the bound F."""
        self.check_built()
        hyper_dim = self._encoder_head.size
        return ImportanceWeightedMarginal(
            prior=diagonal_gaussian(tf.zeros([hyper_dim]), tf.ones([hyper_dim])),
            conditional=functools.partial(self.conditional, training=training),
            proposal=functools.partial(self.proposal, training=training),
            num_importance_samples=self.num_importance_samples,
            event_size=self.latent_dim,
        )

    def log_prob(self, z: tf.Tensor, *, seed: Any = None, training: bool = False) -> tf.Tensor:
        """One draw of F(Θ, Φ; z), in nats."""
        return self.distribution(training=training).log_prob(z, seed=seed)
