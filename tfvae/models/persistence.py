"""A model's files, with what Keras leaves out: the states of random numbers, and a digest."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from tfvae import _files, _fused
from tfvae._component import constructor_arguments, deserialized, serialized
from tfvae.models import inputs
from tfvae.models.queries import Queryable

SEED_GENERATORS = ("seed_generator", "test_seed_generator")
WEIGHTS_FILE, DIGEST = ".weights.h5", "sha256"
# What a built model knows beside its shapes and its weights.
_BESIDE_SHAPES = {"columns", "_prior_was_fitted"}


class Persistent(Queryable):
    """What a model writes to files and reads from them."""

    def export(self, filepath: Any, format: str = "tf_saved_model", **kwargs) -> None:
        """As `keras.Model.export`: what `predict` answers; `tfvae.export` has more signatures.

        Raises:
            ValueError: when the model is not built, a name cannot be exported, or the format takes
                nothing beside x.
        """
        if kwargs.get("input_signature") is None:
            kwargs["input_signature"] = inputs.signature(self, format)
        if format == "tf_saved_model":
            inputs.check_names(self)
        with _fused.disabled():
            super().export(filepath, format, **kwargs)

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs
    ) -> None:
        """As `keras.Model.save`, to a `.keras` file, which is whole or not there.

        Raises:
            ValueError: for HDF5, in which Keras writes no model that could be loaded again.
        """
        refuse_hdf5(filepath)
        with _replacing(filepath, ".keras", overwrite and zipped is not False) as path:
            super().save(path, overwrite, zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs) -> None:
        """As `keras.Model.save_weights`, with a digest of all values; whole or not there."""
        with _replacing(filepath, WEIGHTS_FILE, overwrite) as path:
            super().save_weights(path, overwrite, **kwargs)
            seal(path)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs) -> None:
        """As `keras.Model.load_weights`; loads nothing of a damaged file.

        Raises:
            ValueError: when the file is damaged, or holds weights that the model does not have.
        """
        check_seal(filepath)
        if self.built and not skip_mismatch and _is_weights_file(filepath):
            check_all_used(self, filepath)
        super().load_weights(filepath, skip_mismatch, **kwargs)

    def save_own_variables(self, store: Any) -> None:
        """The model's own weights, and the states of all random numbers, which Keras leaves out."""
        super().save_own_variables(store)
        save_random_states(self, store)

    def load_own_variables(self, store: Any) -> None:
        """The model's own weights, and the states of all random numbers."""
        super().load_own_variables(load_random_states(self, store))

    def get_build_config(self) -> dict | None:
        """The shapes of the data, the columns of a table, whether `fit_prior` learned the prior.

        None of a model that is not built, which Keras then leaves so.
        """
        shapes = super().get_build_config()
        if shapes is None:
            return None
        own = {name: getattr(self, name) for name in _BESIDE_SHAPES}
        return {**shapes, **own}

    def build_from_config(self, config: dict) -> None:
        """Builds the model as the saved one was built."""
        # Keras would keep them among the shapes, and could not build what is saved again.
        super().build_from_config({n: v for n, v in config.items() if n not in _BESIDE_SHAPES})
        for name in _BESIDE_SHAPES & config.keys():
            setattr(self, name, config[name])

    def get_config(self) -> dict:
        """The constructor's arguments; networks left to the model are those that it made."""
        own = [name for name in constructor_arguments(type(self)) if hasattr(self, name)]
        return {**super().get_config(), **{n: serialized(getattr(self, n)) for n in sorted(own)}}

    @classmethod
    def from_config(cls, config: dict) -> "Persistent":
        """Rebuilds the parts first."""
        return cls(**{name: deserialized(value) for name, value in config.items()})


@contextlib.contextmanager
def _replacing(filepath: Any, ending: str, overwrite: bool) -> Iterator[Any]:
    """Yields where to write a file that replaces a local one once it is whole.

    Keras writes over the old file: a full disk, or a kill, would cost that too.
    """
    path = str(filepath)
    if not overwrite or not path.endswith(ending) or "://" in path or os.path.isdir(path):
        yield filepath  # Keras asks before it overwrites, and knows other systems' files.
        return
    with _files.replacing(path) as partial:
        yield partial


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


def check_all_used(model, path: str | os.PathLike) -> None:
    """Raises a ValueError for a weights file of a model with more weights.

    Keras looks for each weight of the model in the file, and drops the others without a word.
    """
    with h5py.File(path, "r") as file:
        names = [n for n, _ in _arrays(file) if "optimizer" not in n.split("/")]
        parts = sorted(file.get("components", ()))
    own = len(model.weights) + len(random_states(model))
    if len(names) > own:
        raise ValueError(
            f"`filepath` must hold the weights of such a {type(model).__name__}, received "
            f"{os.fspath(path)!r} with {len(names)} arrays, while the model has {own}: it was "
            f"written by a model with other parts ({', '.join(parts)}), which would be lost. Make "
            "the model as the saved one was made, or take what fits by skip_mismatch=True."
        )


def _is_weights_file(path):
    return str(path).endswith(WEIGHTS_FILE) and os.path.isfile(path)


def _digest(file):
    digest = hashlib.sha256()
    for name, item in _arrays(file):
        head = f"{name} {item.dtype} {item.shape} {sorted(item.attrs.items())}"
        digest.update(head.encode())
        digest.update(np.asarray(item[()]).tobytes())
    return digest.hexdigest()


def _arrays(file):
    """The arrays of a weights file with their names, in the file's order."""
    found = []

    def add(name, item):
        if isinstance(item, h5py.Dataset):
            found.append((name, item))

    file.visititems(add)
    return found


def refuse_hdf5(filepath: Any) -> None:
    """Raises a ValueError for a path to which Keras would write HDF5."""
    if str(filepath).endswith((".h5", ".hdf5")):
        stem = str(filepath).rpartition(".")[0]
        raise ValueError(
            f"`filepath` must end in .keras, received {str(filepath)!r}: a model of a class of its "
            f"own cannot be loaded from HDF5. Use save({stem + '.keras'!r}), or "
            f"save_weights({stem + '.weights.h5'!r}) for the weights alone."
        )
