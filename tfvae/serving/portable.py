"""What the exports in formats without TensorFlow share: parts, checks of the files, the card."""

import os

import numpy as np
import tensorflow as tf

from tfvae.serving import card, folders

TOLERANCE = 1e-4
_BATCHES = (1, 5)


def check(name, signature, run, model, scaling):
    """Compares what a written file gives with what the model gives.

    Args:
        name: of the part, for the message.
        signature: a `Signature` of the model.
        run: function from a dict of inputs to a dict of outputs, NumPy, that uses the file.
        model: the model.
        scaling: a `Scaling`.

    Raises:
        RuntimeError: when they differ by more than 1e-4 of max(1, |value|).
    """
    rng = np.random.default_rng(0)
    for batch in _BATCHES:
        inputs = {}
        for spec in signature.inputs:
            shape = [batch, *spec.shape[1:]]
            if spec.name == "x":  # within every likelihood's support
                x = rng.uniform(0.05, 0.95, size=shape).astype("float32")
                inputs["x"] = np.asarray(scaling.to_raw(x), "float32")
            else:
                inputs[spec.name] = rng.normal(size=shape).astype("float32")
        found = run(inputs)
        wanted = signature.function(**{key: tf.constant(value) for key, value in inputs.items()})
        for key, value in wanted.items():
            value = value.numpy()
            error = np.max(np.abs(found[key] - value) / np.maximum(1.0, np.abs(value)))
            if found[key].shape != value.shape or not error <= TOLERANCE:
                raise RuntimeError(
                    f"The file of the {name} gives another {key} than the model: the largest "
                    f"difference is {error:.2g} of max(1, |value|), {TOLERANCE:g} are allowed, for "
                    f"{batch} examples. Nothing was written; `tfvae.export` writes a SavedModel."
                )


def write_card(folder, described: dict, section: str):
    """Writes model_card.json and MODEL_CARD.md."""
    folders.write(os.path.join(folder, "model_card.json"), card.as_json(described))
    folders.write(os.path.join(folder, "MODEL_CARD.md"), card.as_markdown(described, section))
