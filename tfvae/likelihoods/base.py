"""What every likelihood p(x|z) offers: a distribution, distortion and error, and bounds on it."""

import abc
import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae._component import Component

tfd = tfp.distributions

# How far outside of a likelihood's support a number may lie: resizing makes 1.0000001 of 1.
ROUNDING = 1e-5


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
    needs in `decoder_output_shape`; one with a limited support says so in `support`.

    Example, a Laplace distribution with a fixed scale:
        >>> import keras, tensorflow_probability as tfp, tfvae
        >>> class Laplace(tfvae.likelihoods.Likelihood):
        ...     def distribution(self, outputs):
        ...         laplace = tfp.distributions.Laplace(outputs, 0.5)
        ...         return tfp.distributions.Independent(laplace, self.data_rank)
        >>> vae = tfvae.VAE(latent_dim=2, likelihood=Laplace())
    """

    role = "likelihood"
    support: tuple[float, float] | None = None
    """Closed interval of the values that p(x|z) allows; None: every finite number."""
    kappa_unit: str = "nats per feature"
    """The unit of κ, in words."""
    outputs_are: str = ""
    """What the decoder gives: "logits", all numbers; "means", like the data; "": something else."""
    data_shape: tuple[int, ...]
    """Shape of one example, known once it is built."""
    data_rank: int
    """Number of axes of one example."""
    num_features: int
    """N_x, the number of features of one example."""

    @property
    def allowed(self) -> str:
        """`support` in words."""
        return "in [{:g}, {:g}]".format(*self.support) if self.support else "a finite number"

    def build(self, data_shape: tuple[int, ...]) -> None:
        """Creates the weights, if any, for examples of shape `data_shape`.

        Raises:
            ValueError: when the likelihood was built before.
        """
        self.start_build()
        self.data_shape = tuple(data_shape)
        self.data_rank = len(self.data_shape)
        self.num_features = math.prod(self.data_shape)
        self.create_weights()

    def create_weights(self) -> None:
        """Creates what the subclass owns; nothing by default."""

    def decoder_output_shape(self, data_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of the decoder's outputs for examples of shape `data_shape`; the same by default.

        For a model of sequences both are those of one step.
        """
        return data_shape

    @abc.abstractmethod
    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """p(x|z) with batch shape (...) and event shape (*data) for decoder outputs (..., *out)."""

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """E[x|z], (..., *out) -> (..., *data)."""
        return self.distribution(outputs).mean()

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """D = −log p(x|z) in nats and the error C that a constraint bounds, one number an example.

        Args:
            x: data, (B, *data).
            outputs: decoder outputs, (..., B, *out).

        Returns:
            D and C, each (..., B), summed over features; C is D unless a subclass says otherwise.
        """
        distortion = -self.distribution(outputs).log_prob(x)
        return distortion, distortion

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

    def in_support(self, x: tf.Tensor) -> tf.Tensor:
        """Scalar bool: whether no number in `x` lies outside `support`; NaN is not looked for.

        Numbers may lie `ROUNDING` outside, as float32 makes them of 1.
        """
        if self.support is None:
            return tf.constant(True)
        low, high = self.support
        return (tf.reduce_min(x) >= low - ROUNDING) & (tf.reduce_max(x) <= high + ROUNDING)

    def bound(self, kappa: float | tf.Tensor) -> float | tf.Tensor:
        """κ², the bound on C, for `kappa` per feature: N_x·kappa."""
        return self.num_features * kappa

    def kappa_of(self, error: float | tf.Tensor) -> float | tf.Tensor:
        """The value per feature that an error C corresponds to: the inverse of `bound`."""
        return error / self.num_features

    def error_range(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """C of a perfect reconstruction, and C when the batch's mean stands for each example.

        Args:
            x: data, (B, *data).

        Returns:
            Two scalars, means over the batch.
        """
        mean = tf.reduce_mean(x, axis=0, keepdims=True)
        return self.error_of_mean(x, x), self.error_of_mean(x, mean)

    def error_of_mean(self, x: tf.Tensor, mean: tf.Tensor) -> tf.Tensor:
        """Mean over the batch of C when E[x|z] is `mean`, a scalar; an automatic κ asks for it."""
        raise ValueError(
            f"`kappa` must be a number for a {type(self).__name__}, received None: the likelihood "
            "has no `error_of_mean`, from which an automatic one follows. Give "
            "`objective=tfvae.objectives.Constrained(kappa=…)`."
        )
