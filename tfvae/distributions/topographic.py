"""The topographic product of Student-t distributions."""

import math
from collections.abc import Sequence

import numpy as np
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.distributions import neighborhoods
from tfvae.distributions.importance_weighted import log_mean_exp
from tfvae.distributions.neighborhood import Neighborhood

tfd = tfp.distributions

EPSILON = 1e-6


def topographic_product(
    z: tf.Tensor,
    squares: tf.Tensor,
    mean: tf.Tensor | float,
    neighborhood: Neighborhood,
    shape: Sequence[int],
    epsilon: float = EPSILON,
) -> tf.Tensor:
    """t = (z + μ) / sqrt(W u² + ε), element-wise [KW21].

    Args:
        z: numerators, (..., *shape).
        squares: u², or its expectation, (..., *shape).
        mean: μ; it broadcasts against z.
        neighborhood: W, a `Neighborhood`.
        shape: of the grid of latents.
        epsilon: ε.

    Returns:
        (..., *shape).
    """
    return (z + mean) * tf.math.rsqrt(neighborhood.sums(squares, shape) + epsilon)


class TopographicStudentT(tfd.Distribution):
    """t = (z + μ) / sqrt(W u² + ε) with z, u ~ N(0, I) independent [KW21].

    W is a 0/1 matrix. Latents are dependent when their denominators share squares. Each t_i with a
    neighbourhood of ν entries is sqrt(1/ν) times a Student-t with ν degrees of freedom, which is
    non-central when μ ≠ 0.

    `log_prob(t, seed=…)`, nats, is exact when any two neighbourhoods are the same or disjoint and μ
    is known to be 0. Each group of d latents with the same neighbourhood of ν entries then adds

        log Γ((ν + d)/2) − log Γ(ν/2) − d/2·log π − (ν + d)/2·log(1 + Σ t²),

    a multivariate Student-t. Otherwise no closed form exists, and `log_prob` estimates log p(t),

        p(t) = E_u Π_i N(t_i √v_i; μ, 1) √v_i,   v = W u² + ε,

    by importance sampling. The estimate is a lower bound in mean, rises with the number of samples,
    and is usable for few latents. `has_closed_form` tells which case holds. Mean and variance
    neglect ε; they exist for ν > 1 and ν > 2.

    Args:
        neighborhood: a `Neighborhood`.
        shape: of the grid of latents; it is the event shape.
        mean: μ, any batch shape.
        epsilon: ε ≥ 0.
        num_importance_samples: of the estimate.
        dtype: of the latents. None: the dtype of `mean`, float32 for a Python number.

    Raises:
        ValueError: when the neighbourhood does not fit the grid, or a number is out of range.

    Example, a Cauchy distribution:
        >>> from tfvae.distributions import TopographicStudentT, Torus
        >>> p = TopographicStudentT(Torus(1), shape=(1,))
        >>> p.sample(5, seed=(0, 0)).shape, round(float(p.log_prob([0.0])), 4)  # −log π
        (TensorShape([5, 1]), -1.1447)
    """

    def __init__(
        self,
        neighborhood: str | Neighborhood,
        shape: Sequence[int],
        mean: ArrayLike | tf.Tensor = 0.0,
        epsilon: float = EPSILON,
        num_importance_samples: int = 1000,
        dtype: tf.DType | str | None = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "TopographicStudentT",
    ) -> None:
        parameters = dict(locals())
        self._neighborhood = neighborhoods.get(neighborhood)
        self._shape = _checks.positive_ints("shape", shape)
        self._epsilon = _checks.number_in("epsilon", epsilon, 0.0, math.inf, high_open=True)
        self._num_importance_samples = _checks.positive_int(
            "num_importance_samples", num_importance_samples
        )
        self._degrees = self._neighborhood.sizes(self._shape)
        self._location = tf.convert_to_tensor(mean, dtype or getattr(mean, "dtype", tf.float32))
        super().__init__(
            dtype=self._location.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"mean": tfp.util.ParameterProperties()}

    @property
    def neighborhood(self) -> Neighborhood:
        """W."""
        return self._neighborhood

    @property
    def degrees_of_freedom(self) -> np.ndarray:
        """ν of each latent, float64 (*shape)."""
        return self._degrees

    @property
    def has_closed_form(self) -> bool:
        """Whether `log_prob` is exact; otherwise it is an estimate that needs a seed."""
        mean = tf.get_static_value(self._location)
        if mean is None or np.any(mean):
            return False
        return self._neighborhood.groups(self._shape) is not None

    def _batch_shape(self):
        return self._location.shape

    def _batch_shape_tensor(self, mean=None):
        return tf.shape(self._location)

    def _event_shape(self):
        return tf.TensorShape(self._shape)

    def _event_shape_tensor(self):
        return tf.constant(self._shape, tf.int32)

    def _broadcast_mean(self):
        """μ with an axis of length 1 for each axis of the grid."""
        ones = tf.ones([len(self._shape)], tf.int32)
        return tf.reshape(self._location, tf.concat([tf.shape(self._location), ones], axis=0))

    def _sample_n(self, n, seed=None):
        seeds = tfp.random.split_seed(seed, n=2, salt="topographic_student_t")
        size = tf.concat([[n], tf.shape(self._location), self._shape], axis=0)
        z, u = (tf.random.stateless_normal(size, one, dtype=self.dtype) for one in seeds)
        u = tf.ensure_shape(u, [None, *self._location.shape, *self._shape])
        return topographic_product(
            z, tf.square(u), self._broadcast_mean(), self._neighborhood, self._shape, self._epsilon
        )

    def _mean(self):
        return self._where_defined(self._broadcast_mean() * self._inverse_root())

    def _variance(self):
        nu = tf.constant(self._degrees, self.dtype)
        mean = self._broadcast_mean()
        # E[1/v] = 1/(ν − 2) for v ~ χ²_ν.
        inverse = tf.where(nu > 2.0, 1.0 / tf.where(nu > 2.0, nu - 2.0, 1.0), np.inf)
        return self._where_defined(
            (1.0 + tf.square(mean)) * inverse - tf.square(mean * self._inverse_root())
        )

    def _inverse_root(self):
        """E[v^(−1/2)] = Γ((ν − 1)/2) / (√2·Γ(ν/2)) for v ~ χ²_ν, ν > 1; 0 elsewhere."""
        nu = np.maximum(self._degrees, 1.5)
        logs = scipy.special.gammaln((nu - 1.0) / 2.0) - scipy.special.gammaln(nu / 2.0)
        return tf.constant(
            np.where(self._degrees > 1.0, np.exp(logs) / math.sqrt(2.0), 0.0), self.dtype
        )

    def _where_defined(self, moment):
        """`moment` where ν > 1, NaN elsewhere; an error when NaN is not allowed."""
        defined = self._degrees > 1.0
        if not np.all(defined) and not self.allow_nan_stats:
            raise ValueError(
                "`allow_nan_stats` must be True for neighbourhoods of one entry, received False. "
                "Their latents have no mean and no variance."
            )
        return tf.where(defined, moment, np.nan)

    def _log_prob(self, t, *, seed=None):
        rank = len(self._shape)
        size = math.prod(self._shape)
        t = tf.reshape(t, tf.concat([tf.shape(t)[: len(t.shape) - rank], [size]], axis=0))
        groups = self._neighborhood.groups(self._shape) if self.has_closed_form else None
        if groups is not None:
            return shared_student_t_log_prob(t, *groups)
        weights = self._neighborhood.matrix(self._shape)
        mean = self._location[..., tf.newaxis]
        return importance_sampled_log_prob(
            t, mean, weights, self._epsilon, self._num_importance_samples, seed=seed
        )


