"""Shared by the exports without TensorFlow: the check of a written file, and the card."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.serving import card, folders
from tfvae.serving.inputs import Inputs
from tfvae.serving.signatures import Signature

TOLERANCE = 1e-4
_BATCHES = (1, 5)


def check(
    name: str,
    signature: Signature,
    run: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
    inputs: Inputs,
) -> None:
    """Compares the outputs of a written file with the outputs of the model.

    Args:
        name: name of the part, for the message.
        signature: the part of the model.
        run: function from a dict of inputs to a dict of outputs that runs the file.
        inputs: the inputs of the model.

    Raises:
        RuntimeError: if they differ by more than 1e-4 of max(1, |value|).
    """
    for batch in _BATCHES:
        values = inputs.random(signature.inputs, batch, seed=batch)
        found = run(values)
        wanted = signature.function(**{key: tf.constant(value) for key, value in values.items()})
        for key, value in wanted.items():
            value = value.numpy()
            error = np.max(np.abs(found[key] - value) / np.maximum(1.0, np.abs(value)))
            if found[key].shape != value.shape or not error <= TOLERANCE:
                raise RuntimeError(
                    f"The file of the {name} gives another {key} than the model: the largest "
                    f"difference must be at most {TOLERANCE:g} of max(1, |value|), received "
                    f"{error:.2g} for {batch} examples. Nothing was written. Use `tfvae.export`, "
                    "which writes a SavedModel."
                )


def write_card(folder: str, described: dict[str, Any], section: str) -> None:
    """Writes model_card.json and MODEL_CARD.md."""
    folders.write(os.path.join(folder, "model_card.json"), card.as_json(described))
    folders.write(os.path.join(folder, "MODEL_CARD.md"), card.as_markdown(described, section))
