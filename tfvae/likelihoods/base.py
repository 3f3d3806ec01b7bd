"""What every likelihood p(x|z) offers: a distribution, distortion and error, and bounds on it."""

import abc
import math
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks
from tfvae._component import Component
from tfvae.likelihoods.missing import Observed, observed_mean

tfd = tfp.distributions

# How far outside of a likelihood's support a number may lie: resizing makes 1.0000001 of 1.
ROUNDING = 1e-5
# Counts that stand for a likelihood of counts where any will do.
USUAL_COUNT = 10.0


def within(x: Any, support: tuple[float, float]) -> Any:
    """Whether each number of `x` lies in a support, or `ROUNDING` outside of it; NaN does not."""
    low, high = support
    return (x >= low - ROUNDING) & (x <= high + ROUNDING)


def flattened(x: tf.Tensor, data_rank: int) -> tf.Tensor:
    """The features of each example on one axis: (..., *data) -> (..., N_x)."""
    x = tf.convert_to_tensor(x)
    shape = tf.concat([tf.shape(x)[: x.shape.rank - data_rank], [-1]], axis=0)
    return tf.reshape(x, shape)


def sum_over_features(values: tf.Tensor, data_rank: int) -> tf.Tensor:
    """Sums over the last `data_rank` axes: (..., *data) -> (...)."""
    return tf.reduce_sum(values, axis=list(range(-data_rank, 0)))


