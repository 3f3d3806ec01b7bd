"""A random part of data with factors, and what a model encodes of it."""

import keras
import numpy as np
import tensorflow as tf

from tfvae.evaluation.disentanglement.inputs import named_factors
from tfvae.models.batches import batches, posterior_moments

# Of the mean KL(q(z_i|x) ‖ N(0, 1)), nats.
ACTIVE_KL = 0.1


def encoded(model, x, batch_size: int):
    """Posterior means, categories and which latents are active.

    Returns:
        Means of q(z|x), (n, N_z); `model.categories(x)`, int (n, V), or None for a model without
        discrete latents; whether E_x KL(q(z_i|x) ‖ N(0, 1)) > 0.1 nats, (N_z,) bool.
    """
    loc, scale = posterior_moments(model, x, batch_size=batch_size)
    categories = None
    if getattr(model, "num_categories", None):
        parts = [np.asarray(model.categories(rows)) for rows in batches(x, batch_size)]
        categories = np.concatenate(parts)
    return loc, categories, kl_to_standard_normal(loc, scale) > ACTIVE_KL


def kl_to_standard_normal(loc, scale) -> np.ndarray:
    """E_x KL(q(z_i|x) ‖ N(0, 1)) = E ½ (μ² + σ² − 1 − log σ²), (n, N_z) -> (N_z,), nats."""
    loc, scale = np.asarray(loc, dtype="float64"), np.asarray(scale, dtype="float64")
    with np.errstate(divide="ignore"):
        return np.mean(0.5 * (loc**2 + scale**2 - 1.0) - np.log(scale), axis=0)


def random_part(data, factors, number: int, seed: int):
    """At most `number` examples, each set of them with the same probability, with their factors.

    Args:
        data: array (n, *data) beside `factors`; or, with `factors` None, a batched tf.data.Dataset
            or PyDataset of (x, factors), which is gone through once.
        factors: states, (n, F), (n,) or dict of (n,), or None.
        number: of examples.
        seed: of the choice.

    Returns:
        x, and the dict of its factors.

    Raises:
        ValueError: when there is no example or no factor, lengths differ, or the data never end.
    """
    rng = np.random.default_rng(seed)
    pool, size = [], 0
    for x, states in _batches_with_factors(data, factors):
        # The examples with the smallest keys are a random part of all, whatever their order.
        pool.append((rng.random(len(x)), x, states))
        size += len(x)
        if size > 2 * number:
            pool = [_smallest(pool, number)]
            size = number
    if not size:
        raise ValueError("`data` is empty: at least one example is needed.")
    return _smallest(pool, number)[1:]


def _smallest(pool, number):
    """The parts of the pool in one, with the examples of the smallest keys only, in key order."""
    joined = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *pool)
    rows = np.argsort(joined[0])[:number]
    return tf.nest.map_structure(lambda values: values[rows], joined)


def _batches_with_factors(data, factors):
    """Yields (x, dict of factors), in NumPy."""
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError("`data` repeats without end: `data.take(number_of_batches)` cuts it.")
        source = iter(data)
    elif isinstance(data, keras.utils.PyDataset):
        source = (data[index] for index in range(data.num_batches))
    elif factors is None:
        raise ValueError(
            "`factors` is needed beside an array; without it `data` must be a dataset of "
            "(x, factors)."
        )
    else:
        yield _matched(np.asarray(data), factors)
        return
    if factors is not None:
        raise ValueError(
            "`factors` goes with an array; a dataset brings its own, as it yields (x, factors)."
        )
    for batch in source:
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if y is None:
            raise ValueError("`data` has no factors: a dataset must yield (x, factors).")
        yield _matched(*tf.nest.map_structure(np.asarray, (x, y)))


def _matched(x, factors):
    factors = named_factors(factors)
    for name, values in factors.items():
        if len(values) != len(x):
            raise ValueError(
                f"`factors` must have a value for each example, received {len(values)} values of "
                f"{name!r} and {len(x)} examples."
            )
    return x, factors
