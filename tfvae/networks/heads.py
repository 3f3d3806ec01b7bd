"""Last layers that turn features into a diagonal Gaussian, a point or categorical variables."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.networks.outputs import given_moments

tfd = tfp.distributions

# Keeps log σ and 1/σ finite; far below all posterior scales of interest.
MINIMUM_SCALE = 1e-5


@keras.saving.register_keras_serializable(package="tfvae")
class GaussianHead(keras.layers.Layer):
    """Features -> (μ, σ) of N(μ, diag σ²), σ = softplus(·) + 1e-5, both (..., size), float32.

    An encoder may give [μ, log σ²] or {"z_mean": …, "z_log_var": …} in place of features
    (`outputs.given_moments`). The head then has no weights, and σ = exp(½ log σ²).

    Args:
        size: N_z, the dimension of the Gaussian.

    Example:
        >>> from tfvae.networks import GaussianHead
        >>> loc, scale = GaussianHead(2)(keras.ops.zeros((5, 8)))
        >>> loc.shape, scale.shape
        (TensorShape([5, 2]), TensorShape([5, 2]))
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = _checks.positive_int("size", size)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(2 * self.size, name="loc_and_raw_scale")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the dense layer that gives both parameters."""
        if _shapes(input_shape) == [input_shape]:
            self.flatten.build(input_shape)
            self.dense.build(self.flatten.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (μ, σ)."""
        moments = given_moments(features)
        if moments is not None:
            loc, log_variance = (tf.cast(one, tf.float32) for one in moments)
            return loc, tf.exp(0.5 * log_variance)
        outputs = tf.cast(self.dense(self.flatten(features)), tf.float32)
        loc, raw_scale = tf.split(outputs, 2, axis=-1)
        return loc, tf.math.softplus(raw_scale) + MINIMUM_SCALE

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> tuple[tuple[int | None, int], tuple[int | None, int]]:
        """The shapes of μ and σ."""
        shape = (_shapes(input_shape)[0][0], self.size)
        return shape, shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="tfvae")
class PointHead(keras.layers.Layer):
    """Features -> z (..., size), float32: a code without any spread.

    Args:
        size: N_z, the dimension of the code.

    Raises:
        ValueError: when an encoder gives several outputs, such as μ and log σ².

    Example:
        >>> from tfvae.networks import PointHead
        >>> PointHead(2)(keras.ops.zeros((5, 8))).shape
        TensorShape([5, 2])
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = _checks.positive_int("size", size)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(self.size, name="code")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the dense layer that gives the code."""
        if _shapes(input_shape) != [input_shape]:
            raise ValueError(
                "`encoder` must give features, one tensor, for a model whose code is a point, "
                f"received {len(input_shape)} outputs. Leave log σ² out:\n"
                "    encoder = keras.Model(inputs, features)"
            )
        self.flatten.build(input_shape)
        self.dense.build(self.flatten.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> tf.Tensor:
        """Returns z."""
        return tf.cast(self.dense(self.flatten(features)), tf.float32)

    def compute_output_spec(self, features: keras.KerasTensor) -> keras.KerasTensor:
        """The shape of z."""
        return keras.KerasTensor((features.shape[0], self.size), "float32")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(package="tfvae")
class CategoricalHead(keras.layers.Layer):
    """Features -> logits of V categorical variables, V tensors (B, S_v), float32.

    Args:
        sizes: (S_1, …, S_V).

    Example:
        >>> from tfvae.networks import CategoricalHead
        >>> [logits.shape for logits in CategoricalHead((2, 3))(keras.ops.zeros((5, 8)))]
        [TensorShape([5, 2]), TensorShape([5, 3])]
    """

    def __init__(self, sizes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = _checks.positive_ints("sizes", sizes)
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(sum(self.sizes), name="logits")

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the dense layer that gives all logits."""
        self.flatten.build(input_shape)
        self.dense.build(self.flatten.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> list[tf.Tensor]:
        """Returns the logits of each variable."""
        logits = tf.cast(self.dense(self.flatten(features)), tf.float32)
        return tf.split(logits, self.sizes, axis=-1)

    def posteriors(self, features: tf.Tensor) -> list[tfd.Distribution]:
        """The distribution of each variable: batch shape (B,), one-hot events (S_v,)."""
        return [tfd.OneHotCategorical(one, dtype=tf.float32) for one in self(features)]

    def most_likely(self, features: tf.Tensor) -> tf.Tensor:
        """The most likely category of each variable, int32 (B, V)."""
        best = [tf.argmax(one, axis=-1, output_type=tf.int32) for one in self(features)]
        return tf.stack(best, axis=-1)

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> list[tuple[int | None, int]]:
        """The shape of each variable's logits."""
        return [(input_shape[0], size) for size in self.sizes]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "sizes": self.sizes}


def _shapes(input_shape):
    """The shapes of several inputs, or of the one."""
    if isinstance(input_shape, dict):
        return list(input_shape.values())
    several = isinstance(input_shape[0], (list, tuple))
    return list(input_shape) if several else [input_shape]
