"""What Keras leaves out of a model's files: the states of random numbers, and a digest."""

import hashlib
import os
from typing import Any

import h5py
import numpy as np

SEED_GENERATORS = ("seed_generator", "test_seed_generator")
WEIGHTS_FILE, DIGEST = ".weights.h5", "sha256"


def save_random_states(model, store: Any) -> None:
    """Writes the states of the model's streams of random numbers, and of its layers', by name."""
    for name, state in random_states(model).items():
        store[name] = np.asarray(state)


def load_random_states(model, store: Any) -> dict[str, Any]:
    """Restores the states; returns what else the store holds.

    Raises:
        ValueError: when the store lacks a state.
    """
    states = random_states(model)
    missing = sorted(states.keys() - store.keys())
    if missing:
        raise ValueError(
            f"The file must hold {', '.join(missing)}, and does not: it was written by a model "
            "with other layers. Make the model as the saved one was made."
        )
    for name, state in states.items():
        state.assign(store[name])
    return {name: store[name] for name in store.keys() - states.keys()}


def random_states(model) -> dict[str, Any]:
    """The states of all streams of random numbers by name."""
    generators = {name: getattr(model, name) for name in SEED_GENERATORS}
    for layer in model._flatten_layers(include_self=False):
        for generator in layer._seed_generators:
            generators[f"seed_generator_of_layers_{len(generators)}"] = generator
    return {name: generator.state for name, generator in generators.items()}


def seal(path: str | os.PathLike) -> None:
    """Writes a digest of all values into a weights file; the zip of a .keras file has its own."""
    if _is_weights_file(path):
        with h5py.File(path, "r+") as file:
            file.attrs[DIGEST] = _digest(file)


def check_seal(path: str | os.PathLike) -> None:
    """Raises a ValueError for a weights file whose values are not the sealed ones."""
    if not _is_weights_file(path):
        return
    try:
        with h5py.File(path, "r") as file:
            # A file that another Keras model wrote has none.
            same = file.attrs.get(DIGEST) in (None, _digest(file))
        problem = "its values do not have its digest"
    except Exception as error:  # h5py has many classes for damage.
        same, problem = False, str(error)
    if not same:
        raise ValueError(
            f"`filepath` must be a whole weights file, received {os.fspath(path)!r}, which is "
            f"damaged: {problem}. Nothing was loaded. Load another file."
        )


def _is_weights_file(path):
    return str(path).endswith(WEIGHTS_FILE) and os.path.isfile(path)


def _digest(file):
    digest = hashlib.sha256()

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            head = f"{name} {item.dtype} {item.shape} {sorted(item.attrs.items())}"
            digest.update(head.encode())
            digest.update(np.asarray(item[()]).tobytes())

    file.visititems(add)
    return digest.hexdigest()
