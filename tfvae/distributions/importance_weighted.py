"""The marginal of a latent variable model as a distribution, by importance weighting."""

from collections.abc import Callable

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks

tfd = tfp.distributions


def log_mean_exp(log_weights: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """log (1/K) Σ_k exp(log w_k) over `axis`, which holds K weights [BGS16].

    Without the term −log K every bound would be log K nats too high.
    """
    count = tf.cast(tf.shape(log_weights)[axis], log_weights.dtype)
    return tf.reduce_logsumexp(log_weights, axis=axis) - tf.math.log(count)


class ImportanceWeightedMarginal(tfd.Distribution):
    """p(z) = ∫ p(z|ζ) p(ζ) dζ, with a K-sample lower bound as its `log_prob` [K19].

        log p(z) ≥ F(z) = E_{ζ_1..K ~ q(ζ|z)} log (1/K) Σ_k p(z|ζ_k) p(ζ_k) / q(ζ_k|z)

    `log_prob(z, seed=…)` is a one-draw estimate of F. Its mean never exceeds log p(z) and rises to
    it with K. It equals log p(z) for every K when `proposal` is the exact posterior p(ζ|z).
    exp(log_prob) is an unbiased estimate of p(z). `sample` is exact: ζ ~ p(ζ), z ~ p(z|ζ).

    Args:
        prior: distribution p(ζ), batch shape (), event shape (N_ζ,).
        conditional: function ζ (..., N_ζ) -> distribution p(z|ζ), batch (...), event shape (N_z,).
        proposal: function z (..., N_z) -> distribution q(ζ|z), batch (...), event shape (N_ζ,).
        num_importance_samples: K.
        event_size: N_z.

    Raises:
        ValueError: when `num_importance_samples` or `event_size` is not a whole number ≥ 1.

    Example, a linear-Gaussian model with the exact marginal N(0, 1 + 1):

        >>> import tensorflow as tf, tensorflow_probability as tfp
        >>> from tfvae.distributions import ImportanceWeightedMarginal
        >>> normal = lambda loc, scale: tfp.distributions.MultivariateNormalDiag(loc, [scale])
        >>> p = ImportanceWeightedMarginal(
        ...     prior=normal([0.0], 1.0),
        ...     conditional=lambda zeta: normal(zeta, 1.0),
        ...     proposal=lambda z: normal(z / 2, 0.5**0.5),
        ...     num_importance_samples=1,
        ...     event_size=1,
        ... )
        >>> exact = tfp.distributions.Normal(0.0, 2.0**0.5).log_prob(0.3)
        >>> bool(abs(p.log_prob([0.3], seed=(0, 0)) - exact) < 1e-5)
        True
    """

    def __init__(
        self,
        prior: tfd.Distribution,
        conditional: Callable[[tf.Tensor], tfd.Distribution],
        proposal: Callable[[tf.Tensor], tfd.Distribution],
        num_importance_samples: int = 16,
        event_size: int = 1,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "ImportanceWeightedMarginal",
    ) -> None:
        parameters = dict(locals())
        self._prior = prior
        self._conditional = conditional
        self._proposal = proposal
        self._num_importance_samples = _checks.positive_int(
            "num_importance_samples", num_importance_samples
        )
        self._event_size = _checks.positive_int("event_size", event_size)
        super().__init__(
            dtype=prior.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {}

    @property
    def num_importance_samples(self) -> int:
        """K, the number of importance samples of one `log_prob`."""
        return self._num_importance_samples

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape([self._event_size])

    def _event_shape_tensor(self):
        return tf.constant([self._event_size], tf.int32)

    def _log_prob(self, z, *, seed=None):
        proposal = self._proposal(z)
        # (K, ..., N_ζ) and (K, ...); log q of a sample is known from its noise.
        zeta, log_q = proposal.experimental_sample_and_log_prob(
            self._num_importance_samples, seed=seed
        )
        log_p = self._conditional(zeta).log_prob(z) + self._prior.log_prob(zeta)
        return log_mean_exp(log_p - log_q)

    def _sample_n(self, n, seed=None):
        prior_seed, conditional_seed = tfp.random.split_seed(seed, n=2, salt="hierarchical")
        zeta = self._prior.sample(n, seed=prior_seed)
        return self._conditional(zeta).sample(seed=conditional_seed)
