"""Fits a prior to posteriors that are held: the M-step of the empirical Bayes."""

import functools
import math
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks, _progress, _seeds
from tfvae.distributions import diagonal_gaussian
from tfvae.priors.base import Prior

# Steps of one call of a compiled function; then the progress is shown.
BLOCK = 100
# Latents that the prior is compared on before and after, and how many of them at a time.
HELD, ROWS = 2**14, 2**11
# Parts of the posteriors, of which one at a time is held out.
FOLDS = 5


def fit(
    prior: Prior,
    loc: ArrayLike,
    scale: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    steps: int = 3000,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    seed: Any = 0,
    verbose: str | int = "auto",
) -> np.ndarray:
    """Maximises E_{z ~ q(z)}[log p(z)] over the trainable weights of a prior [K19].

        q(z) = Σ_i w_i N(z; μ_i, diag σ_i²)

    q(z), the aggregated posterior, is the optimum: −E_q[log p(z)] = H(q) + KL(q ‖ p), and the
    entropy does not depend on p. z is drawn anew at each step of Adam, whose learning rate falls
    along half a cosine to zero. The prior's networks run as in inference, without dropout. What a
    prior keeps of the moments of q(z) (`Prior.observe`) is renewed first.

    The prior never gets worse: mean log p(z) is compared on the same latents before and after, and
    the weights are put back, with a warning, if it has fallen.

    Args:
        prior: a built prior with trainable weights.
        loc: μ of the posteriors, (n, N_z).
        scale: σ of the posteriors, (n, N_z); 0 for latents that are known.
        weights: w of the examples, (n,), not negative; they need not sum to 1. None: equal ones.
        steps: number of steps.
        batch_size: number of latents of a step.
        learning_rate: of the first step.
        seed: of all draws.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        −mean log p(z) of each step in nats, float32 (steps,).

    Raises:
        ValueError: when the prior is not built, has nothing to train, or makes z of noise; when
            the moments are not finite or do not have the shape (n, N_z); when a number is not in
            its range.

    Example:
        >>> import numpy as np, tfvae
        >>> prior = tfvae.priors.HierarchicalPrior(num_importance_samples=4, hidden=(16,))
        >>> prior.build(latent_dim=1)
        >>> loc = np.random.default_rng(0).normal(3.0, 0.5, size=(500, 1))
        >>> losses = tfvae.priors.fit(prior, loc, np.full_like(loc, 0.1), steps=200, batch_size=64)
        >>> losses.shape, bool(losses[-20:].mean() < losses[:20].mean())
        ((200,), True)
    """
    check_prior(prior)
    loc, scale, weights = checked_moments(loc, scale, weights, prior.latent_dim)
    steps = _checks.positive_int("steps", steps)
    batch_size = _checks.positive_int("batch_size", batch_size)
    learning_rate = _checks.number_in(
        "learning_rate", learning_rate, 0.0, math.inf, low_open=True, high_open=True
    )
    trained = prior.trainable_weights
    if not trained:
        raise ValueError(
            f"`prior` must have trainable weights, received a {type(prior).__name__} without any. "
            "Take a prior that learns, such as HierarchicalPrior, or set `trainable = True` where "
            "its layers are frozen."
        )
    everything = prior.weights
    draw = functools.partial(draws, *(tf.constant(one) for one in (loc, scale)), cumulated(weights))
    step_seed, held_seed = tf.unstack(
        tf.random.experimental.stateless_split(_seeds.stateless(seed), 2)
    )
    held = draw(HELD, held_seed)
    measure = functools.partial(_mean_log_prob, prior, held, held_seed)
    kept, before = [one.numpy() for one in everything], measure()
    prior.observe(diagonal_gaussian(held, tf.zeros_like(held)))
    losses = _train(prior, draw, steps, batch_size, learning_rate, step_seed, verbose)
    after = measure()
    if not after >= before:  # NaN, too
        for variable, value in zip(everything, kept, strict=True):
            variable.assign(value)
        warnings.warn(
            f"{type(prior).__name__} is left as it was: mean log p(z) went from {before:g} to "
            f"{after:g} nats in {steps} steps. What usually helps: a lower `learning_rate`, more "
            "`steps`, a larger `batch_size`.",
            stacklevel=2,
        )
    return losses


def check_prior(prior: Prior) -> None:
    """Raises a ValueError for what is no built prior over z itself."""
    check_over_z(prior)
    prior.check_built()


def check_over_z(prior: Prior) -> None:
    """Raises a ValueError for what is no prior over z itself."""
    _checks.instance_of("prior", prior, Prior, "tfvae.priors.HierarchicalPrior()")
    if not prior.posterior_is_over_z:
        raise ValueError(
            f"`prior` must be over the same z as the posterior, received a {type(prior).__name__}, "
            "which makes z of noise. It is learned with the model alone."
        )


