"""Writes presets: to a new folder, or to the Hugging Face Hub."""

import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

from tfvae import _checks, _files
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.presets import card, folder
from tfvae.serving.folders import new_folder
from tfvae.serving.inputs import inputs_of
from tfvae.tables import Table


def save(
    model: LatentVariableModel,
    path: str | os.PathLike,
    *,
    scaling: Any = None,
    target_scaling: Any = None,
    table: Table | None = None,
    name: str | None = None,
    summary: str | None = None,
    data: str | dict[str, Any] | None = None,
    unit: str | None = None,
    metrics: dict[str, Any] | Sequence[Line] | Report | None = None,
    limits: str | None = None,
) -> None:
    """Saves a model with all that its users need; `tfvae.load` and `Preset.load` read it.

    The folder is complete or not there. It holds

    | file | what it is |
    |---|---|
    | model.keras | the model, which `keras.saving.load_model` reads too |
    | config.json | class and arguments, versions, shape and unit of the data, scaling, metrics |
    | table.keras | the table, if there is one |
    | README.md | the card: what it is, how to load it, its numbers, its limits |

    Args:
        model: a built model.
        path: a new or empty folder; or hf://user/name, to which it is uploaded
            (`pip install 'tfvae[hub]'`, and `hf auth login` once).
        scaling: how raw data become x = (raw − offset)/scale: a pair (offset, scale), a Keras
            `Normalization` or `Rescaling` layer or a fitted `StandardScaler` or `MinMaxScaler`;
            (0, 255) for pixels that were divided by 255. None: x is in raw units.
        target_scaling: the same of the target, for a model with target="y".
        table: the fitted `tfvae.tables.Table` that makes x of rows, in the place of `scaling`.
        name: of the model; None: the name of the folder or the repository.
        summary: what the model is and is for, in a sentence or two.
        data: what it was trained on, a text or a dict.
        unit: of raw data, such as "grey level, 0 to 255".
        metrics: numbers for the card: a dict, lines or a report of `tfvae.evaluation`.
        limits: what the model must not be used for, or does badly.

    Raises:
        ValueError: when the model is not built, an argument does not fit, or the folder is not
            empty.
        ImportError: for hf:// when huggingface_hub is not installed.

    Example:
        >>> import pathlib, tempfile, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 8, 8, 1))
        >>> with tempfile.TemporaryDirectory() as place:
        ...     tfvae.save(vae, f"{place}/digits", scaling=(0, 16), data="digits of scikit-learn")
        ...     print(*sorted(path.name for path in pathlib.Path(place, "digits").iterdir()))
        README.md config.json model.keras
    """
    _checks.instance_of("model", model, LatentVariableModel, "tfvae.VAE(latent_dim=2)")
    for argument, given in (("name", name), ("summary", summary), ("unit", unit),
                            ("limits", limits)):  # fmt: skip
        if given is not None and not isinstance(given, str):
            raise ValueError(f"`{argument}` must be a text or None, received {given!r:.60}.")
    inputs = inputs_of(model, scaling, target_scaling, table)
    is_on_hub = folder.is_on_hub(path)
    place = folder.repository(os.fspath(path)) if is_on_hub else os.fspath(path)
    name = name or pathlib.PurePath(os.path.abspath(place)).name
    config = card.config_of(
        inputs, name, summary=summary, data=data, unit=unit, metrics=metrics, limits=limits
    )
    text = card.as_markdown(config, os.fspath(path) if is_on_hub else None)
    if not is_on_hub:
        folder.check_local(path)
        with new_folder(place) as partial:
            _write(pathlib.Path(partial), model, table, config, text)
        return
    api = folder.hub().HfApi(**folder.LIBRARY)
    with tempfile.TemporaryDirectory() as partial:
        _write(pathlib.Path(partial), model, table, config, text)
        api.create_repo(place, exist_ok=True)
        api.upload_folder(
            repo_id=place, folder_path=partial, commit_message=f"{config['model']} saved by tfvae"
        )


def _write(place, model, table, config, text):
    model.save(place / folder.MODEL)
    if table is not None:
        table.save(place / folder.TABLE)
    _files.write_text(place / folder.CONFIG, card.as_json(config))
    _files.write_text(place / folder.CARD, text)
