"""Categorical likelihood, for names that were given whole numbers."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae.likelihoods.base import Likelihood

tfd = tfp.distributions
# What the encoder is given in the place of a missing category: tf.one_hot makes zeros of it.
MISSING_CATEGORY = -1.0


@keras.saving.register_keras_serializable(package="tfvae")
class Categorical(Likelihood):
    """p(x|z) = Π_i softmax(l_i(z))[x_i]: each feature is one of S categories, 0 to S − 1.

    x holds whole numbers, (B, *data). The decoder gives logits l, (..., B, *data, S).
    D = C = −Σ_i log softmax(l_i)[x_i], in nats. `mean` is the most probable category of each
    feature, as codes have no mean; it has no gradient. The encoder of a model without one of your
    own is given one-hot vectors. A missing category comes to the encoder as −1, of which
    `tf.one_hot` makes zeros.

    κ is the mean cross-entropy per feature in nats: κ² of the papers is N_x · kappa.

    Args:
        num_categories: S ≥ 2, of every feature. `Mixed` has columns of different ones.
        missing: whether NaN is a missing value, see `Likelihood`.

    Raises:
        ValueError: when `num_categories` is not a whole number ≥ 2.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae.likelihoods import Categorical
        >>> likelihood = Categorical(4)
        >>> likelihood.build((3,))
        >>> x, logits = tf.constant([[0.0, 3.0, 2.0]]), tf.zeros([1, 3, 4])
        >>> distortion, error = likelihood.distortion_and_error(x, logits)
        >>> round(float(distortion[0]), 4)  # 3 log 4
        4.1589
    """

    outputs_are = "logits"
    whole = True

    def __init__(self, num_categories: int, **kwargs):
        super().__init__(**kwargs)
        self.num_categories = _checks.positive_int("num_categories", num_categories)
        if self.num_categories < 2:
            raise ValueError(
                f"`num_categories` must be at least 2, received {num_categories}. A feature of one "
                "category tells nothing: leave it out."
            )

    @property
    def support(self) -> tuple[float, float]:
        """(0, S − 1)."""
        return (0.0, self.num_categories - 1.0)

    def column_kinds(self, data_shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """S for each column of a table."""
        return (self.num_categories,) * data_shape[0] if len(data_shape) == 1 else None

    def decoder_output_shape(self, data_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(*data, S)."""
        return (*data_shape, self.num_categories)

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """Independent categorical distributions, event shape *data; samples are floats."""
        categorical = tfd.Categorical(logits=outputs, dtype=outputs.dtype)
        return tfd.Independent(categorical, self.data_rank)

    def probabilities(self, outputs: tf.Tensor) -> tf.Tensor:
        """softmax(l), (..., *data, S)."""
        return tf.nn.softmax(outputs)

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """The most probable category of each feature, as a float."""
        return tf.cast(tf.argmax(outputs, axis=-1), outputs.dtype)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log softmax(l_i)[x_i]."""
        # TFP would gather, one sample after another; out of range this gives 0.
        chosen = tf.one_hot(
            tf.cast(tf.round(x), tf.int32), self.num_categories, dtype=outputs.dtype
        )
        return tf.reduce_sum(chosen * tf.nn.log_softmax(outputs), axis=-1)

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The cross-entropy, twice."""
        return self.sums_of_features(x, outputs)

    def filled(self, x: tf.Tensor) -> tf.Tensor:
        """x with −1 for missing categories."""
        if not self.missing:
            return x
        return tf.where(tf.math.is_nan(x), tf.constant(MISSING_CATEGORY, x.dtype), x)

    def error_range(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """0, and the cross-entropy of the batch's frequencies: their entropy."""
        codes = tf.cast(tf.round(self.filled(x)), tf.int32)
        chosen = tf.one_hot(codes, self.num_categories, dtype=x.dtype)  # zeros where missing
        counts = tf.reduce_sum(chosen, axis=0)
        number = tf.reduce_sum(counts, axis=-1, keepdims=True)
        entropy = -tf.math.xlogy(counts, tf.math.divide_no_nan(counts, number))
        size = tf.cast(tf.shape(x)[0], x.dtype)
        return tf.zeros([], x.dtype), tf.reduce_sum(entropy) / size
