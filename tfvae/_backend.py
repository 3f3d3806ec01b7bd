"""Checks, before anything else is imported, that Keras runs on TensorFlow."""

import os

_REMEDY = (
    "tfvae needs Keras on the TensorFlow backend (GradientTape, tf.distribute and TensorFlow "
    "Probability are part of its training steps). Set the environment variable "
    'KERAS_BACKEND="tensorflow" before keras is imported, or "backend": "tensorflow" in '
    "~/.keras/keras.json."
)

# The variable is looked at before Keras is imported: with a backend that is not installed the
# import itself would fail, with a message that does not say what to do.
if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}. {_REMEDY}")

import keras  # noqa: E402

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras runs on the backend {keras.backend.backend()!r}. {_REMEDY}")
