"""All probability at one point."""

import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

tfd = tfp.distributions


class Point(tfd.Distribution):
    """The distribution of a vector that is known: P(z = loc) = 1.

    Mean, mode and samples are loc; variance and entropy are 0. `log_prob`, in nats, is that of a
    probability, not of a density: 0 at loc, −∞ elsewhere. Unlike `tfd.VectorDeterministic` it has
    no tolerance, and its graph runs as ONNX.

    Args:
        loc: (..., N): batch shape (...), event shape (N,).

    Example:
        >>> from tfvae.distributions import Point
        >>> p = Point([[1.0, 2.0]])
        >>> p.sample(3, seed=0).shape, p.stddev().numpy(), p.log_prob([[1.0, 2.0]]).numpy()
        (TensorShape([3, 1, 2]), array([[0., 0.]], dtype=float32), array([0.], dtype=float32))
    """

    def __init__(
        self,
        loc: ArrayLike | tf.Tensor,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Point",
    ):
        parameters = dict(locals())
        self._loc = tf.convert_to_tensor(loc)
        super().__init__(
            dtype=self._loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=allow_nan_stats,
            parameters=parameters,
            name=name,
        )

    @property
    def loc(self) -> tf.Tensor:
        """The point, (..., N)."""
        return self._loc

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"loc": tfp.util.ParameterProperties(event_ndims=1)}

    def _event_shape_tensor(self, loc=None):
        return tf.shape(self._loc if loc is None else loc)[-1:]

    def _event_shape(self):
        return self._loc.shape[-1:]

    def _sample_n(self, n, seed=None):
        return tf.repeat(self._loc[tf.newaxis], n, axis=0)

    def _log_prob(self, value):
        at_loc = tf.reduce_all(tf.equal(value, self._loc), axis=-1)
        return tf.where(at_loc, tf.zeros([], self.dtype), -float("inf"))

    def _mean(self):
        return self._loc

    def _mode(self):
        return self._loc

    def _variance(self):
        return tf.zeros_like(self._loc)

    def _stddev(self):
        return tf.zeros_like(self._loc)

    def _entropy(self):
        return tf.zeros_like(self._loc[..., 0])
