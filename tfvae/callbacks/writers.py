"""Writers of the numbers and figures of a run: TensorBoard, MLflow, Weights & Biases."""

import io
import os
import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.image import imread

from tfvae import _checks


class TensorBoardWriter:
    """Writes event files, for `tensorboard --logdir=folder`.

    Training and validation go to the subfolders "train" and "validation" under the same tags.
    TensorBoard then draws both curves in one panel.

    Args:
        folder: folder of the event files.

    Raises:
        ImportError: when the package tensorboard is not installed.

    Example:
        >>> import tempfile, tfvae
        >>> writer = tfvae.callbacks.TensorBoardWriter(tempfile.mkdtemp())
        >>> writer.numbers({"loss": 1.0, "val_loss": 2.0}, step=0)
        >>> writer.close()
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        _checks.package("tensorboard", "TensorBoardWriter", "tensorboard")
        self.folder = pathlib.Path(folder)
        self._writers = {}

    def numbers(self, values: dict[str, float], step: int) -> None:
        """Writes numbers by name. Names that begin with val_ go to the validation."""
        for name, value in values.items():
            part = "validation" if name.startswith("val_") else "train"
            with self._writer(part).as_default(step):
                tf.summary.scalar(name.removeprefix("val_"), value)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """Writes the distribution of the values of an array."""
        with self._writer("train").as_default(step):
            tf.summary.histogram(name, values)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Writes a Matplotlib figure as an image."""
        with self._writer("train").as_default(step):
            tf.summary.image(name, pixels(figure)[np.newaxis])

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, part):
        if part not in self._writers:
            self._writers[part] = tf.summary.create_file_writer(str(self.folder / part))
        return self._writers[part]


class MLflowWriter:
    """Logs to the active run of MLflow, or to a new one.

    MLflow has no histograms: their quantiles are logged as `name/q05`, `q50`, `q95`. Figures are
    the artifacts `name/000012.png`, numbered by the step.

    Args:
        run_id: id of the run to log to; None: the active one.

    Raises:
        ImportError: when the package mlflow is not installed.

    Example:
        >>> import mlflow, tfvae  # doctest: +SKIP
        >>> with mlflow.start_run():  # doctest: +SKIP
        ...     tracking = tfvae.callbacks.Tracking(tfvae.callbacks.MLflowWriter(), x_test)
        ...     model.fit(x, epochs=100, callbacks=[tracking])
    """

    def __init__(self, run_id: str | None = None) -> None:
        self.run_id = run_id
        self._mlflow = _checks.package("mlflow", "MLflowWriter", "mlflow")

    def numbers(self, values: dict[str, float], step: int) -> None:
        """Logs numbers by name."""
        values = {_plain(name): float(value) for name, value in values.items()}
        self._mlflow.log_metrics(values, step=step, run_id=self.run_id)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """Logs quantiles of the values of an array."""
        quantiles = np.quantile(values, [0.05, 0.5, 0.95])
        names = (f"{name}/q05", f"{name}/q50", f"{name}/q95")
        self.numbers(dict(zip(names, quantiles, strict=True)), step)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Logs a Matplotlib figure as an artifact."""
        if self.run_id is None:
            self._mlflow.log_figure(figure, f"{_plain(name)}/{step:06d}.png")
        else:
            client = self._mlflow.MlflowClient()
            client.log_figure(self.run_id, figure, f"{_plain(name)}/{step:06d}.png")

    def close(self) -> None:
        """Does nothing: the caller ends the run."""


class WandbWriter:
    """Logs to a run of Weights & Biases.

    Args:
        run: a run as returned by `wandb.init()`; None: the active one.

    Raises:
        ImportError: when the package wandb is not installed.
        ValueError: when no run is active.

    Example:
        >>> import wandb, tfvae  # doctest: +SKIP
        >>> writer = tfvae.callbacks.WandbWriter(wandb.init(project="vae"))  # doctest: +SKIP
    """

    def __init__(self, run: Any = None) -> None:
        self._wandb = _checks.package("wandb", "WandbWriter", "wandb")
        self.run = self._wandb.run if run is None else run
        if self.run is None:
            raise ValueError(
                "`run` must be a run of wandb, or one must be active, received None. Call "
                "`wandb.init(project=…)` first."
            )

    def numbers(self, values: dict[str, float], step: int) -> None:
        """Logs numbers by name."""
        self.run.log({name: float(value) for name, value in values.items()}, step=step)

    def histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """Logs the distribution of the values of an array."""
        self.run.log({name: self._wandb.Histogram(np.ravel(values))}, step=step)

    def figure(self, name: str, figure: Figure, step: int) -> None:
        """Logs a Matplotlib figure as an image."""
        self.run.log({name: self._wandb.Image(pixels(figure))}, step=step)

    def close(self) -> None:
        """Does nothing: the caller ends the run."""


def pixels(figure: Figure) -> np.ndarray:
    """Returns a Matplotlib figure as an image, (height, width, 3), uint8."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    buffer.seek(0)
    return np.round(255.0 * imread(buffer)[..., :3]).astype(np.uint8)


def _plain(name: str) -> str:
    """Replaces all characters except the letters, digits and signs that MLflow allows."""
    return re.sub(r"[^\w\-./ ]", "_", name, flags=re.ASCII)
