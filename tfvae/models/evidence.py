"""Importance-weighted estimates of log p(x), in bounded memory."""

from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _progress, _seeds
from tfvae.models import accepted, beside, inputs
from tfvae.models.beside import Batch

# Rows of decoder output that are computed at a time, in estimates and in sampling.
ROWS_AT_A_TIME = 2048


def log_weights(model, batch: Batch, num_samples: int, *, seed: tf.Tensor) -> tf.Tensor:
    """log Σ_d p(d) p(x|z_l, d) + log p(z_l)/q(z_l|x), z_l ~ q(z|x): (num_samples, B), nats.

    With a target beside x, log Σ_d q(d|x) p(target|z_l, d) alone: no prior has a part in
    predicting.
    """
    if model.discrete is None:
        inference = model.infer(batch, seed=seed, num_samples=num_samples, analytic=False)
        terms = inference.terms
        return -(terms.distortion + (terms.rate if model.target == "x" else 0.0))
    posterior_seed, prior_seed = tfp.random.split_seed(seed, n=2, salt="terms")
    encoded = model.encoded(batch)
    noise = encoded.posterior.sample(num_samples, seed=posterior_seed)
    z = model.prior.latents_from_noise(noise)
    given = model.given(batch, encoded)

    def marginal():
        return model.discrete.log_marginal(given, z)

    def without_d():
        return given.log_prob(z, tf.zeros([1, 1, 1, model.discrete.size]))[0]

    is_open = given.is_open
    log_prob = marginal() if is_open is None else tf.cond(is_open, marginal, without_d)
    if model.target == "y":
        return log_prob
    return log_prob - model.prior.rate(encoded.posterior, noise, seed=prior_seed, analytic=False)


def log_likelihood(
    model,
    x: Any,
    num_samples: int,
    y: Any,
    batch_size: int,
    seed: int,
    verbose: str | int = 0,
) -> np.ndarray:
    """See `Queryable.log_likelihood`."""
    num_samples = _checks.positive_int("num_samples", num_samples)
    batch_size = _checks.positive_int("batch_size", batch_size)
    if isinstance(x, tf.data.Dataset):
        raise ValueError(
            "`x` must be an array, received a dataset. "
            "`tfvae.evaluation.log_likelihood(model, dataset)` takes one."
        )
    x = np.asarray(accepted.numbers_of("x", x, model.columns, model.takes_missing))
    if model.built:
        inputs.check_shape("x", x.shape, model.data_shape)
    found = beside.arrays(y, model.needs, len(x))
    model.prepared(x[:1], {name: value[:1] for name, value in found.items()})
    inputs.check_support(model, "target" if "target" in found else "x", found.get("target", x))
    if not np.all(np.isfinite(found.get("condition", 0.0))):
        raise ValueError("`condition` must be finite everywhere, received NaN or infinity in y.")
    chunk = max(1, min(num_samples, ROWS_AT_A_TIME // min(batch_size, max(1, len(x)))))
    bounds = []
    with _progress.progress(len(x), verbose, "example") as add:
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            batch = model.prepared(x[rows], {name: value[rows] for name, value in found.items()})
            own_seed = tf.random.experimental.stateless_fold_in(_seeds.stateless(seed), start)
            bounds.append(model.chunked_bound(batch, own_seed, num_samples, chunk).numpy())
            add(len(x[rows]))
    return np.concatenate(bounds) if bounds else np.zeros([0], "float32")


def chunked_bound(model, batch: Batch, seed: tf.Tensor, num_samples: int, chunk: int) -> tf.Tensor:
    """log mean exp of `num_samples` log-weights, `chunk` of them at a time; (B,)."""

    def add(log_sum, index, size):
        own_seed = tf.random.experimental.stateless_fold_in(seed, index)
        found = log_weights(model, batch, size, seed=own_seed)
        return tf.reduce_logsumexp(tf.concat([log_sum[tf.newaxis], found], 0), axis=0)

    whole, rest = divmod(num_samples, chunk)
    with model.prior.held():
        _, log_sum = tf.while_loop(
            lambda index, _: index < whole,
            lambda index, log_sum: (index + 1, add(log_sum, index, chunk)),
            (0, tf.fill([tf.shape(batch.x)[0]], -np.inf)),
            parallel_iterations=1,
        )
        if rest:
            log_sum = add(log_sum, whole, rest)
    return log_sum - np.log(num_samples).astype("float32")
