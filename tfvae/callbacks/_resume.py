"""Whether a run may continue from a checkpoint: the same model, the same data, the same step."""

import os
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.callbacks import _state


def check_same_model(
    folder: str | os.PathLike,
    model: keras.Model,
    variables: dict[str, Any],
    arrays: dict[str, np.ndarray],
    manifest: dict[str, Any],
) -> None:
    """Raises a ValueError unless the checkpoint is of a model with these settings and shapes."""
    now = _state.config(model)
    found = [_state.differences(config, now) for config in manifest["configs"]]
    problem = _state.fits(variables, arrays)
    if all(found) or problem:
        lines = min(found, key=len)[:5] or [problem]
        raise ValueError(
            f"`folder` must hold checkpoints of this model, received {folder} with those of "
            "another model:\n  "
            + "\n  ".join(lines)
            + "\nChoose another folder, or use the saved settings."
        )


def check_same_data(folder: str | os.PathLike, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Raises a ValueError when the data of two manifests differ; warns of fewer epochs."""
    lines = _state.differences(before["data"], now["data"])
    if lines:
        raise ValueError(
            f"`fit` must continue with the data of the run in {folder}, received others:\n  "
            + "\n  ".join(lines[:5])
            + "\nGive the same data, or choose another folder. To train this state on other data, "
            "call `restore`, and then `fit` with another folder."
        )
    if now["last_epoch"] < before["last_epoch"]:
        warnings.warn(
            f"`epochs` is {now['last_epoch']}, and was {before['last_epoch']} when the run in "
            f"{folder} was saved. A schedule that depends on it began for the larger number.",
            stacklevel=3,
        )


def check_agreement(
    strategy: tf.distribute.Strategy, epoch: int, step: int, folder: str | os.PathLike
) -> None:
    """Raises a ValueError unless all workers continue from the same step."""
    own = np.asarray([epoch, step], "float64")

    def mean():
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(own))

    found = strategy.experimental_local_results(strategy.run(mean))[0].numpy()
    if not np.array_equal(found, own):
        raise ValueError(
            f"`folder` must be the same folder for all workers, received {folder}: this worker "
            f"finds epoch {epoch}, step {step} there, but the mean of all workers is epoch "
            f"{found[0]:g}, step {found[1]:g}. Choose a folder on a shared file system."
        )
