"""Missing values, by what a model makes of those that are there."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks, _seeds
from tfvae.models import accepted, beside, evidence, inputs, latents


def impute(
    model, x: Any, num_samples: int | None, y: Any, num_proposals: int, seed: int
) -> np.ndarray:
    """See `Queryable.impute`."""
    if not model.takes_missing:
        raise ValueError(
            "`impute` needs a model that takes NaN in x as a missing value, received a "
            f"{type(model).__name__} that does not. Make it with a likelihood that is told so, "
            'such as likelihood=tfvae.likelihoods.Gaussian(missing=True), and target="x".'
        )
    inputs.check_built(model, "impute")
    num_proposals = _checks.positive_int("num_proposals", num_proposals)
    if num_samples is not None:
        num_samples = _checks.positive_int("num_samples", num_samples)
        if model.discrete is not None:
            raise ValueError(
                "`num_samples` must be None for a model with discrete latents, received "
                f"{num_samples}: the draws resample z alone. Take the mean."
            )
    x = np.asarray(accepted.numbers_of("x", x, model.columns, True), "float32")
    inputs.check_shape("x", x.shape, model.data_shape)
    inputs.check_support(model, "x", x)
    found = beside.arrays(y, model.needs, len(x), beside.INPUTS)
    rows_at_a_time = evidence.ROWS_AT_A_TIME
    if num_samples is not None:
        rows_at_a_time = max(1, rows_at_a_time // max(num_proposals, num_samples))
    parts = []
    for start in range(0, len(x), rows_at_a_time):
        rows = slice(start, start + rows_at_a_time)
        batch = model.prepared(x[rows], {n: v[rows] for n, v in found.items()}, beside.INPUTS)
        if num_samples is None:
            values = _mean(model, batch)
        else:
            own_seed = tf.random.experimental.stateless_fold_in(_seeds.stateless(seed), start)
            values = _draws(model, batch, num_samples, num_proposals, own_seed)
        parts.append(tf.where(tf.math.is_nan(batch.x), values, batch.x).numpy())
    axis = 0 if num_samples is None else 1
    return np.concatenate(parts, axis) if parts else x


def _mean(model, batch):
    """E[x|z] at the embedding, (B, *data)."""
    encoded = model.encoded(batch)
    z = latents.joined(model.embedding(batch, encoded), None, encoded.condition)
    return model.likelihood.mean(model.decoder_outputs(z))


def _draws(model, batch, num_samples, num_proposals, seed):
    """Draws of p(x|z), z one of the proposals in proportion to its weight; (num_samples, B, …)."""
    seeds = [tf.random.experimental.stateless_fold_in(seed, i) for i in range(3)]
    inference = model.infer(batch, seed=seeds[0], num_samples=num_proposals, analytic=False)
    log_weights = -(inference.terms.distortion + inference.terms.rate)  # (L, B)
    chosen = tf.random.stateless_categorical(
        tf.transpose(log_weights), num_samples, seed=seeds[1], dtype=tf.int32
    )
    outputs = tf.gather(
        tf.experimental.numpy.swapaxes(inference.outputs, 0, 1), chosen, batch_dims=1
    )
    outputs = tf.experimental.numpy.swapaxes(outputs, 0, 1)
    return model.likelihood.distribution(outputs).sample(seed=seeds[2])
