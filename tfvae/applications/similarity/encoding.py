"""What an index that was made from a model does with x: the latents that stand for it."""

import hashlib
import os
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.models import LatentVariableModel, inputs
from tfvae.models.data import numpy_batches
from tfvae.presets.preset import read_model

FILE = "model.keras"


class Encoder:
    """x to z, (n, N_z): the means of q(z|x), in batches, by one compiled function.

    Of a prior that makes z of noise, the latents at the mean of the noise. Categories are no part.

    Args:
        model: a built model of single examples, without a condition.
        batch_size: examples at a time.

    Raises:
        ValueError: when the model is not built, takes sequences or has a condition.
    """

    def __init__(self, model: LatentVariableModel, batch_size: int) -> None:
        _checks.instance_of("model", model, LatentVariableModel, "tfvae.VAE(latent_dim=2)")
        self.batch_size = _checks.positive_int("batch_size", batch_size)
        problem = None
        if not model.built:
            problem = "built for its data, received one that is not. Call `fit` first"
        elif model.sequence_axes:
            problem = (
                "a model of single examples, received one of sequences, with latents for each "
                "step. Encode what is to be compared, and give it to SimilarityIndex(dim)"
            )
        elif model.condition is not None:
            problem = (
                "a model that reads x alone, received one with a condition. Encode x with its "
                "condition, and give the encodings to SimilarityIndex(dim)"
            )
        if problem:
            raise ValueError(f"`model` must be {problem}.")
        self.model = model
        signature = [tf.TensorSpec([None, *model.data_shape], tf.float32)]
        self._latents = tf.function(self._traced, input_signature=signature, autograph=False)

    def _traced(self, x):
        batch = self.model.prepared(x, purpose=())
        z = self.model.prior.embedding(self.model.encoded(batch).posterior)
        # A network may turn NaN into an ordinary number.
        usable = inputs.usable_rows(self.model, batch)[:, tf.newaxis]
        return tf.where(usable, tf.cast(z, tf.float32), np.nan)

    def __call__(self, x: Any, name: str = "x") -> np.ndarray:
        """Latents of x, an array, table, tf.data.Dataset or PyDataset: float32 (n, N_z).

        Raises:
            ValueError: when x does not fit the model.
        """
        if isinstance(x, (list, tuple)):
            x = np.asarray(x, "float32")
        shape = self.model.data_shape
        if hasattr(x, "shape") and len(x.shape) == len(shape) + 1 and not len(x):
            return np.zeros((0, self.model.latent_dim), "float32")
        batches = numpy_batches(x, batch_size=self.batch_size, columns=self.model.columns)
        parts = []
        for batch, _ in batches:
            if batch.shape[1:] != tuple(shape):
                raise ValueError(
                    f"`{name}` must have the shape (n, {', '.join(map(str, shape))}), as what the "
                    f"model was trained on, received {batch.shape}."
                )
            parts.append(self._latents(tf.cast(batch, tf.float32)).numpy())
        z = np.concatenate(parts)
        bad = np.flatnonzero(~np.all(np.isfinite(z), axis=1))
        if len(bad):
            raise ValueError(
                f"`{name}` must hold examples that the model can encode, each value "
                f"{self.model.likelihood.allowed}, received {len(bad)} of {len(z)} that it cannot; "
                f"the first is number {bad[0]}. Leave them out, or bring all to the unit of the "
                "training."
            )
        return z


def digest(model: LatentVariableModel) -> str:
    """SHA-256 of all that decides the encodings: weights of encoder, posterior head and prior.

    A decoder, an optimizer or λ that went on to learn do not change it.
    """
    found = hashlib.sha256(type(model).__name__.encode())
    prior = model.prior.weights if not model.prior.posterior_is_over_z else []
    layers = [*model.encoders, model.posterior_head]
    for weight in [*(one for layer in layers for one in layer.weights), *prior]:
        values = np.asarray(weight)
        found.update(f"{values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def write(folder: str | os.PathLike, model: LatentVariableModel) -> None:
    """Writes the model beside an index."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / FILE)


def read(
    folder: str | os.PathLike, wanted: str | None, model: LatentVariableModel | None
) -> LatentVariableModel | None:
    """The model of an index: the one given, or the one in its folder; None: it has none.

    Args:
        folder: of the index.
        wanted: the digest of the model that encoded the entries; None: vectors were given.
        model: the same model, if it is at hand.

    Raises:
        ValueError: when the model is missing or damaged, or another one encoded the entries.
    """
    if wanted is None:
        if model is not None:
            raise ValueError(
                "`model` must be None for an index of vectors, received "
                f"{type(model).__name__}. Make an index by SimilarityIndex.from_model(model)."
            )
        return None
    path = pathlib.Path(folder) / FILE
    if model is None:
        if not path.is_file():
            raise ValueError(
                f"`folder` must hold {FILE}, the model that encoded the entries, received "
                f"{os.fspath(folder)!r} without. Copy the whole folder, or give `model`."
            )
        found, source = read_model(path, compile=False), f"{str(path)!r}"
    else:
        _checks.instance_of("model", model, LatentVariableModel, "tfvae.load(folder)")
        found, source = model, "`model`"
    if digest(found) != wanted:
        raise ValueError(
            "`model` must be the model that encoded the entries of the index, received another "
            f"one ({source}): its encoder has other weights. Give that model, or make a new index."
        )
    return found
