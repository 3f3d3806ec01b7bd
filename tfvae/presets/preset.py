"""A preset that was read: the model, what made it, and its preprocessing."""

import dataclasses
import json
import os
import pathlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks, _keras_files
from tfvae.models import LatentVariableModel
from tfvae.presets import folder
from tfvae.serving.scaling import Scaling
from tfvae.tables import Table

FORMAT = 1
# The entry of config.json that tells a preset's from the config of a run.
FORMAT_KEY = "tfvae preset"


@dataclasses.dataclass(frozen=True)
class Preset:
    """A saved model with what made it and the preprocessing of its data.

    `tfvae.save` writes it, `Preset.load` reads it; `tfvae.load` gives its model alone.

    Example:
        >>> import tempfile, numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tfvae.save(vae, f"{folder}/small", scaling=(10.0, 2.0), unit="°C")
        ...     preset = tfvae.presets.Preset.load(f"{folder}/small")
        >>> x = preset.prepare([[10.0, 12.0, 14.0]])
        >>> x
        array([[0., 1., 2.]], dtype=float32)
        >>> preset.restore(x)
        array([[10., 12., 14.]], dtype=float32)
        >>> preset.config["model"], preset.config["data"]["unit"]
        ('tfvae.VAE', '°C')
    """

    model: LatentVariableModel
    """The model, ready to use or to be trained further."""
    config: dict[str, Any]
    """The content of config.json; of a run's folder, the run's config; {} without such a file.

    The file model.keras in such a folder has its config and table, too."""
    table: Table | None = None
    """The fitted table that makes x of rows in raw units, if the model has one."""
    scaling: Scaling = dataclasses.field(default_factory=Scaling)
    """(x − offset)/scale is what the model is given."""
    target_scaling: Scaling | None = None
    """The same of the target; None: what the model explains has the scaling of x."""

    def prepare(self, x: Any) -> np.ndarray:
        """What the model is given for data in raw units.

        Args:
            x: (n, *data) in the unit of the data; rows of the table for a preset that has one.

        Returns:
            float32 (n, *data).
        """
        if self.table is not None:
            return self.table.transform(x)
        return np.asarray(self.scaling.to_model(np.asarray(x, "float32")))

    def prepare_target(self, target: ArrayLike) -> np.ndarray:
        """Targets for the model, float32 (n, *target), of targets in raw units.

        Raises:
            ValueError: when the model explains x itself.
        """
        if self.target_scaling is None:
            raise ValueError(
                "`prepare_target` needs a model with target='y', received one that explains x "
                "itself. `prepare` makes what it is given."
            )
        return np.asarray(self.target_scaling.to_model(np.asarray(target, "float32")))

    def restore(self, x: ArrayLike) -> Any:
        """Raw units of what the model answers in the unit of what it explains.

        Args:
            x: (n, *target), such as `model.predict(…)` or `model.generate(…)`.

        Returns:
            float32 (n, *target); rows of the table, as its `inverse_transform` gives them, for a
            preset that has one.
        """
        if self.target_scaling is not None:
            return np.asarray(self.target_scaling.to_raw(np.asarray(x, "float32")))
        if self.table is not None:
            return self.table.inverse_transform(x)
        return np.asarray(self.scaling.to_raw(np.asarray(x, "float32")))

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        *,
        custom_objects: Mapping[str, Any] | None = None,
        compile: bool = True,
    ) -> "Preset":
        """The preset at a path; see `tfvae.load`, which takes the same arguments.

        The folder of a run on a table gives its table: `prepare` takes raw rows, a DataFrame or the
        path of a CSV file, and `restore` gives rows back.
        """
        found = folder.local(path)
        model = read_model(folder.model_path(found), custom_objects=custom_objects, compile=compile)
        place = folder.of_preset(found)
        if place is None:
            return cls(model, {})
        config = _read_config(place / folder.CONFIG)
        if FORMAT_KEY not in config:  # Of a run, whose table is there if the data were raw rows.
            data = config.get("data")
            has_table = (place / folder.TABLE).exists() or (
                isinstance(data, dict) and data.get("name") == folder.RAW_ROWS
            )
            return cls(model, config, _read_table(place, model) if has_table else None)
        table = _read_table(place, model) if config.get("table") else None
        return cls(model, config, table, *_scalings(place, config))


