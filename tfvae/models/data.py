"""One way to go through data of any kind that `fit` takes, and what a model encodes on it."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.distributions import is_diagonal_gaussian
from tfvae.models import accepted, beside
from tfvae.models.latents import joined

# Batches that are encoded without a compiled function, unless there is one.
EAGER_BATCHES = 4
# What `encode` needs beside x, of a model with a condition.
CONDITION = ("condition",)


def numpy_batches(
    data: Any, y: Any = None, *, batch_size: int = 512, columns: list | None = None
) -> Iterator[tuple[np.ndarray, Any]]:
    """Yields (x, y) of array, tf.data.Dataset (batched) or PyDataset, as NumPy arrays.

    A model picks from y what it needs, see `LatentVariableModel`; one that needs nothing ignores y.

    Args:
        data: array (n, *data), or what yields x, (x, y) or (x, y, sample weight).
        y: what comes beside an array: an array, or a dict of arrays, with a row for each example.
        batch_size: rows at a time of an array; datasets keep their own.
        columns: the names that the columns of a table must have, `model.columns`; None: any.

    Raises:
        ValueError: when there is no example, y does not have as many rows as an array, or y comes
            beside a dataset.

    Example:
        >>> import numpy as np, tfvae
        >>> batches = tfvae.evaluation.numpy_batches(np.zeros((5, 2)), np.arange(5), batch_size=3)
        >>> [(x.shape, y) for x, y in batches]
        [((3, 2), array([0, 1, 2])), ((2, 2), array([3, 4]))]
    """
    is_dataset = isinstance(data, (tf.data.Dataset, keras.utils.PyDataset))
    if is_dataset and y is not None:
        raise ValueError(
            f"`y` must be None for a {type(data).__name__}, received a {type(y).__name__}. Give a "
            "dataset of (x, y)."
        )
    if isinstance(data, tf.data.Dataset):
        source = iter(data)
    elif is_dataset:
        source = (data[index] for index in range(data.num_batches))
    else:
        data = accepted.numbers_of("data", data, columns)
        source = _slices(np.asarray(data), y, batch_size)
    empty = True
    for batch in source:
        x, found, _ = beside.unpack(batch)
        x = accepted.numbers_of("data", x, columns)
        if len(x):
            empty = False
            yield np.asarray(x), _arrays(found)
    if empty:
        raise ValueError("`data` must hold at least one example, received an empty set.")


def _slices(x, y, batch_size):
    """Parts of arrays, (x, y)."""
    y = _arrays(y)
    for name, values in y.items() if isinstance(y, dict) else [("y", y)]:
        if values is not None:
            beside.check_rows(name, values, len(x))
    for start in range(0, len(x), batch_size):
        yield x[start : start + batch_size], rows_of(y, slice(start, start + batch_size))


def rows_of(y: Any, rows: Any) -> Any:
    """The rows of y, an array, a dict of arrays or None."""
    if isinstance(y, dict):
        return {name: rows_of(values, rows) for name, values in y.items()}
    return None if y is None else np.asarray(y)[rows]


def _arrays(y):
    if isinstance(y, dict):
        return {name: _arrays(values) for name, values in y.items()}
    return None if y is None else np.asarray(y)


def posterior_moments(
    model: Any, data: Any, y: Any = None, *, batch_size: int = 512, gaussian: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """μ(x) and σ(x) of q(z|x) for every example, or every step of sequences: two arrays (n, N_z).

    Of the noise where the prior makes z of noise, (n, noise_per_latent·N_z). `y` holds the
    condition of a model with one. With `gaussian`, the moments are all of q(z|x).

    Raises:
        ValueError: when an encoding is not finite; with `gaussian`, when q(z|x) is no diagonal
            Gaussian.
    """
    function = _gaussian_moments if gaussian else _moments
    moments = _of_batches(model, function, data, y, batch_size, CONDITION)
    loc, scale = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    bad = np.flatnonzero(~np.all(np.isfinite(loc) & np.isfinite(scale), axis=1))
    if len(bad):
        raise ValueError(
            f"`data` must hold finite numbers, received {len(bad)} of {len(loc)} examples or steps "
            f"whose encodings are not finite; the first is number {bad[0]}. Leave them out, or "
            "fill the gaps."
        )
    return loc, scale


def latents(model: Any, data: Any, y: Any = None, *, batch_size: int = 512) -> np.ndarray:
    """z that stands for every example, or every step of sequences, (n, N_z), without categories.

    It is the posterior mean, or the latents at the mean of the noise that they are made of. `y`
    holds the condition of a model with one; labels are not needed.
    """
    parts = _of_batches(model, _latents, data, y, batch_size, CONDITION)
    return np.concatenate([z for (z,) in parts])


def embeddings(model: Any, data: Any, y: Any = None, *, batch_size: int = 512) -> np.ndarray:
    """`model.embed` of every example, or every step of sequences: [z, one-hot d], (n, N_z + Σ S_v).

    `y` holds the labels and the condition of a model that needs them.
    """
    parts = _of_batches(model, _embeddings, data, y, batch_size, beside.INPUTS)
    return np.concatenate([z for (z,) in parts])


def decoder_inputs(model: Any, data: Any, y: Any = None, *, batch_size: int = 512) -> np.ndarray:
    """What the decoder is given for every example, or every step: [z, one-hot d, embedded c].

    Args:
        model: a model of the library.
        data: array, tf.data.Dataset or PyDataset.
        y: labels and condition beside an array, for a model that needs them.
        batch_size: rows at a time of an array.

    Returns:
        (n, decoder_input_dim): z in the first N_z columns, after them what is held when z moves.
    """
    parts = _of_batches(model, _decoder_inputs, data, y, batch_size, beside.INPUTS)
    return np.concatenate([rows for (rows,) in parts])


def _of_batches(model, function, data, y, batch_size, purpose):
    """`function(model, x, y)`, a tuple of tensors, of every batch as arrays (rows, …).

    A few batches are done before a function is traced, and all of a model that has methods of its
    own in place of `encode` or `embed`, or is a stand-in with nothing else.
    """
    traced = getattr(model, "traced", None)
    batches = numpy_batches(data, y, batch_size=batch_size, columns=model.columns)
    for number, (x, found) in enumerate(batches):
        if traced is None or number < EAGER_BATCHES:
            values = function(model, x, found)
        else:
            batch = model.prepared(x, found, purpose)
            parts = {"labels": batch.labels, "condition": batch.condition}
            known = {name: part for name, part in parts.items() if part is not None}
            values = traced(function)(batch.x, known or None)
        yield tuple(_rows(one) for one in values)


def _moments(model, x, y):
    posterior = model.encode(x, y)
    return posterior.mean(), posterior.stddev()


def _gaussian_moments(model, x, y):
    posterior = model.encode(x, y)
    if not is_diagonal_gaussian(posterior):
        raise ValueError(
            "`posterior` must be a diagonal Gaussian, tfd.Independent(tfd.Normal(μ, σ), 1), "
            f"for a prior that is fitted to its moments, received {posterior!r}."
        )
    return posterior.mean(), posterior.stddev()


def _latents(model, x, y):
    return (model.prior.embedding(model.encode(x, y)),)


def _embeddings(model, x, y):
    return (model.embed(x, y),)


def _decoder_inputs(model, x, y):
    batch = model.prepared(x, y, beside.INPUTS)
    encoded = model.encoded(batch)
    return (joined(model.embedding(batch, encoded), None, encoded.condition),)


def _rows(values):
    values = np.asarray(values)
    return values.reshape(-1, values.shape[-1])
