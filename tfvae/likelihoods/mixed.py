"""A likelihood for each column of a table."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _replicas
from tfvae.likelihoods.base import Likelihood
from tfvae.likelihoods.bernoulli import Bernoulli
from tfvae.likelihoods.counts import NegativeBinomial, Poisson
from tfvae.likelihoods.gaussian import Gaussian
from tfvae.likelihoods.heavy_tailed import Laplace, StudentT
from tfvae.likelihoods.missing import observed_mean

tfd = tfp.distributions

# Columns have units of their own, so that names stand for likelihoods with a scale for each.
_NAMES = {
    "bernoulli": Bernoulli,
    "gaussian": functools.partial(Gaussian, scale="per_feature"),
    "laplace": functools.partial(Laplace, scale="per_feature"),
    "negative_binomial": NegativeBinomial,
    "poisson": Poisson,
    "student_t": functools.partial(StudentT, scale="per_feature"),
}
# A deviation below this share of the mean is only rounding: the column does not vary.
LEAST_SHARE = 1e-6


class _Part(NamedTuple):
    """Consecutive columns of one likelihood."""

    likelihood: Likelihood
    columns: slice
    """Where they are in x."""
    outputs: slice
    """Where their parameters are among the decoder's outputs."""
    shape: tuple[int, ...]
    """Shape of their parameters."""


