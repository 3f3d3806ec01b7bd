"""`.keras` files that are read whole, or refused in words."""

import os
import warnings
from typing import Any

import keras


def load_uncompiled(path: str | os.PathLike, **options: Any) -> Any:
    """As `keras.saving.load_model` without the optimizer, of whose state Keras warns otherwise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        return keras.saving.load_model(path, compile=False, **options)


def loaded(name: str, path: str | os.PathLike, **options: Any) -> Any:
    """What `load_uncompiled` reads.

    Args:
        name: what the user gave, for messages, such as "`path`".
        path: a `.keras` file; the zip in it has a checksum of each of its parts.
        options: of `keras.saving.load_model`.

    Raises:
        ValueError: when there is no such file, it is damaged or of another kind, or holds code.
    """
    text = os.fspath(path)
    if not text.endswith(".keras") or not os.path.isfile(text):
        problem = "" if os.path.exists(text) else ", which does not exist"
        raise ValueError(f"{name} must be a .keras file, received {text!r}{problem}.")
    try:
        return load_uncompiled(text, **options)
    except Exception as error:  # Keras, zipfile and h5py have many classes for damage.
        raise ValueError(
            f"{name} must be a whole .keras file, received {text!r}, which cannot be loaded "
            f"({error}). If it is damaged or cut off, take another copy."
        ) from error
