"""The density information buffer: the aggregated posterior of stored events, smeared."""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from numpy.typing import ArrayLike
from scipy import optimize

from tfvae import _checks, _seeds
from tfvae.distributions import MixtureOfPosteriors
from tfvae.priors.base import Prior
from tfvae.priors.fitting import checked_moments, cumulated, draws, folds

tfd = tfp.distributions

# The range of smear factors that are tried, and the latents of each fold that they are compared on.
# The upper end decides where posteriors are much narrower than the gaps between events. A wider
# range suits log p(z), but blurs what is generated: in benchmarks/events.py α would be 400, and the
# distance from the data three times as large.
LEAST, MOST = 0.05, 50.0
HELD = 400
# Smear factors that a user may give: with others float32 holds no densities.
SMALLEST, LARGEST = 1e-6, 1e6


@keras.saving.register_keras_serializable(package="tfvae")
class DensityBuffer(Prior):
    """p_buf(z) = Σ_i w_i N(z; μ_i, diag(α σ_i)²), of the posteriors of m stored events [O21].

    It generates by drawing an event by its weight, and z near its encoding. With α = 1 it is the
    aggregated posterior of the stored events. Few events need a larger α, or the buffer remembers
    them and gives new data too low a density.

    The buffer is fitted, not trained: `tfvae.priors.fit_to(model, data, "density_buffer")`. Its
    weights are then held in any training.

    Args:
        num_events: m, the number of events that are kept, drawn without replacement by their
            weights. None: all that it is fitted to.
        smear: α, 10⁻⁶ to 10⁶. None: the α with the greatest mean log p(z) of posteriors that are
            held out, among 0.05 to 50. It is 50 where posteriors are far narrower than the gaps
            between events, as for a very small β; a smaller α then generates sharper events, closer
            to the stored ones.

    Raises:
        ValueError: when a number is not in its range; at `build` or on use, when the buffer was
            not fitted.

    Example:
        >>> from tfvae.priors import DensityBuffer
        >>> prior = DensityBuffer(smear=2.0)
        >>> prior.adapt_to_posteriors(loc=[[-1.0], [1.0]], scale=[[0.5], [0.5]])
        True
        >>> prior.build(latent_dim=1)
        >>> round(float(prior.log_prob([0.0])), 4)  # log N(1; 0, 1)
        -1.4189
    """

    def __init__(self, num_events: int | None = None, smear: float | None = None, **kwargs):
        super().__init__(**kwargs)
        self.num_events = (
            None if num_events is None else _checks.positive_int("num_events", num_events)
        )
        self.smear = None if smear is None else _checks.number_in("smear", smear, SMALLEST, LARGEST)

    def create_weights(
        self, data_shape: tuple[int, ...], encode: Callable[..., tfd.Distribution] | None
    ) -> None:
        """Creates the stored moments and weights, and α."""
        if self.num_events is None:
            raise ValueError(_UNFITTED.format("received one that holds no events"))
        add = functools.partial(self.add_weight, trainable=False, dtype="float32")
        shape = (self.num_events, self.latent_dim)
        self.loc = add(shape=shape, initializer="zeros", name="loc")
        self.scale = add(shape=shape, initializer="ones", name="scale")
        self.log_weights = add(shape=shape[:1], initializer="zeros", name="log_weights")
        # α is NaN until the buffer is filled, from posteriors or from a file.
        unfilled = keras.initializers.Constant(math.nan)
        self.smear_factor = add(shape=(), initializer=unfilled, name="smear_factor")

    def _set(self, *values):
        own = (self.loc, self.scale, self.log_weights, self.smear_factor)
        for variable, value in zip(own, values, strict=True):
            variable.assign(np.asarray(value, "float32"))

    def adapt_to_posteriors(
        self, loc: ArrayLike, scale: ArrayLike, *, weights: ArrayLike | None = None, seed: Any = 0
    ) -> bool:
        """Stores posteriors N(μ_i, diag σ_i²) of weights w_i, and finds α; see `Prior`."""
        size = self.latent_dim if self.built else None
        loc, scale, weights = checked_moments(loc, scale, weights, size)
        if np.min(scale) <= 0.0:
            raise ValueError("`scale` must be above 0 for a DensityBuffer, received 0.")
        if (self.smear or LEAST) * np.min(scale) < np.finfo("float32").tiny:
            raise ValueError(
                "`scale`, times α, must be 1e-38 or more for a DensityBuffer, received "
                f"{_checks.span_of(scale)}. Take a larger `smear`, or a model of a larger β."
            )
        which = np.flatnonzero(weights)
        if self.num_events is None:
            self.num_events = len(which)
        elif self.num_events > len(which):
            raise ValueError(
                f"`num_events` must be at most {len(which)}, the number of events with a weight, "
                f"received {self.num_events}. None keeps all."
            )
        elif self.num_events < len(which):
            which = _seeds.generator(seed).choice(
                len(loc), self.num_events, replace=False, p=weights
            )
            # Drawn by their weights, events count alike.
            weights = np.zeros(len(loc))
            weights[which] = 1.0 / len(which)
        loc, scale, weights = loc[which], scale[which], weights[which] / np.sum(weights[which])
        smear = self.smear or _best_smear(loc, scale, weights, seed)
        found = (loc, scale, np.log(weights), smear)
        self.when_built(functools.partial(self._set, *found))
        return True

    def distribution(self, *, training: bool = False) -> tfd.Distribution:
        """The mixture of the stored posteriors."""
        self.check_built()
        with tf.init_scope():  # Values, not symbols, also while a function is being traced.
            if np.isnan(self.smear_factor.numpy()):
                raise ValueError(_UNFITTED.format("received one that was built without events"))
        scale = self.smear_factor.value * self.scale.value
        return MixtureOfPosteriors(self.loc.value, scale, self.log_weights.value)


_UNFITTED = (
    "`prior` must be a DensityBuffer that was fitted to a trained model, {}. Train with another "
    'prior, then `tfvae.priors.fit_to(model, data, "density_buffer")` and `model.with_prior`.'
)


def _best_smear(loc, scale, weights, seed):
    """α with the greatest mean log p(z) of held-out posteriors; 1 where none can be held out."""
    parts = []
    for index, (kept, held) in enumerate(folds(weights, seed)):
        own = tf.random.experimental.stateless_fold_in(_seeds.stateless(seed), index)
        moments = (tf.constant(one[held]) for one in (loc, scale))
        z = draws(*moments, cumulated(weights[held]), HELD, own)
        buffer = (tf.constant(one[kept], tf.float32) for one in (loc, scale, np.log(weights)))
        parts.append((z, *buffer))
    if not parts:
        return 1.0

    @tf.function(autograph=False)
    def score(smear):
        found = [
            MixtureOfPosteriors(loc, smear * scale, logits).log_prob(z)
            for z, loc, scale, logits in parts
        ]
        return tf.reduce_mean(found)

    return math.exp(
        optimize.minimize_scalar(
            lambda log_smear: -float(score(tf.constant(math.exp(log_smear), tf.float32))),
            bounds=(math.log(LEAST), math.log(MOST)),
            method="bounded",
            options={"xatol": 0.02},
        ).x
    )
