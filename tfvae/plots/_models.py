"""Checked arguments, encodings and decodings of a model, as NumPy arrays."""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae.models import accepted, beside, data, inputs

BATCH = 1024


def check_built(model: keras.Model) -> None:
    """Raises a ValueError if the model has no weights yet."""
    if not model.built:
        raise ValueError(
            f"`model` must be built, received a {type(model).__name__} that has no weights yet. "
            "Call `fit`, or `build((None, *shape_of_one_example))`, before you plot it."
        )


def checked_data(model: keras.Model, x: ArrayLike) -> np.ndarray:
    """`x` as an array (n, *data), n ≥ 1."""
    check_built(model)
    x = np.asarray(accepted.numbers_of("x", x, model.columns, model.takes_missing))
    if x.shape[1:] != tuple(model.data_shape) or len(x) == 0:
        raise ValueError(
            f"`x` must have the shape (n, {', '.join(map(str, model.data_shape))}) with n ≥ 1, as "
            f"the model's data, received {x.shape}."
        )
    return x


def feature_names(model: keras.Model) -> list[str] | None:
    """Names of the features that the decoder explains, if the model was trained on a table."""
    names = model.columns
    is_row = model.target == "x" and len(model.target_shape) == 1
    if not is_row or names is None or len(names) != model.target_shape[0]:
        return None
    # pandas numbers the columns of a table without names.
    return None if all(isinstance(name, int) for name in names) else [str(name) for name in names]


def checked_latents(model: keras.Model, name: str, z: ArrayLike) -> np.ndarray:
    """`z` as an array (n, N_z), or (n, embedding_dim) with categories, n ≥ 1."""
    check_built(model)
    z = np.asarray(z, dtype="float32")
    lengths = sorted({model.latent_dim, model.embedding_dim})
    if z.ndim != 2 or z.shape[1] not in lengths or len(z) == 0:
        shapes = " or ".join(f"(n, {length})" for length in lengths)
        raise ValueError(
            f"`{name}` must have the shape {shapes}, points of the latent space, received "
            f"{z.shape}."
        )
    return z


def checked_beside(
    model: keras.Model, y: Any, num_examples: int, purpose: tuple[str, ...] = beside.NAMES
) -> dict[str, np.ndarray]:
    """What the model needs beside x by name, arrays with a row for each example."""
    return beside.arrays(y, model.needs, num_examples, purpose)


def beside_one(model: keras.Model, y: Any) -> dict[str, np.ndarray]:
    """Labels and condition of one example, as arrays with one row."""
    found = beside.parts(y, model.needs, beside.INPUTS)
    rows = {}
    if "labels" in found:
        rows["labels"] = inputs.label_rows(model, found["labels"]).numpy()
    if "condition" in found:
        condition = np.asarray(found["condition"])
        single = condition.ndim <= len(model.condition_shape)
        rows["condition"] = condition[np.newaxis] if single else condition
    for name, value in rows.items():
        if len(value) != 1:
            raise ValueError(f"`{name}` must be that of one example, received {len(value)}.")
    return rows


def check_single(model: keras.Model) -> None:
    """Raises a ValueError if the examples of the model are sequences."""
    if model.sequence_axes:
        raise ValueError(
            f"`model` must be a model of single examples, received a {type(model).__name__} of "
            "sequences. Use `tfvae.plots.capsule_traversals` to show latents of sequences."
        )


def decoder_inputs(model: keras.Model, x: np.ndarray, y: Any) -> np.ndarray:
    """[z, d, c] that stand for x, (n, decoder_input_dim), with an axis T of sequences before."""
    rows = data.decoder_inputs(model, x, y)
    return rows.reshape(-1, *model.sequence_shape, model.decoder_input_dim)


def mean_of_inputs(model: keras.Model, decoder_input: np.ndarray) -> np.ndarray:
    """E[x|z, d, c] of decoder inputs, (n, …, decoder_input_dim) -> (n, …, *step)."""
    size = max(1, BATCH // math.prod(decoder_input.shape[1:-1]))
    parts = (decoder_input[i : i + size] for i in range(0, len(decoder_input), size))
    outputs = (model.decoder_outputs(np.asarray(part, "float32")) for part in parts)
    return np.concatenate([model.likelihood.mean(one).numpy() for one in outputs])


def decoded(model: keras.Model, z: np.ndarray, y: Any = None) -> np.ndarray:
    """E[x|z, d, c] of points, with labels and condition of one example for all: (n, *target)."""
    return np.concatenate(
        [model.decode_mean(z[i : i + BATCH], y).numpy() for i in range(0, len(z), BATCH)]
    )
