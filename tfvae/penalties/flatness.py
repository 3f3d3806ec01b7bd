"""The flatness regulariser: it makes the decoder's metric a multiple of the identity."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _replicas
from tfvae._coefficients import Coefficient
from tfvae.geometry import metric
from tfvae.penalties.base import Inference, Penalty

ESTIMATORS = ("exact", "finite_difference", "stochastic")
NORMALIZATIONS = ("absolute", "relative")
# η where it is not given: beside a constraint, which keeps the error from growing, and as a share
# of what the model explains, where nothing else does.
CONSTRAINED_WEIGHT, SHARE = 50.0, 0.3


def mixed_up(z: tf.Tensor, alpha: float, *, seed: Any) -> tf.Tensor:
    """g(z_i, z_j) = (1 − a) z_i + a z_j, a ~ U(−α₀, 1 + α₀), j a random partner [C20; Z18].

    Args:
        z: latent points, (n, N_z).
        alpha: α₀ ≥ 0, how far beyond the two points.
        seed: stateless.

    Returns:
        (n, N_z).
    """
    order_seed, share_seed = tfp.random.split_seed(seed, n=2, salt="mixup")
    order = tf.argsort(tf.random.stateless_uniform([tf.shape(z)[0]], order_seed))
    shape = [tf.shape(z)[0], 1]
    share = tf.random.stateless_uniform(shape, share_seed, -alpha, 1.0 + alpha, z.dtype)
    return (1.0 - share) * z + share * tf.gather(z, order)


def deviation(tensors: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """‖G − c²·1‖²_F, (n, N_z, N_z) and c², a scalar -> (n,) [C20]."""
    target = scale * tf.eye(tensors.shape[-1], dtype=tensors.dtype)
    return tf.reduce_sum(tf.square(tensors - target), axis=[-2, -1])


def stochastic_deviation(products: tf.Tensor, v: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """‖(G − c²·1)v‖²: with E[vvᵀ] = 1 its expectation is ‖G − c²·1‖²_F.

    Args:
        products: G·v, (n, N_z).
        v: random directions, (n, N_z).
        scale: c², a scalar or (n, 1).

    Returns:
        (n,).
    """
    return tf.reduce_sum(tf.square(products - scale * v), axis=-1)


def rademacher(shape: Any, dtype: tf.DType, *, seed: Any) -> tf.Tensor:
    """±1 with equal probability: E[vvᵀ] = 1."""
    bits = tf.random.stateless_uniform(shape, seed, 0, 2, tf.int32)
    return tf.cast(2 * bits - 1, dtype)


@keras.saving.register_keras_serializable(package="tfvae")
class Flatness(Penalty):
    """η·E ‖G(g(z_i, z_j)) − c²·1‖²_F, c² = (1/N_z) E tr G(g(z_i, z_j)) [C20].

    It makes Euclidean distance in the latent space a measure of similarity. G is the metric that
    the decoder's mean pulls back from the space of the data. Where G = c²·1, steps of the same
    length change the data by the same amount, at every place and in every direction. g mixes pairs
    of latent points of the batch, and extrapolates by α₀ into regions without data.

    c² is estimated from all points of the batch, including examples of weight 0. **Choice**: the
    gradient passes through it where the penalty is relative: it does not depend on the decoder's
    scale, and must not pull at it. With c² held it would, by 4 E[tr (G/c²)² − N_z] for each unit of
    the logarithm of that scale, and data with much noise would not be learned at all. Where the
    penalty is absolute, c² is held, as published.

    Args:
        weight: η, a number ≥ 0 or a Keras schedule. None: 50, unless the objective is `Constrained`
            without a given κ. There, nothing keeps the error from growing but the ELBO, and η
            follows what the model explains: 0.3·(D_0 − D)/N_z, D_0 the distortion of the mean of
            the data. A mean squared deviation of 1 of the eigenvalues of G/c² then weighs as much
            as three tenths of all that the latents tell, whatever data, likelihood and N_z.
        mixup: α₀ ≥ 0.
        estimator: "stochastic" (E_v ‖(G − c²·1)v‖², v random signs: one forward and one reverse
            product whatever N_z; unbiased for a fixed c², which is estimated from the other points
            of the batch: give it batches, not single examples), "exact" (N_z forward products) or
            "finite_difference" (as published, [C20]).
        normalization: "relative", ‖G/c² − 1‖²_F, which does not change when z or x is rescaled:
            one η serves any data. Or "absolute", as published, whose force falls with c⁴ as the
            latent space grows.
        train_encoder: whether the gradient goes to the encoder, through z, as well.
        epsilon: ε of the finite differences, in units of z. Networks in half precision are
            refused, since the differences drown in their rounding.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.penalties import Flatness
        >>> flatness = Flatness(estimator="exact", normalization="absolute")
        >>> stretch = lambda z: z * [1.0, 3.0]  # G = diag(1, 9), c² = 5
        >>> flatness.deviations(stretch, tf.zeros([1, 2]), seed=(0, 0)).numpy()
        array([32.], dtype=float32)
    """

    weight = Coefficient(optional=True)

    def __init__(
        self,
        weight: Any = None,
        mixup: float = 0.4,
        estimator: str = "stochastic",
        normalization: str = "relative",
        train_encoder: bool = False,
        epsilon: float = 1e-3,
        **kwargs,
    ):
        super().__init__(weight, **kwargs)
        self.mixup = _checks.number_in("mixup", mixup, 0.0, float("inf"), high_open=True)
        self.estimator = _checks.one_of("estimator", estimator, ESTIMATORS)
        self.normalization = _checks.one_of("normalization", normalization, NORMALIZATIONS)
        self.train_encoder = bool(train_encoder)
        self.epsilon = _checks.number_in(
            "epsilon", epsilon, 0.0, float("inf"), low_open=True, high_open=True
        )

    def weight_beside(self, objective: Any) -> Any:
        """η; see the argument `weight`."""
        if self.weight is not None:
            return self.weight
        explained = objective.explained()
        return CONSTRAINED_WEIGHT if explained is None else SHARE * explained / self.latent_dim

    def value(self, inference: Inference, *, seed: tf.Tensor, training: bool) -> tf.Tensor:
        """The deviation at mixtures of the first posterior samples; (B,), a mean over steps."""
        z = tf.reshape(inference.z[0], [-1, self.latent_dim])
        deviations = self.deviations(inference.decode_mean, z, seed=seed)
        return tf.reduce_mean(tf.reshape(deviations, [tf.shape(inference.z)[1], -1]), axis=1)

    def deviations(
        self, mean: Callable[[tf.Tensor], tf.Tensor], z: tf.Tensor, *, seed: tf.Tensor
    ) -> tf.Tensor:
        """The deviation of each mixed point, without η.

        Args:
            mean: function z (n, N_z) -> x (n, *data), the decoder's mean.
            z: latent points of a batch, (n, N_z).
            seed: stateless, of mixup and directions.

        Returns:
            (n,); in the fourth power of the data's unit over z's when absolute, a number when
            relative.
        """
        mixup_seed, direction_seed = tfp.random.split_seed(seed, n=2, salt="flatness")
        z = z if self.train_encoder else tf.stop_gradient(z)
        points = mixed_up(z, self.mixup, seed=mixup_seed)
        latent_dim = tf.cast(z.shape[-1], z.dtype)
        if self.estimator == "stochastic":
            v = rademacher(tf.shape(points), points.dtype, seed=direction_seed)
            pushed, products = metric.metric_product(mean, points, v)
            scale = self._scale_of_others(tf.reduce_sum(tf.square(pushed), axis=-1) / latent_dim)
            if self.normalization == "relative":
                products, scale = products / scale, 1.0
            return stochastic_deviation(products, v, scale)
        tensors = metric.gram(self._columns(mean, points))
        scale = self._scale(tf.linalg.trace(tensors) / latent_dim)
        if self.normalization == "relative":
            tensors, scale = tensors / scale, 1.0
        return deviation(tensors, scale)

    def _columns(self, mean, points):
        if self.estimator == "exact":
            return metric.jacobian(mean, points)
        if keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16"):
            raise ValueError(
                '`estimator` must be "stochastic" or "exact" in half precision, received '
                '"finite_difference", whose differences drown in the rounding.'
            )
        return metric.difference_jacobian(mean, points, self.epsilon)

    def _held(self, traces):
        """tr G/N_z, without a gradient where c² is the goal of the published penalty."""
        return traces if self.normalization == "relative" else tf.stop_gradient(traces)

    def _scale(self, traces):
        """c² over the global batch, a scalar."""
        scale = _replicas.mean_of(self._held(traces))
        return tf.maximum(scale, tf.constant(1e-20, scale.dtype))

    def _scale_of_others(self, traces):
        """c² for each point from all others of the global batch, (n,) -> (n, 1).

        An estimate from the same direction as G·v is not independent of it: in two dimensions every
        vector of signs would seem an eigenvector to a batch of one.
        """
        traces = self._held(traces)
        total = _replicas.total(tf.reduce_sum(traces))
        count = _replicas.total(tf.cast(tf.shape(traces)[0], traces.dtype))
        others = (total - traces) / tf.maximum(count - 1.0, 1.0)
        scale = tf.where(count > 1.0, others, traces)
        return tf.maximum(scale, tf.constant(1e-20, scale.dtype))[:, tf.newaxis]