def checked_moments(
    loc: ArrayLike, scale: ArrayLike, weights: ArrayLike | None, latent_dim: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """μ, σ as float32 (n, N_z), and the weights of the examples, float64 (n,) of sum 1.

    Raises:
        ValueError: when they do not have these shapes, are not finite, or σ or a weight is
            negative.
    """
    loc, scale = np.asarray(loc, "float32"), np.asarray(scale, "float32")
    fits = loc.ndim == 2 and loc.size > 0 and loc.shape == scale.shape
    if not fits or (latent_dim is not None and loc.shape[1] != latent_dim):
        wanted = "N_z" if latent_dim is None else latent_dim
        raise ValueError(
            f"`loc` and `scale` must have one shape (n, {wanted}), received {loc.shape} and "
            f"{scale.shape}. Give a row for each example."
        )
    for name, values in (("loc", loc), ("scale", scale)):
        if not np.all(np.isfinite(values)):
            raise ValueError(
                f"`{name}` must be finite, received {_checks.span_of(values)}. Leave out the "
                "examples that the encoder cannot read."
            )
    if np.min(scale) < 0.0:
        raise ValueError(f"`scale` must not be negative, received {_checks.span_of(scale)}.")
    if weights is None:
        return loc, scale, np.full(len(loc), 1.0 / len(loc))
    try:
        weights = np.asarray(weights, "float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`weights` must hold one number for each of the {len(loc)} examples, received others: "
            f"{error}."
        ) from error
    if weights.shape != (len(loc),):
        raise ValueError(
            f"`weights` must hold one number for each of the {len(loc)} examples, received the "
            f"shape {weights.shape}."
        )
    if not (np.all(np.isfinite(weights)) and np.min(weights) >= 0.0 and np.max(weights) > 0.0):
        raise ValueError(
            "`weights` must be finite, not negative and not all 0, received "
            f"{_checks.span_of(weights)}."
        )
    weights = weights / np.max(weights)  # The sum of large ones could be infinite.
    return loc, scale, weights / np.sum(weights)


def cumulated(weights: np.ndarray) -> tf.Tensor:
    """The upper ends of the parts of [0, 1) that stand for the examples, float64 (n,)."""
    ends = np.cumsum(weights)
    return tf.constant(ends / ends[-1])


def draws(
    loc: tf.Tensor, scale: tf.Tensor, ends: tf.Tensor, number: int, seed: tf.Tensor
) -> tf.Tensor:
    """z ~ Σ_i w_i N(μ_i, diag σ_i²), (number, N_z): the same for the same seed."""
    which_seed, noise_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    places = tf.random.stateless_uniform([number], which_seed, dtype=tf.float64)
    which = tf.searchsorted(ends, places, side="right")
    noise = tf.random.stateless_normal([number, loc.shape[1]], noise_seed)
    return tf.gather(loc, which) + tf.gather(scale, which) * noise


def folds(weights: np.ndarray, seed: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Five pairs: rows to fit to, rows to hold out, all with a weight; none for fewer than 5."""
    rows = np.flatnonzero(weights)
    if len(rows) < FOLDS:
        return []
    parts = np.array_split(_seeds.generator(seed).permutation(rows), FOLDS)
    return [(np.concatenate(parts[:k] + parts[k + 1 :]), parts[k]) for k in range(FOLDS)]


def _train(prior, draw, steps, batch_size, learning_rate, seed, verbose):
    """All steps; returns the losses."""
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    trained = prior.trainable_weights

    def step(index, losses, moments):
        own = tf.random.experimental.stateless_fold_in(seed, index)
        z_seed, prior_seed = tf.unstack(tf.random.experimental.stateless_split(own, 2))
        z = draw(batch_size, z_seed)
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(prior.log_prob(z, seed=prior_seed))
        gradients = tape.gradient(
            loss, [one.value for one in trained], unconnected_gradients="zero"
        )
        changes, moments = _adam(gradients, moments, schedule(index), index)
        for variable, change in zip(trained, changes, strict=True):
            value = variable.value - tf.cast(change, variable.dtype)
            variable.assign(value if variable.constraint is None else variable.constraint(value))
        return index + 1, losses.write(index % BLOCK, tf.cast(loss, tf.float32)), moments

    @tf.function(autograph=False)
    def block(first, last, moments):
        state = (first, tf.TensorArray(tf.float32, BLOCK), moments)
        _, losses, moments = tf.while_loop(lambda index, *_: index < last, step, state)
        return losses.stack(), moments

    moments = [(tf.zeros(one.shape), tf.zeros(one.shape)) for one in trained]
    found = []
    with _progress.progress(steps, verbose) as add:
        for first in range(0, steps, BLOCK):
            last = min(first + BLOCK, steps)
            losses, moments = block(tf.constant(first), tf.constant(last), moments)
            found.append(losses.numpy()[: last - first])
            add(last - first)
    return np.concatenate(found)


def _adam(gradients, moments, learning_rate, index):
    """What Adam takes off the weights at the step `index`, and the new moments of the gradients.

    Keras' own cannot step the variables of a distribution strategy outside of its replicas.
    """
    count = tf.cast(index + 1, tf.float32)
    learning_rate *= tf.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
    changes, new = [], []
    for gradient, (first, second) in zip(gradients, moments, strict=True):
        gradient = tf.cast(gradient, tf.float32)
        first += 0.1 * (gradient - first)
        second += 0.001 * (tf.square(gradient) - second)
        changes.append(learning_rate * first / (tf.sqrt(second) + 1e-7))
        new.append((first, second))
    return changes, new


def _mean_log_prob(prior, z, seed):
    """Mean log p(z) in nats, with the same random numbers each time."""
    log_prob = tf.function(prior.log_prob, autograph=False)
    parts = [
        log_prob(part, seed=tf.random.experimental.stateless_fold_in(seed, index))
        for index, part in enumerate(tf.split(z, len(z) // ROWS))
    ]
    return float(np.mean(np.concatenate(parts), dtype="float64"))
