"""One way to go through data of any kind that `fit` takes, and what a model encodes on it."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf


def batches(data, batch_size: int = 512) -> Iterator[np.ndarray]:
    """Yields x of array, tf.data.Dataset (batched) or PyDataset, without labels, as NumPy arrays.

    Args:
        data: array (n, *data), or what yields x, (x, y) or (x, y, sample weight).
        batch_size: rows at a time of an array; datasets keep their own.

    Raises:
        ValueError: when there is no example.
    """
    if isinstance(data, tf.data.Dataset):
        source = iter(data)
    elif isinstance(data, keras.utils.PyDataset):
        source = (data[index] for index in range(data.num_batches))
    else:
        array = np.asarray(data)
        source = (array[i : i + batch_size] for i in range(0, len(array), batch_size))
    empty = True
    for batch in source:
        x, _, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if len(x):
            empty = False
            yield np.asarray(x)
    if empty:
        raise ValueError("`data` is empty: at least one example is needed.")


def posterior_moments(model, data, *, batch_size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """μ(x) and σ(x) of q(z|x) for every example, or every step of sequences: two arrays (n, N_z).

    Of q(s|x) where the prior makes z of sources s, (n, num_sources·N_z).
    """
    posteriors = [model.encode(x) for x in batches(data, batch_size)]
    loc = [_rows(posterior.mean()) for posterior in posteriors]
    return np.concatenate(loc), np.concatenate([_rows(p.stddev()) for p in posteriors])


def latent_codes(model, data, *, batch_size: int = 512) -> np.ndarray:
    """`model.embed` of every example, or every step of sequences: (n, N_z)."""
    return np.concatenate([_rows(model.embed(x)) for x in batches(data, batch_size)])


def _rows(values):
    values = np.asarray(values)
    return values.reshape(-1, values.shape[-1])