@keras.saving.register_keras_serializable(package="tfvae")
class Mixed(Likelihood):
    """p(x|z) = Π_j p_j(x_j|z): a likelihood for each block of columns of a table x, (B, columns).

    D is the sum of those of the parts. The decoder gives all parameters on one axis, in the order
    of the columns: (..., outputs).

    Args:
        parts: pairs of a likelihood and the number of consecutive columns that have it, for all
            columns in their order. A likelihood is an object of its own, or a name: "gaussian",
            "laplace", "student_t" (each with a scale for each column), "bernoulli", "poisson",
            "negative_binomial".
        missing: whether NaN is a missing value, in any column, see `Likelihood`.

    Columns may have any units: means that the decoder gives are in that of the column, its mean m
    and deviation s in the first batch, μ = m + s·output. The encoder of a model without one of your
    own standardises numbers, takes the logarithm of counts and makes one-hot vectors of categories.

    C is in nats, to compare columns: the cross-entropy or −log p of categories, counts and bits;
    |x − μ|^p/(p·s^p) of numbers, with p = 2 for a Gaussian, 1 for Laplace and Student-t, and s^p
    the mean of |x − m|^p in the first batch. That is −log p of a scale like that of the data, but
    for a constant: a Gaussian column that is predicted by its mean has half a nat.

    κ is the mean of this per column: κ² of the papers is N_x · kappa.

    Raises:
        ValueError: when `parts` are not such pairs, or the data are no table of these columns.

    Example:
        >>> import tfvae
        >>> from tfvae.likelihoods import Categorical, Mixed
        >>> likelihood = Mixed([("gaussian", 3), (Categorical(5), 1), ("poisson", 2)])
        >>> likelihood.decoder_output_shape((6,))  # 3 means, 5 logits, 2 log rates
        (10,)
        >>> vae = tfvae.VHPVAE(latent_dim=2, likelihood=likelihood)
    """

    kappa_unit = "nats per column"

    def __init__(self, parts: Sequence[tuple[str | Likelihood, int]], **kwargs):
        super().__init__(**kwargs)
        pairs = [self._checked(part) for part in parts]
        if not pairs:
            raise ValueError("`parts` must have a pair for the columns, received none.")
        self._likelihoods = [likelihood for likelihood, _ in pairs]
        self._numbers = [number for _, number in pairs]
        if len({id(one) for one in self._likelihoods}) < len(pairs):
            raise ValueError(
                "`parts` must have a new likelihood for each pair, received the same object twice, "
                "whose scale both would learn. Make another one."
            )

    @property
    def parts(self) -> tuple[tuple[Likelihood, int], ...]:
        """Pairs of a likelihood and the number of columns that have it."""
        return tuple(zip(self._likelihoods, self._numbers, strict=True))

    def _checked(self, part):
        """A pair of a likelihood that knows whether values may be missing, and a number."""
        if not isinstance(part, (tuple, list)) or len(part) != 2:
            raise ValueError(
                "`parts` must be pairs of a likelihood and a number of columns, received "
                f'{part!r:.60}. For example [("gaussian", 3), (Categorical(5), 1)].'
            )
        likelihood = _checks.named_object("parts", part[0], Likelihood, _NAMES)
        if isinstance(likelihood, Mixed):
            raise ValueError(
                "`parts` must be single likelihoods, received a Mixed. Join its parts."
            )
        if likelihood.missing and not self.missing:
            raise ValueError(
                f"`missing` must be given to Mixed, for all columns, received it in a "
                f"{type(likelihood).__name__}. Give Mixed(parts, missing=True)."
            )
        likelihood.missing = self.missing
        return likelihood, _checks.positive_int("parts", part[1])

    @property
    def allowed(self) -> str:
        """What values may be, in words."""
        words, first = [], 0
        for likelihood, number in self.parts:
            last = first + number - 1
            which = f"column {first}" if number == 1 else f"columns {first} to {last}"
            words.append(f"{likelihood.allowed} ({which})")
            first += number
        return "; ".join(words)

    def column_kinds(self, data_shape: tuple[int, ...]) -> tuple[str | int, ...]:
        """What each column is."""
        kinds = [one.column_kinds((number,)) or ("number",) * number for one, number in self.parts]
        return sum(kinds, ())

    def _places(self):
        """The parts with their places among columns and outputs."""
        places, column, output = [], 0, 0
        for likelihood, number in self.parts:
            shape = tuple(likelihood.decoder_output_shape((number,)))
            size = math.prod(shape)
            columns = slice(column, column + number)
            places.append(_Part(likelihood, columns, slice(output, output + size), shape))
            column, output = column + number, output + size
        return places

    def decoder_output_shape(self, data_shape: tuple[int, ...]) -> tuple[int, ...]:
        """(outputs,): the numbers of parameters of all parts, one after the other."""
        number = sum(number for _, number in self.parts)
        if tuple(data_shape) != (number,):
            raise ValueError(
                f"`parts` must describe all columns of a table, of the shape {tuple(data_shape)} "
                f"here, received {number} columns. "
                "The numbers of columns in the pairs must add up to those of x."
            )
        return (self._places()[-1].outputs.stop,)

    def create_weights(self) -> None:
        """Creates the parts, and the units of the columns."""
        self.decoder_output_shape(self.data_shape)  # Checks the shape.
        for likelihood, number in self.parts:
            likelihood.build((number,))
        size = self.num_features
        self._centre = _replicas.shared_vector(self, "centre", np.zeros(size))
        self._spread = _replicas.shared_vector(self, "spread", np.ones(size))
        self._known = _replicas.shared_vector(self, "known", np.zeros(size))

    def _split(self, outputs):
        """Each part with its parameters, means in the unit of the columns."""
        found = []
        for part in self._places():
            own = outputs[..., part.outputs]
            if len(part.shape) > 1:
                own = tf.reshape(own, tf.concat([tf.shape(own)[:-1], part.shape], axis=0))
            if part.likelihood.outputs_are == "means":
                centre, spread = (
                    tf.cast(one.value[part.columns], own.dtype)
                    for one in (self._centre, self._spread)
                )
                own = centre + spread * own
            found.append((part, own))
        return found

    def _joined(self, function, outputs):
        """function(part, its parameters) of all parts, on one axis."""
        return tf.concat([function(part, own) for part, own in self._split(outputs)], axis=-1)

    def distribution(self, outputs: tf.Tensor) -> tfd.Distribution:
        """The joint distribution of all columns, event shape (columns,)."""
        return tfd.Blockwise(
            [part.likelihood.distribution(own) for part, own in self._split(outputs)]
        )

    def mean(self, outputs: tf.Tensor) -> tf.Tensor:
        """What each part calls its mean: E[x|z], or the most probable category."""
        return self._joined(lambda part, own: part.likelihood.mean(own), outputs)

    def log_prob_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log p_j(x_j|z) of each column."""
        return self._joined(
            lambda part, own: part.likelihood.log_prob_of_features(x[..., part.columns], own),
            outputs,
        )

    def error_of_features(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """C of each column, nats."""
        return self._joined(
            lambda part, own: self._error_in_nats(part, x[..., part.columns], own), outputs
        )

    def _error_in_nats(self, part, x, own):
        likelihood = part.likelihood
        error = likelihood.error_of_features(x, own)
        if error is None:
            return -likelihood.log_prob_of_features(x, own)
        return error * self._nats_per_error(part, error.dtype)

    def _nats_per_error(self, part, dtype):
        """1/(p·s^p) of each column where C is |x − μ|^p; 1 where it is in nats already."""
        power = part.likelihood.power
        if power is None:
            return tf.ones([], dtype)
        return 1.0 / (power * tf.cast(self._spread.value[part.columns], dtype) ** power)

    def distortion_and_error(self, x: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The sums over all columns."""
        return self.sums_of_features(x, outputs)

    def filled(self, x: tf.Tensor) -> tf.Tensor:
        """As each part fills missing values."""
        if not self.missing:
            return x
        return tf.concat([p.likelihood.filled(x[..., p.columns]) for p in self._places()], axis=-1)

    def count_observed(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """Each part counts, too."""
        super().count_observed(x, weights)
        for part in self._places():
            part.likelihood.count_observed(x[..., part.columns], weights)

    def allows(self, x: Any) -> Any:
        """Whether each number is allowed in its column."""
        concatenate = np.concatenate if isinstance(x, np.ndarray) else tf.concat
        return concatenate(
            [p.likelihood.allows(x[..., p.columns]) for p in self._places()], axis=-1
        )

    def in_support(self, x: tf.Tensor) -> tf.Tensor:
        """Scalar bool: whether all parts have their columns in their support."""
        found = [p.likelihood.in_support(x[..., p.columns]) for p in self._places()]
        return tf.reduce_all(tf.stack(found))

    def usual_values(self, uniform: np.ndarray) -> np.ndarray:
        """As each part has them."""
        parts = [p.likelihood.usual_values(uniform[..., p.columns]) for p in self._places()]
        return np.concatenate(parts, axis=-1)

    # ---- what the parts learn ----------------------------------------------------------------

    def observe_batch(self, x: tf.Tensor, weights: tf.Tensor | None = None) -> None:
        """The first batch tells the units of the columns; then each part observes its own."""
        weights = tf.ones(tf.shape(x)[:1]) if weights is None else weights
        there = tf.cast(~tf.math.is_nan(x), tf.float32) * weights[:, tf.newaxis]
        there = tf.where(tf.math.is_finite(x), there, 0.0) if self.missing else there
        values = tf.where(tf.math.is_nan(x), 0.0, x) if self.missing else x

        def mean(values):
            sums = [tf.reduce_sum(there * values, axis=0), tf.reduce_sum(there, axis=0)]
            return tf.math.divide_no_nan(*_replicas.total(sums))

        centre = mean(values)
        powers = [float(p.likelihood.power or 2) for p in self._places() for _ in self._of(p)]
        powers = tf.constant(powers, tf.float32)
        spread = mean(tf.abs(values - centre) ** powers) ** (1.0 / powers)
        varies = (spread > LEAST_SHARE * tf.abs(centre)) & tf.math.is_finite(spread)
        unknown = (self._known.value == 0.0) & tf.math.is_finite(centre)
        self._centre.assign(tf.where(unknown, centre, self._centre.value))
        self._spread.assign(tf.where(unknown & varies, spread, self._spread.value))
        self._known.assign(tf.where(unknown & varies, 1.0, self._known.value))
        for part in self._places():
            own = x[..., part.columns]
            if part.likelihood.outputs_are == "means":
                own -= self._centre.value[part.columns]
            part.likelihood.observe_batch(own, weights)

    @staticmethod
    def _of(part):
        """The columns of a part, one by one."""
        return range(part.columns.start, part.columns.stop)

    def residual(self, x: tf.Tensor, outputs: tf.Tensor, error: tf.Tensor) -> tf.Tensor | None:
        """Those of the parts on one axis."""
        lead = tf.shape(outputs)[:-1]
        rows, shapes = [], []
        for part, own in self._split(outputs):
            columns = x[..., part.columns]
            _, own_error = part.likelihood.distortion_and_error(columns, own)
            residual = part.likelihood.residual(columns, own, own_error)
            shapes.append(None)
            if residual is not None:
                shapes[-1] = tuple(residual.shape[outputs.shape.rank - 1 :])
                size = tf.constant([math.prod(shapes[-1])])
                rows.append(tf.reshape(residual, tf.concat([lead, size], axis=0)))
        self._residual_shapes = tuple(shapes)
        return tf.concat(rows, axis=-1) if rows else None

    def update(self, residual: tf.Tensor) -> None:
        """Each part is given its own."""
        start = 0
        for (likelihood, _), shape in zip(self.parts, self._residual_shapes, strict=True):
            if shape is not None:
                size = math.prod(shape)
                likelihood.update(tf.reshape(residual[start : start + size], shape))
                start += size

    def error_range(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The sums of those of the parts, nats."""
        ends = []
        for part in self._places():
            own = x[..., part.columns]
            if part.likelihood.power is None:
                ends.append(part.likelihood.error_range(own))
                continue
            error = part.likelihood.error_of_features(own, observed_mean(own))
            error *= self._nats_per_error(part, error.dtype)
            constant = tf.reduce_mean(part.likelihood.sum_of_observed(error, own))
            ends.append((tf.zeros_like(constant), constant))
        perfect, constant = zip(*ends, strict=True)
        return tf.add_n(perfect), tf.add_n(constant)
