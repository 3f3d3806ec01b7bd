"""The model that a finished run has left, and its prior, which is learned last."""

import pathlib
import sys

import keras
import numpy as np
from ml_collections import config_dict

from tfvae.experiments import config_file, own_table, run_data
from tfvae.experiments.errors import UserError
from tfvae.models import LatentVariableModel
from tfvae.presets.folder import MODEL, TABLE
from tfvae.tables import Table


def load(workdir: pathlib.Path) -> LatentVariableModel:
    """Loads the finished model of a run."""
    path = workdir / MODEL
    if not path.exists():
        raise UserError(
            f"--workdir must hold a finished run, but {path} does not exist. Resume the run by "
            f"`tfvae train --workdir={workdir}`."
        )
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # Keras, zipfile and h5py have many classes for damage.
        raise UserError(
            f"--workdir must hold a whole {MODEL}, received {path}, which cannot be loaded "
            f"({error}). Make it again by `tfvae train --workdir={workdir}`."
        ) from error


def table_of(workdir: pathlib.Path) -> Table | None:
    """The table that made features of raw rows, if the run in `workdir` has one.

    Raises:
        UserError: when its file is damaged, or missing though the data are raw rows.
    """
    path = workdir / TABLE
    if not path.exists() and _has_raw_rows(workdir):
        raise UserError(
            f"--workdir must hold the {TABLE} of its model, without which no one knows the units "
            f"and categories of training, received {workdir} without. Copy it there, or make it "
            f"again by `tfvae train --workdir={workdir}`."
        )
    try:
        return Table.load(path) if path.exists() else None
    except Exception as error:  # As in `load`.
        raise UserError(
            f"--workdir must hold a whole {TABLE}, received {path}, which cannot be loaded "
            f"({error}). Make it again by `tfvae train --workdir={workdir}`."
        ) from error


def _has_raw_rows(workdir):
    path = workdir / config_file.NAME
    try:
        return path.exists() and config_file.read(path).data.name == own_table.NAME
    except ValueError as error:
        raise UserError(error) from error


def fit_prior(
    model: LatentVariableModel,
    data: run_data.TrainingData,
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
) -> LatentVariableModel:
    """The model with its prior trained alone.

    A prior without weights stays as it is. The finished model in `workdir` is taken if it is this
    one, with its prior trained.
    """
    if not model.prior.trainable_weights:
        print(f"No fit_prior: the {type(model.prior).__name__} has nothing to learn.", flush=True)
        return model
    if (workdir / MODEL).exists():
        try:
            finished = load(workdir)
        except UserError:  # Damaged: it is made again.
            finished = None
        if finished is not None and _is_this_one(finished, model):
            print("The prior is that of the finished run.", flush=True)
            return finished
    print(f"Prior alone, by fit_prior: {config.fit_prior.steps:,} steps …", flush=True)
    shown = 1 if sys.stdout.isatty() else 2
    model.fit_prior(data.batches(0, 1), seed=config.seed, verbose=shown, **config.fit_prior)
    return model


def _is_this_one(finished, model):
    """Whether only the prior, trained alone, is different."""
    pairs = []
    for one in (finished, model):
        of_prior = {id(weight) for weight in one.prior.weights}
        pairs.append([weight.numpy() for weight in one.weights if id(weight) not in of_prior])
    return (
        finished.prior_was_fitted
        and len(pairs[0]) == len(pairs[1])
        and all(map(np.array_equal, *pairs))
    )
