"""A model's files, with what Keras leaves out: the states of random numbers, and a digest."""

import hashlib
import os
from typing import Any

import h5py
import numpy as np

from tfvae import _fused
from tfvae._component import constructor_arguments, deserialized, serialized
from tfvae.models import inputs
from tfvae.models.queries import Queryable

SEED_GENERATORS = ("seed_generator", "test_seed_generator")
WEIGHTS_FILE, DIGEST = ".weights.h5", "sha256"


class Persistent(Queryable):
    """What a model writes to files and reads from them."""

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs) -> None:
        """As `keras.Model.export`: what `predict` answers; `tfvae.export` has more signatures.

        Raises:
            ValueError: when the model is not built, or the format takes nothing beside x.
        """
        if kwargs.get("input_signature") is None:
            kwargs["input_signature"] = inputs.signature(self, format)
        with _fused.disabled():
            super().export(filepath, format, **kwargs)

    def save(self, filepath: Any, *args, **kwargs) -> None:
        """As `keras.Model.save`, to a `.keras` file.

        Raises:
            ValueError: for HDF5, in which Keras writes no model that could be loaded again.
        """
        refuse_hdf5(filepath)
        super().save(filepath, *args, **kwargs)

    def save_weights(self, filepath: Any, *args, **kwargs) -> None:
        """As `keras.Model.save_weights`, with a digest of all values."""
        super().save_weights(filepath, *args, **kwargs)
        seal(filepath)

    def load_weights(self, filepath: Any, *args, **kwargs) -> None:
        """As `keras.Model.load_weights`; loads nothing of a damaged file.

        Raises:
            ValueError: when the file is damaged.
        """
        check_seal(filepath)
        super().load_weights(filepath, *args, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """The model's own weights, and the states of all random numbers, which Keras leaves out."""
        super().save_own_variables(store)
        save_random_states(self, store)

    def load_own_variables(self, store: Any) -> None:
        """The model's own weights, and the states of all random numbers."""
        super().load_own_variables(load_random_states(self, store))

    def get_config(self) -> dict:
        """The constructor's arguments; networks left to the model are those that it made."""
        own = [name for name in constructor_arguments(type(self)) if hasattr(self, name)]
        return {**super().get_config(), **{n: serialized(getattr(self, n)) for n in sorted(own)}}

    @classmethod
    def from_config(cls, config: dict) -> "Persistent":
        """Rebuilds the parts first."""
        return cls(**{name: deserialized(value) for name, value in config.items()})


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


def refuse_hdf5(filepath: Any) -> None:
    """Raises a ValueError for a path to which Keras would write HDF5."""
    if str(filepath).endswith((".h5", ".hdf5")):
        stem = str(filepath).rpartition(".")[0]
        raise ValueError(
            f"`filepath` must end in .keras, received {str(filepath)!r}: a model of a class of its "
            f"own cannot be loaded from HDF5. Use save({stem + '.keras'!r}), or "
            f"save_weights({stem + '.weights.h5'!r}) for the weights alone."
        )