def load(
    path: str | os.PathLike,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> LatentVariableModel:
    """The model that was saved at a path.

    Loading never runs code from a file: Keras' safe mode is on, and classes come from imported
    modules alone. `Preset.load` gives the preprocessing and the config with the model.

    Args:
        path: a folder that `tfvae.save` wrote, the folder of a finished run, a `.keras` file, or
            hf://user/name, a repository on the Hugging Face Hub that holds such a folder or what
            `model.save("hf://user/name")` of Keras wrote. It is downloaded once, to the Hub's
            cache, by huggingface_hub (`pip install 'tfvae[hub]'`).
        custom_objects: classes and functions of one's own by name, where they are not registered
            by `keras.saving.register_keras_serializable`.
        compile: whether the model is compiled as it was when it was saved.

    Raises:
        ValueError: when there is no model, a file is damaged, or a class is not known; says which.
        ImportError: for hf:// when huggingface_hub is not installed.

    Example:
        >>> import tempfile, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tfvae.save(vae, f"{folder}/small")
        ...     tfvae.load(f"{folder}/small").latent_dim
        2
    """
    found = folder.model_path(folder.local(path))
    return read_model(found, custom_objects=custom_objects, compile=compile)


def read_model(
    path: pathlib.Path,
    *,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> LatentVariableModel:
    """The model of a `.keras` file, or of a folder that Keras wrote.

    Raises:
        ValueError: when it cannot be loaded, or is no model of tfvae.
    """
    compile = _checks.true_or_false("compile", compile)
    if path.is_file() and (path.suffix != ".keras" or not zipfile.is_zipfile(path)):
        raise ValueError(
            f"`path` must lead to a whole .keras file, received {str(path)!r}, of "
            f"{path.stat().st_size} bytes, which is cut short or something else. Copy it again."
        )
    try:
        load = keras.saving.load_model if compile else _keras_files.load_uncompiled
        model = load(path, custom_objects=custom_objects, safe_mode=True)
    except Exception as error:  # Keras, zipfile and h5py have many classes for damage.
        raise ValueError(_problem(path, error)) from error
    if not isinstance(model, LatentVariableModel):
        raise ValueError(
            f"`path` must lead to a model of tfvae, received {str(path)!r}, which holds a "
            f"{type(model).__name__}. keras.saving.load_model reads it."
        )
    return model


def _problem(path, error):
    text = str(error)
    if "safe_mode" in text:
        return (
            f"`path` must lead to a model without code of its own, received {str(path)!r}, which "
            "holds a Lambda layer or the like: loading never runs code from a file. Make the model "
            "of registered layers, or load it by keras.saving.load_model without its safe mode "
            "if you trust it as a program."
        )
    unknown = re.search(r"Could not locate \w+ '[^']+'", text)
    if unknown:
        return (
            f"`path` must lead to a model whose classes are known, received {str(path)!r}: "
            f"{unknown[0]}. Import the module that registers it, or give "
            "`custom_objects`."
        )
    return (
        f"`path` must lead to a whole model, received {str(path)!r}, which cannot be loaded: {text}"
    )


def _read_config(path):
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("it holds no object")
    except ValueError as error:
        raise ValueError(
            f"`path` must be a folder whose {folder.CONFIG} is whole JSON, received {str(path)!r}: "
            f"{error}. Copy it again; `tfvae.load` needs the model alone."
        ) from error
    if config.get(FORMAT_KEY, FORMAT) != FORMAT:
        raise ValueError(
            f"`path` must be a preset of format {FORMAT}, received {str(path)!r} of format "
            f"{config[FORMAT_KEY]!r}. Install the version of tfvae that wrote it, or a newer one."
        )
    return config


def _read_table(found, model):
    path = found / folder.TABLE
    try:
        table = Table.load(path)
    except Exception as error:  # as in `read_model`
        raise ValueError(
            f"`path` must be a folder with the whole {folder.TABLE} of its model, received "
            f"{str(path)!r}, which cannot be loaded: {error}"
        ) from error
    if (table.model_.num_features,) != tuple(model.data_shape):
        raise ValueError(
            f"`path` must be a folder whose {folder.TABLE} makes what its model takes, of the "
            f"shape (n, {', '.join(map(str, model.data_shape))}), received {str(path)!r}, which "
            f"makes {table.model_.num_features} features. Copy both files from one place again."
        )
    return table


def _scalings(found, config):
    try:
        given = config["scaling"]
        scaling = Scaling(given["offset"], given["scale"])
        target = given.get("target")
        return scaling, None if target is None else Scaling(target["offset"], target["scale"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"`path` must be a folder whose {folder.CONFIG} has a `scaling` with numbers `offset` "
            f"and `scale`, received {str(found / folder.CONFIG)!r} without: {error!r}. Save the "
            "preset again."
        ) from error
