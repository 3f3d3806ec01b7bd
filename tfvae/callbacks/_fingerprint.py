"""What tells the data of two runs apart, as texts by name that are quick to compute."""

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

# Larger arrays are digested in part, by rows at even distances.
LIMIT = 2**28


def of_fit(arguments: dict[str, Any], known: list[tuple[Any, dict]]) -> dict[str, Any]:
    """Returns the arguments of `fit` that decide its batches.

    Args:
        arguments: arguments of `fit` by name.
        known: datasets with what is known of them.
    """
    found = {}
    for name in ("x", "y", "sample_weight"):
        value = arguments.get(name)
        made = next((text for dataset, text in known if dataset is value), None)
        found |= {f"{name}.{k}": v for k, v in made.items()} if made else _texts(name, value)
    defaults = {"batch_size": 32, "shuffle": True, "validation_split": 0.0, "class_weight": None}
    for name, default in defaults.items():
        value = arguments.get(name)
        found[name] = str(default if value is None else value)
    return found


def of_array(value: Any) -> str:
    """Returns the type, the shape and the start of a digest of an array."""
    dtype = getattr(value.dtype, "name", None) if hasattr(value, "dtype") else None
    text = f"{dtype or ''} {tuple(value.shape)}".strip()
    try:
        size = len(value)
        row = np.asarray(value[:1])
        step = max(1, -(-size * row.nbytes // LIMIT))
        content = np.asarray(value[::step]) if size else row
    except Exception:  # Whatever has a shape may be no array: sparse ones have no len.
        return text
    if content.dtype.hasobject:  # Its bytes are addresses.
        return text
    content = np.ascontiguousarray(content).reshape(-1).view(np.uint8)
    return f"{text}, digest {hashlib.sha256(content).hexdigest()[:16]}"


def _texts(name, value):
    if value is None:
        return {}
    if isinstance(value, tf.data.Dataset):
        specs = tf.nest.flatten(value.element_spec)
        shown = [f"{one.dtype.name} {one.shape}" for one in specs if hasattr(one, "shape")]
        return {name: f"dataset of {', '.join(shown)}"}
    if isinstance(value, (dict, list, tuple)):
        parts = sorted(value.items()) if isinstance(value, dict) else enumerate(value)
        return {k: v for key, part in parts for k, v in _texts(f"{name}.{key}", part).items()}
    return {name: of_array(value) if hasattr(value, "shape") else type(value).__name__}
