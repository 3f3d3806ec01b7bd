"""Draws from the prior and from the model."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.models import beside, inputs, latents
from tfvae.models.evidence import ROWS_AT_A_TIME


def sample_prior(model, num_samples: Any, y: Any, seed: Any) -> tf.Tensor:
    """See `Queryable.sample_prior`."""
    z = model.prior.sample(num_samples, seed=seed)
    if model.discrete is None:
        return z
    found = beside.parts(y, model.needs, beside.INPUTS)
    labels = inputs.label_rows(model, found.get("labels"), num_samples)
    d = model.discrete.one_hot(model.discrete.sample(num_samples, seed=seed, labels=labels))
    return tf.concat([z, latents.where_open(d, model.discrete_is_open)], axis=-1)


def generate(model, num_samples: int, y: Any, seed: tf.Tensor, mean: bool) -> np.ndarray:
    """See `Queryable.generate`."""
    found = beside.parts(y, model.needs, beside.INPUTS)
    z = model.sample_prior(num_samples, found, seed=seed)
    condition = inputs.condition_rows(model, found.get("condition"))
    if condition is not None:
        inputs.check_one_or_all("condition", condition, num_samples)
        if not np.all(np.isfinite(condition)):
            raise ValueError("`condition` must be finite, received NaN or infinity in y.")
        condition = tf.broadcast_to(condition, [num_samples, model.condition_dim])
        if model.sequence_axes:
            condition = condition[:, tf.newaxis]
    decoder_input = latents.joined(z, None, condition)
    parts = []
    for start in range(0, num_samples, ROWS_AT_A_TIME):
        outputs = model.decoder_outputs(decoder_input[start : start + ROWS_AT_A_TIME])
        if mean:
            parts.append(model.likelihood.mean(outputs).numpy())
        else:
            own_seed = tf.random.experimental.stateless_fold_in(seed, start + 1)
            parts.append(model.likelihood.distribution(outputs).sample(seed=own_seed).numpy())
    return np.concatenate(parts)
