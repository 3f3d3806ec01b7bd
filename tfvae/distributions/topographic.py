"""The topographic product of Student-t distributions."""

import math

import numpy as np
import scipy.special
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.distributions import neighborhoods
from tfvae.distributions.importance_weighted import log_mean_exp

tfd = tfp.distributions

EPSILON = 1e-6


def topographic_product(z, squares, mean, neighborhood, shape, epsilon=EPSILON):
    """t = (z + μ) / sqrt(W u² + ε), element-wise [KW21, eq. 5].

    Args:
        z: numerators, (..., *shape).
        squares: u², or its expectation, (..., *shape).
        mean: μ, a scalar, or of a shape that broadcasts against z.
        neighborhood: W, a `Neighborhood`.
        shape: of the grid of latents.
        epsilon: ε.

    Returns:
        (..., *shape).
    """
    return (z + mean) * tf.math.rsqrt(neighborhood.sums(squares, shape) + epsilon)


class TopographicStudentT(tfd.Distribution):
    """t = (z + μ) / sqrt(W u² + ε) with z, u ~ N(0, I) independent [KW21, eq. 4 and 5].

    W is a 0/1 matrix: latents whose denominators share squares are dependent, and those that lie
    side by side in the grid are so the more. Each t_i with a neighbourhood of ν entries is
    sqrt(1/ν) times a Student-t with ν degrees of freedom, a non-central one when μ ≠ 0.

    `log_prob(t, seed=…)`, nats. Where neighbourhoods are the same or disjoint and μ is 0, a number
    that is known, it is exact: with d latents that share one neighbourhood of ν entries, these are

        log Γ((ν + d)/2) − log Γ(ν/2) − d/2·log π − (ν + d)/2·log(1 + Σ t²),

    a multivariate Student-t. Else no closed form exists, and it is an estimate: the logarithm of

        p(t) = E_u Π_i N(t_i √v_i; μ, 1) √v_i,   v = W u² + ε,

    by importance sampling; a lower bound in mean that rises with the number of samples, usable for
    few latents. `has_closed_form` tells which. Mean and variance neglect ε, and exist for ν > 1 and
    ν > 2.

    Args:
        neighborhood: a `Neighborhood`.
        shape: of the grid of latents, which is the event shape.
        mean: μ, any batch shape.
        epsilon: ε ≥ 0.
        num_importance_samples: of the estimate.
        dtype: of the latents; None: that of `mean`, float32 for a Python number.

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
        neighborhood,
        shape,
        mean=0.0,
        epsilon: float = EPSILON,
        num_importance_samples: int = 1000,
        dtype=None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "TopographicStudentT",
    ):
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
    def neighborhood(self):
        """W."""
        return self._neighborhood

    @property
    def degrees_of_freedom(self) -> np.ndarray:
        """ν of each latent, float64 (*shape)."""
        return self._degrees

    @property
    def has_closed_form(self) -> bool:
        """Whether `log_prob` is exact; else it is an estimate that wants a seed."""
        mean = tf.get_static_value(self._location)
        return mean is not None and not np.any(mean) and self._groups() is not None

    def _groups(self):
        """Index of the neighbourhood of each latent, (N,), and ν of each; None where they overlap.

        Neighbourhoods are numbered; two latents with one number have the same.
        """
        rows, index = np.unique(self._neighborhood.matrix(self._shape), axis=0, return_inverse=True)
        return None if np.any(rows.sum(axis=0) > 1.0) else (index.reshape(-1), rows.sum(axis=1))

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
        """`moment` where ν > 1; NaN, or an error if these are not allowed, elsewhere."""
        defined = self._degrees > 1.0
        if not np.all(defined) and not self.allow_nan_stats:
            raise ValueError(
                "Latents whose neighbourhood has one entry have no mean and no variance, and "
                "`allow_nan_stats` is False."
            )
        return tf.where(defined, moment, np.nan)

    def _log_prob(self, t, *, seed=None):
        rank = len(self._shape)
        size = math.prod(self._shape)
        t = tf.reshape(t, tf.concat([tf.shape(t)[: len(t.shape) - rank], [size]], axis=0))
        groups = self._groups() if self.has_closed_form else None
        if groups is not None:
            return shared_student_t_log_prob(t, *groups)
        weights = self._neighborhood.matrix(self._shape)
        mean = self._location[..., tf.newaxis]
        return importance_sampled_log_prob(
            t, mean, weights, self._epsilon, self._num_importance_samples, seed=seed
        )


def shared_student_t_log_prob(t, group, nu):
    """Σ over groups of log Γ((ν+d)/2) − log Γ(ν/2) − d/2·log π − (ν+d)/2·log(1 + Σ t²); nats.

    Each group of d latents shares a denominator of ν squares: a multivariate Student-t with ν
    degrees of freedom and the scale matrix 1/ν.

    Args:
        t: (..., N).
        group: index of the group of each latent, (N,).
        nu: ν of each group.

    Returns:
        (...).
    """
    members = np.eye(len(nu))[group]
    d = members.sum(axis=0)
    constant = scipy.special.gammaln((nu + d) / 2.0) - scipy.special.gammaln(nu / 2.0)
    constant -= d / 2.0 * math.log(math.pi)
    squares = tf.linalg.matmul(tf.square(t)[..., tf.newaxis, :], tf.constant(members, t.dtype))
    logs = tf.math.log1p(squares[..., 0, :])
    half = tf.constant((nu + d) / 2.0, t.dtype)
    return tf.reduce_sum(tf.constant(constant, t.dtype) - half * logs, axis=-1)


def importance_sampled_log_prob(t, mean, weights, epsilon, num_samples, *, seed):
    """An estimate of log E_{u ~ N(0, I)} Π_i N(t_i √v_i; μ, 1) √v_i, v = W u² + ε; nats.

    The proposal is a Gaussian with mean 0 whose variances are those that the most probable
    denominators ask for: for one latent with ν squares, ½ ‖(t√v − μ)‖² + ½ v − ν log √v is least at
    √v = (μt + sqrt(μ²t² + 4ν(1 + t²))) / 2(1 + t²). Never narrower than the factor
    exp(−½ u²(1 + Wᵀt²)) of the integrand, so that the weights are bounded but for μ.

    Args:
        t: (..., N).
        mean: μ, broadcasts against t.
        weights: W, (N, N), NumPy.
        epsilon: ε.
        num_samples: K.
        seed: stateless.

    Returns:
        (...).
    """
    w = tf.constant(weights, t.dtype)
    nu = tf.reduce_sum(w, axis=1)
    mean = tf.broadcast_to(mean, tf.broadcast_dynamic_shape(tf.shape(mean), tf.shape(t)))
    slope, curvature = mean * t, 1.0 + tf.square(t)
    root = (slope + tf.sqrt(tf.square(slope) + 4.0 * nu * curvature)) / (2.0 * curvature)
    # Each u_j gets the mean of what the denominators that it is part of ask of it.
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