class Likelihood(Component, abc.ABC):
    """Base class: turns the decoder's outputs into p(x|z) and into the terms of the loss.

    A subclass gives `distribution`. The other methods have defaults: D = C = −log p(x|z), κ in nats
    per feature. A likelihood with several parameters for each feature says how many outputs it
    needs in `decoder_output_shape`; one with a limited support says so in `support`, and one of
    whole numbers in `whole`.

    Args:
        missing: True: NaN is a missing value. D and C are sums over the values that are there, and
            means, scales and κ are of those alone. The encoder is given the mean of the feature in
            its place, over all values seen in training. N_x counts the values that an example has
            on average. False: NaN is refused.

    Example, a Laplace distribution with a fixed scale:
        >>> import keras, tensorflow_probability as tfp, tfvae
        >>> class Laplace(tfvae.likelihoods.Likelihood):
        ...     def distribution(self, outputs):
        ...         laplace = tfp.distributions.Laplace(outputs, 0.5)
        ...         return tfp.distributions.Independent(laplace, self.data_rank)
        >>> vae = tfvae.VAE(latent_dim=2, likelihood=Laplace(missing=True))
    """

    role = "likelihood"
    support: tuple[float, float] | None = None
    """Closed interval of the values that p(x|z) allows; None: every finite number."""
    whole: bool = False
    """Whether p(x|z) allows whole numbers alone."""
    kappa_unit: str = "nats per feature"
    """The unit of κ, in words."""
    outputs_are: str = ""
    """What the decoder gives: "logits", all numbers; "means", like the data; "": something else."""
    power: int | None = None
    """p where C is Σ_i |x_i − μ_i|^p, in the unit of the data; None: C is in nats."""
    data_shape: tuple[int, ...]
    """Shape of one example, known once it is built."""
    data_rank: int
    """Number of axes of one example."""
    num_features: int
    """N_x, the number of features of one example."""

    def __init__(self, missing: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.missing = _checks.true_or_false("missing", missing)

    @property
    def allowed(self) -> str:
        """What values may be, in words."""
        low, high = self.support or (-math.inf, math.inf)
        kind = "a whole number" if self.whole else "a finite number"
        if (low, high) == (-math.inf, math.inf):
            words = kind
        elif math.isinf(high):
            words = f"{kind} ≥ {low:g}"
        else:
            words = f"{kind} from {low:g} to {high:g}" if self.whole else f"in [{low:g}, {high:g}]"
        return f"{words}, or NaN where it is missing" if self.missing else words

    def build(self, data_shape: tuple[int, ...]) -> None:
        """Creates the weights, if any, for examples of shape `data_shape`.

        Raises:
            ValueError: when the likelihood was built before.
        """
        self.start_build()
        self.data_shape = tuple(data_shape)
        self.data_rank = len(self.data_shape)
        self.num_features = math.prod(self.data_shape)
        self._observed = Observed(self, self.data_shape) if self.missing else None
        self.create_weights()

    def create_weights(self) -> None:
        """Creates what the subclass owns; nothing by default."""

    def decoder_output_shape(self, data_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the decoder's outputs for examples of shape `data_shape`; the same by default.

        For a model of sequences both are those of one step.
        """
        return data_shape

    def column_kinds(self, data_shape: tuple[int, ...]) -> tuple[str | int, ...] | None:
        """What the columns of a table are: "number", "count", or the number of categories.

        The encoder that a model makes for itself prepares them accordingly (`networks.Columns`).
        None, by default: plain numbers.
        """
        return None

    @abc.abstractmethod
    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """p(x|z) with batch shape (...) and event shape (*data) for decoder outputs (..., *out)."""

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """E[x|z], (..., *out) -> (..., *data)."""
        return self.distribution(outputs).mean()

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log p(x_i|z) of each feature, (B, *data) and (..., B, *out) -> (..., B, *data), nats.

        Missing values are left out of sums of it. By default `distribution` gives it.

        Raises:
            ValueError: when p(x|z) is no product over the features.
        """
        joint = self.distribution(outputs)
        if not isinstance(joint, tfd.Independent) or joint.distribution.event_shape.rank != 0:
            raise ValueError(
                f"`missing` must be False for a {type(self).__name__}, received True: values can "
                "be left out of a product over the features alone. Let `distribution` return a "
                "tfd.Independent of single numbers, or define `log_prob_of_features`."
            )
        return joint.distribution.log_prob(x)

    def error_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor | None:
        """C of each feature, as `log_prob_of_features`; None: it is −log p(x_i|z)."""
        return None

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D = −log p(x|z) in nats and the error C that a constraint bounds, one number an example.

        Args:
            x: data, (B, *data).
            outputs: decoder outputs, (..., B, *out).

        Returns:
            D and C, each (..., B), summed over features; C is D unless a subclass says otherwise.
        """
        if self.missing:
            return self.sums_of_features(x, outputs)
        distortion = -self.distribution(outputs).log_prob(x)
        return distortion, distortion

    def sums_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D and C as sums of `log_prob_of_features` and `error_of_features` over what is there."""
        x, outputs = tf.convert_to_tensor(x), tf.convert_to_tensor(outputs)
        filled = self.filled(x)  # where() alone would let NaN into the gradient.
        distortion = -self.sum_of_observed(self.log_prob_of_features(filled, outputs), x)
        error = self.error_of_features(filled, outputs)
        return distortion, distortion if error is None else self.sum_of_observed(error, x)

    def filled(self, x: tf.Tensor) -> tf.Tensor:
        """x with missing values replaced by the feature's mean over all values seen in training.

        The encoder is given this. x itself, unless the likelihood has `missing=True`.
        """
        return x if self._observed is None else self._observed.filled(x)

    def count_observed(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Called with each training batch (B, *data) with weights (B,): what is there of it."""
        if self._observed is not None:
            self._observed.count(x, weights)

    def num_observed(self, x: tf.Tensor) -> tf.Tensor:
        """The number of values that are there of each example, (B, *data) -> (B,)."""
        return self.sum_of_observed(tf.ones_like(x), x)

    def mean_num_observed(self) -> float | tf.Tensor:
        """N_x; with `missing=True` the values that an example has on average in training."""
        return self.num_features * (1.0 if self._observed is None else self._observed.share())

    def residual(self, x: tf.Tensor, outputs: tf.Tensor, error: tf.Tensor) -> tf.Tensor | None:
        """What `update` wants averaged over the batch, (..., B, *any); None: it wants nothing.

        `error` is C, (..., B), as `distortion_and_error` gives it.
        """
        return None

    def observe_batch(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Called with each training batch (B, *data) before its loss; nothing by default.

        The batch comes without the mean that a `Standardize` at the end of the decoder puts on: as
        the error of a decoder that gives nothing but that. `weights` are those of the examples,
        (B,); None: all 1.
        """

    def update(self, residual: tf.Tensor) -> None:
        """Called after each gradient step with the mean of `residual` over the global batch."""

    def error_weight(self, error: tf.Tensor) -> tf.Tensor:
        """∂D/∂C where the mean of C is `error`; 1 here.

        It is the λ of the ELBO: R + λ·C weighs error and rate as the ELBO does.
        """
        return tf.ones_like(tf.convert_to_tensor(error, tf.float32))

    def nats_between(self, error: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """How many nats D grows by where the mean of C goes from `error` to `other`.

        The integral of `error_weight` from one to the other; their difference here.
        """
        return other - error

    def allows(self, x: Any) -> Any:
        """Whether each number of x, (B, *data) of NumPy or TensorFlow, is allowed; bool, alike."""
        is_array = isinstance(x, np.ndarray)
        allowed = within(x, self.support or (-math.inf, math.inf)) & (abs(x) < math.inf)
        if self.whole:
            with np.errstate(invalid="ignore"):  # ∞ − ∞
                distance = abs(x - (np.round(x) if is_array else tf.round(x)))
            allowed &= distance <= ROUNDING
        if self.missing:
            allowed |= np.isnan(x) if is_array else tf.math.is_nan(x)
        return allowed

    def in_support(self, x: tf.Tensor) -> tf.Tensor:
        """Scalar bool: whether no number in `x` lies outside `support`; NaN is not looked for.

        Numbers may lie `ROUNDING` outside, as float32 makes them of 1.
        """
        if self.support is None and not self.whole:
            return tf.constant(True)
        return tf.reduce_all(self.allows(x) | tf.math.is_nan(x))

    def usual_values(self, uniform: np.ndarray) -> np.ndarray:
        """Allowed values of numbers in [0, 1), (..., *data): what an example may look like."""
        if self.support is None:
            return uniform
        low, high = self.support
        high = min(high, low + USUAL_COUNT)
        return np.floor(low + (high - low + 1.0) * uniform) if self.whole else uniform

    def bound(self, kappa: float | tf.Tensor) -> float | tf.Tensor:
        """κ², the bound on C, for `kappa` per feature: N_x·kappa."""
        return self.mean_num_observed() * kappa

    def kappa_of(self, error: float | tf.Tensor) -> float | tf.Tensor:
        """The value per feature that an error C corresponds to: the inverse of `bound`."""
        return error / self.mean_num_observed()

    def error_range(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """C of a perfect reconstruction, and C when the batch's mean stands for each example.

        Args:
            x: data, (B, *data).

        Returns:
            Two scalars, means over the batch.
        """
        return self.error_of_mean(x, x), self.error_of_mean(x, observed_mean(x))

    def sum_of_observed(self, values: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        """Σ over the features of values (..., B, *data), where x (B, *data) is there; (..., B)."""
        if self.missing:
            values = tf.where(tf.math.is_nan(x), tf.zeros([], values.dtype), values)
        return sum_over_features(values, self.data_rank)

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """Mean over the batch of C when E[x|z] is `mean`, a scalar; an automatic κ asks for it."""
        raise ValueError(
            f"`kappa` must be a number for a {type(self).__name__}, received None: the likelihood "
            "has no `error_of_mean`, from which an automatic one follows. Give "
            "`objective=tfvae.objectives.Constrained(kappa=…)`."
        )
