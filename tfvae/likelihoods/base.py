"""What every likelihood p(x|z) offers: a distribution, distortion and error, and bounds on it."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def flat(x: tf.Tensor, data_rank: int) -> tf.Tensor:
    """The features of each example on one axis: (..., *data) -> (..., N_x)."""
    x = tf.convert_to_tensor(x)
    shape = tf.concat([tf.shape(x)[: x.shape.rank - data_rank], [-1]], axis=0)
    return tf.reshape(x, shape)


def sum_over_features(values: tf.Tensor, data_rank: int) -> tf.Tensor:
    """Sums over the last `data_rank` axes: (..., *data) -> (...)."""
    return tf.reduce_sum(values, axis=list(range(-data_rank, 0)))


class Likelihood(keras.layers.Layer):
    """Base class: turns the decoder's output into p(x|z) and into the terms of methods.

    The decoder's output has the shape of the data. A subclass gives `distribution`, `mean` and
    `distortion_and_error`, and says by `support` which data it can explain.
    """

    support: tuple[float, float] | None = None
    """Closed interval of the values that p(x|z) allows; None when every finite number is."""
    kappa_unit = ""
    """What a value of κ is, in words."""

    @property
    def allowed(self) -> str:
        """`support` in words."""
        return "in [{:g}, {:g}]".format(*self.support) if self.support else "a finite number"

    def build(self, input_shape):
        """Creates the weights, if any, for data of shape `input_shape`, batch axis included."""
        self.data_shape = tuple(input_shape[1:])
        super().build(input_shape)

    def get_build_config(self):
        """Nothing: the model that owns the likelihood builds it."""
        return None

    @property
    def data_rank(self) -> int:
        """Number of axes of one example."""
        return len(self.data_shape)

    @property
    def num_features(self) -> int:
        """N_x, the number of features of one example."""
        size = 1
        for length in self.data_shape:
            size *= length
        return size

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """p(x|z) with batch shape (...) for decoder outputs (..., *data)."""
        raise NotImplementedError

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """E[x|z], (..., *data)."""
        raise NotImplementedError

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D = −log p(x|z) in nats and the error C that a constraint bounds, one number an example.

        Args:
            x: data, (B, *data).
            outputs: decoder outputs, (..., B, *data).

        Returns:
            D and C, each (..., B), summed over features.
        """
        raise NotImplementedError

    def residual(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor | None:
        """What `update` wants averaged over the batch, (..., B, *any); None: it wants nothing."""
        return None

    def update(self, residual: tf.Tensor):
        """Called after each gradient step with the mean of `residual` over the global batch."""

    def elbo_multiplier(self, bound: tf.Tensor) -> tf.Tensor:
        """λ at which R + λ·C weighs error and rate as the ELBO does when C = κ² = `bound`."""
        raise NotImplementedError

    def in_support(self, x: tf.Tensor) -> tf.Tensor:
        """Scalar bool: whether no number in `x` lies outside `support`; NaN is not looked for."""
        if self.support is None:
            return tf.constant(True)
        low, high = self.support
        return (tf.reduce_min(x) >= low) & (tf.reduce_max(x) <= high)

    def bound(self, kappa):
        """κ², the bound on C, for `kappa` per feature in the unit that `kappa_of` returns."""
        raise NotImplementedError

    def kappa_of(self, error):
        """The value per feature that an error C corresponds to: the inverse of `bound`."""
        raise NotImplementedError

    def error_range(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """C of a perfect reconstruction, and C when each example is taken for the batch's mean.

        Args:
            x: data, (B, *data).

        Returns:
            Two scalars, means over the batch.
        """
        mean = tf.reduce_mean(x, axis=0, keepdims=True)
        return self._error_of_mean(x, x), self._error_of_mean(x, mean)

    def _error_of_mean(self, x, mean):
        """Mean over the batch of C when E[x|z] is `mean`."""
        raise NotImplementedError
