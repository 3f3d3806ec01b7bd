"""A random subset of data with factors, and its encoding by a model."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae.evaluation.disentanglement.inputs import named_factors
from tfvae.models import LatentVariableModel, accepted, beside
from tfvae.models.data import numpy_batches, posterior_moments

# What is used beside x.
NOTHING = beside.Needs()
# Threshold of the mean KL(q(z_i|x) ‖ N(0, 1)), nats.
ACTIVE_KL = 0.1


def encoded(
    model: LatentVariableModel, x: np.ndarray, y: Any, batch_size: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Encodes examples.

    Returns:
        Means of q(z|x), (n, N_z); `model.categories(x, y)`, int (n, V), or None for a model without
        discrete latents; the active latents, E_x KL(q(z_i|x) ‖ N(0, 1)) > 0.1 nats, (N_z,) bool.
    """
    loc, scale = posterior_moments(model, x, y, batch_size=batch_size)
    categories = None
    if model.num_categories:
        batches = numpy_batches(x, y, batch_size=batch_size, columns=model.columns)
        categories = np.concatenate([model.categories(rows, found) for rows, found in batches])
    return loc, categories, kl_to_standard_normal(loc, scale) > ACTIVE_KL


def kl_to_standard_normal(loc: ArrayLike, scale: ArrayLike) -> np.ndarray:
    """Returns E_x KL(q(z_i|x) ‖ N(0, 1)) = E ½ (μ² + σ² − 1 − log σ²), (n, N_z) -> (N_z,), nats."""
    loc, scale = np.asarray(loc, dtype="float64"), np.asarray(scale, dtype="float64")
    with np.errstate(divide="ignore"):
        return np.mean(0.5 * (loc**2 + scale**2 - 1.0) - np.log(scale), axis=0)


def random_part(
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    factors: ArrayLike | dict[str, ArrayLike] | None,
    number: int,
    seed: int,
    *,
    y: Any = None,
    needs: beside.Needs = NOTHING,
    columns: list | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draws at most `number` examples without replacement, with their factors.

    Args:
        data: array (n, *data) if `factors` are given; else a batched tf.data.Dataset or PyDataset
            of (x, factors), which is read once.
        factors: states of the factors of an array, (n, F), (n,) or dict of (n,); else None.
        number: largest number of examples.
        seed: seed for the choice.
        y: what the model needs beside an array.
        needs: what the model takes beside x. A dataset gives it among its factors, by name.
        columns: the names that the columns of a table must have, `model.columns`; None: any.

    Returns:
        x, the dict of its factors, and labels and condition by name.

    Raises:
        ValueError: if there is no example or no factor, lengths differ, a part of y is missing, or
            the data never end.
    """
    rng = np.random.default_rng(seed)
    pool, size = [], 0
    for x, states, beside_x in _batches_with_factors(data, factors, y, needs, columns):
        # Keys are random, so the examples with the smallest keys are a random subset.
        pool.append((rng.random(len(x)), x, states, beside_x))
        size += len(x)
        if size > 2 * number:
            pool = [_smallest(pool, number)]
            size = number
    if not size:
        raise ValueError("`data` must hold at least one example, received none.")
    return _smallest(pool, number)[1:]


def _smallest(pool: list[tuple], number: int) -> tuple:
    """Joins the parts of the pool and keeps the `number` smallest keys, in key order."""
    # Of an array there is one part: concatenating would copy all of it.
    joined = pool[0]
    if len(pool) > 1:
        joined = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *pool)
    keys = joined[0]
    rows = np.arange(len(keys))
    if number < len(keys):  # To sort all keys would take longer than what is done with the rows.
        rows = np.argpartition(keys, number)[:number]
    rows = rows[np.argsort(keys[rows])]
    return tf.nest.map_structure(lambda values: values[rows], joined)


def _batches_with_factors(
    data, factors, y, needs, columns
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Yields (x, dict of factors, labels and condition by name)."""
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "`data` must be finite, received a dataset that repeats without end. Use "
                "`data.take(number_of_batches)`."
            )
        source = iter(data)
    elif isinstance(data, keras.utils.PyDataset):
        source = (data[index] for index in range(data.num_batches))
    elif factors is None:
        raise ValueError(
            "`factors` must be given with an array, received None. Give them, or a dataset of "
            "(x, factors)."
        )
    else:
        x = np.asarray(accepted.numbers_of("data", data, columns))
        yield *_matched(x, factors), beside.arrays(y, needs, len(x), beside.INPUTS)
        return
    for name, value in (("factors", factors), ("y", y)):
        if value is not None:
            raise ValueError(
                f"`{name}` must be None for a dataset of (x, factors), received a "
                f"{type(value).__name__}. Leave it out."
            )
    for batch in source:
        x, factors, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if factors is None:
            raise ValueError("`data` must yield (x, factors), received a dataset of x alone.")
        x, factors = tf.nest.map_structure(np.asarray, (x, factors))
        given = factors
        if isinstance(factors, dict) and all(name in factors for name in needs.required):
            given = {name: factors[name] for name in needs.names if name in factors}
        found = beside.arrays(given, needs, len(x), beside.INPUTS)
        if isinstance(factors, dict):
            factors = {name: factors[name] for name in factors if name not in needs.names}
        yield *_matched(x, factors), found


def _matched(x: np.ndarray, factors) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns x and the dict of its factors, with lengths checked."""
    factors = named_factors(factors)
    for name, values in factors.items():
        if len(values) != len(x):
            raise ValueError(
                f"`factors` must have a value for each example, received {len(values)} values of "
                f"{name!r} and {len(x)} examples."
            )
    return x, factors
