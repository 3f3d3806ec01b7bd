"""A normalising flow as a prior: couplings by rational-quadratic splines."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.distributions import diagonal_gaussian
from tfvae.networks import mlp
from tfvae.networks.heads import MINIMUM_SCALE
from tfvae.priors.base import Prior
from tfvae.priors.fitting import checked_moments

tfb, tfd = tfp.bijectors, tfp.distributions

# Splines act on [−5, 5] of standardised latents; beyond it they are the identity.
BOUND = 5.0
# The least width and height of a bin, as a share of an even one, and the least slope of a knot.
LEAST_BIN, LEAST_SLOPE = 0.01, 1e-3


@keras.saving.register_keras_serializable(package="tfvae")
class Flow(Prior):
    """z = m + s·f(n), n ~ N(0, I), f a chain of spline couplings [DBMP19].

        p(z) = N(f⁻¹((z − m)/s); 0, I) · |det ∂f⁻¹((z − m)/s)/∂z|

    A coupling [DSB17] leaves the first half of the latents as they are. It bends each of the others
    by a monotonic spline, whose knots a network makes of the first half; the order of the latents
    is reversed between couplings. A single latent is bent by splines that depend on nothing. The
    density is exact, and the flow starts as N(m, diag s²).

    Args:
        num_layers: number of couplings. Two are enough for two latents.
        hidden: units of the hidden layers of each coupling's network.
        num_bins: bins of a spline.

    Raises:
        ValueError: when a number is not a whole number ≥ 1.

    Example:
        >>> from tfvae.priors import Flow
        >>> prior = Flow(num_layers=2, hidden=(16,))
        >>> prior.build(latent_dim=2)
        >>> round(float(prior.log_prob([0.0, 0.0])), 4)  # −log 2π, as long as f(n) = n
        -1.8379
    """

    def __init__(
        self,
        num_layers: int = 4,
        hidden: Sequence[int] = (64, 64),
        num_bins: int = 8,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_layers = _checks.positive_int("num_layers", num_layers)
        self.hidden = _checks.positive_ints("hidden", hidden)
        self.num_bins = _checks.positive_int("num_bins", num_bins)

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates m, s and the networks of the couplings."""
        size = self.latent_dim
        self._kept = size // 2
        outputs = (size - self._kept) * (3 * self.num_bins - 1)
        # An output of zeros is the identity.
        self.networks = [
            keras.Sequential(
                [mlp(self.hidden), keras.layers.Dense(outputs, kernel_initializer="zeros")]
            )
            for _ in range(self.num_layers)
        ]
        for network in self.networks:
            network(keras.KerasTensor((None, max(1, self._kept))))
        self.loc = self.add_weight(shape=(size,), initializer="zeros", dtype="float32", name="loc")
        self.log_scale = self.add_weight(
            shape=(size,), initializer="zeros", dtype="float32", name="log_scale"
        )

    def _set(self, loc, scale):
        self.loc.assign(loc.astype("float32"))
        self.log_scale.assign(np.log(np.maximum(scale, MINIMUM_SCALE)).astype("float32"))

    def adapt_to_posteriors(
        self, loc: ArrayLike, scale: ArrayLike, *, weights: ArrayLike | None = None, seed: Any = 0
    ) -> bool:
        """Sets m and s to the moments of Σ_i w_i N(μ_i, diag σ_i²); steps follow; see `Prior`."""
        size = self.latent_dim if self.built else None
        loc, scale, weights = checked_moments(loc, scale, weights, size)
        mean = weights @ loc
        found = (mean, np.sqrt(weights @ (np.square(loc - mean) + np.square(scale))))
        self.when_built(functools.partial(self._set, *found))
        return False

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """The pushed-forward N(0, I), with the networks as they are now."""
        self.check_built()
        layers = [tfb.Shift(self.loc.value)(tfb.Scale(log_scale=self.log_scale.value))]
        reverse = list(reversed(range(self.latent_dim)))
        for network in self.networks:
            layers.append(self._coupling(network, training))
            if self.latent_dim > 1:
                layers.append(tfb.Permute(reverse))
        noise = diagonal_gaussian(tf.zeros([self.latent_dim]), tf.ones([self.latent_dim]))
        return tfd.TransformedDistribution(noise, tfb.Chain(layers))

    def _coupling(self, network, training):
        if not self._kept:
            return _spline(network(tf.zeros([1, 1]), training=training)[0], 1, self.num_bins)

        def spline(kept, num_units, **kwargs):
            outputs = network(tf.reshape(kept, [-1, self._kept]), training=training)
            shape = tf.concat([tf.shape(kept)[:-1], outputs.shape[1:]], axis=0)
            return _spline(tf.reshape(outputs, shape), num_units, self.num_bins)

        return tfb.RealNVP(self._kept, bijector_fn=spline)


def _spline(outputs, size, num_bins):
    """The spline of a network's outputs, (..., size · (3 bins − 1)), acting on (..., size)."""
    shape = tf.concat([tf.shape(outputs)[:-1], [size, 3 * num_bins - 1]], axis=0)
    outputs = tf.cast(tf.reshape(outputs, shape), tf.float32)
    widths, heights, slopes = tf.split(outputs, [num_bins, num_bins, num_bins - 1], axis=-1)

    def of_range(logits):
        even = LEAST_BIN / num_bins
        return 2.0 * BOUND * (even + (1.0 - LEAST_BIN) * tf.nn.softmax(logits))

    # softplus(log(e − 1)) = 1
    slopes = LEAST_SLOPE + tf.nn.softplus(slopes + math.log(math.e - 1.0)) * (1.0 - LEAST_SLOPE)
    return tfb.RationalQuadraticSpline(
        of_range(widths), of_range(heights), slopes, range_min=-BOUND
    )