def shared_student_t_log_prob(t: tf.Tensor, group: np.ndarray, nu: np.ndarray) -> tf.Tensor:
    """Σ over groups of log Γ((ν+d)/2) − log Γ(ν/2) − d/2·log π − (ν+d)/2·log(1 + Σ t²); nats.

    Each group of d latents shares a denominator of ν squares. It has a multivariate Student-t
    distribution with ν degrees of freedom and the scale matrix 1/ν.

    Args:
        t: (..., N).
        group: index of the group of each latent, (N,).
        nu: ν of each group.

    Returns:
        (...).
    """
    d = np.bincount(group, minlength=len(nu))
    constant = scipy.special.gammaln((nu + d) / 2.0) - scipy.special.gammaln(nu / 2.0)
    constant -= d / 2.0 * math.log(math.pi)
    # Latents come first, where `unsorted_segment_sum` adds.
    squares = tf.transpose(tf.reshape(tf.square(t), [-1, len(group)]))
    squares = tf.math.unsorted_segment_sum(squares, group, len(nu))
    squares = tf.reshape(tf.transpose(squares), tf.concat([tf.shape(t)[:-1], [len(nu)]], axis=0))
    logs = tf.math.log1p(squares)
    half = tf.constant((nu + d) / 2.0, t.dtype)
    return tf.reduce_sum(tf.constant(constant, t.dtype) - half * logs, axis=-1)


def importance_sampled_log_prob(
    t: tf.Tensor,
    mean: tf.Tensor,
    weights: np.ndarray,
    epsilon: float,
    num_samples: int,
    *,
    seed: tf.Tensor | Sequence[int] | int | None,
) -> tf.Tensor:
    """An estimate of log E_{u ~ N(0, I)} Π_i N(t_i √v_i; μ, 1) √v_i, v = W u² + ε; nats.

    The proposal is a Gaussian with mean 0. Its variances follow from the most probable
    denominators: for one latent with ν squares, ½ (t√v − μ)² + ½ v − ν log √v is least at
    √v = (μt + sqrt(μ²t² + 4ν(1 + t²))) / 2(1 + t²). The proposal is never narrower than the factor
    exp(−½ u²(1 + Wᵀt²)) of the integrand. The weights then have no growing exponential when μ = 0.

    Args:
        t: (..., N).
        mean: μ, broadcasts against t.
        weights: W, (N, N), NumPy.
        epsilon: ε.
        num_samples: K.
        seed: of the samples, stateless.

    Returns:
        (...).
    """
    w = tf.constant(weights, t.dtype)
    nu = tf.reduce_sum(w, axis=1)
    mean = tf.broadcast_to(mean, tf.broadcast_dynamic_shape(tf.shape(mean), tf.shape(t)))
    slope, curvature = mean * t, 1.0 + tf.square(t)
    root = (slope + tf.sqrt(tf.square(slope) + 4.0 * nu * curvature)) / (2.0 * curvature)
    # The variance of u_j is the mean over the denominators that contain it.
    owners = tf.maximum(tf.reduce_sum(w, axis=0), 1.0)
    asked = tf.linalg.matvec(w, tf.square(root) / nu, transpose_a=True) / owners
    asked = tf.where(tf.reduce_sum(w, axis=0) > 0.0, asked, 1.0)
    narrowest = 1.0 / (1.0 + tf.linalg.matvec(w, tf.square(t), transpose_a=True))
    scale = tf.sqrt(tf.maximum(asked, narrowest))
    size = tf.concat([[num_samples], tf.shape(scale)], axis=0)
    noise = tf.random.stateless_normal(size, tfp.random.sanitize_seed(seed), dtype=t.dtype)
    u = scale * noise
    v = tf.linalg.matvec(w, tf.square(u)) + epsilon
    root = tf.sqrt(v)
    # log N(u; 0, 1) − log N(u; 0, scale²): the constants cancel.
    log_weights = tf.reduce_sum(
        0.5 * tf.square(noise) - 0.5 * tf.square(u) + tf.math.log(scale), axis=-1
    )
    log_density = -0.5 * tf.square(t * root - mean) - 0.5 * math.log(2.0 * math.pi)
    log_density = tf.reduce_sum(log_density + 0.5 * tf.math.log(v), axis=-1)
    return log_mean_exp(log_weights + log_density)
