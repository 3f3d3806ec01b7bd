"""Importance-weighted log-likelihood of a data set."""

import dataclasses
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _progress
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.data import numpy_batches


@dataclasses.dataclass(frozen=True, repr=False)
class LogLikelihood(Report):
    """Estimates of log p(x), one for each example, with their mean and its standard error."""

    values: np.ndarray
    """log p(x) of each example, (n,), nats; or what `quantity` says."""
    num_samples: int
    """L, the number of importance samples of each estimate."""
    num_features: int
    """Number of features of what is explained; for a sequence, over all its frames."""
    num_frames: int | None = None
    """T if an example is a sequence, else None."""
    quantity: str = "log p(x)"
    """What is estimated, such as log p(x|labels) or log p(target|x)."""

    title = "Importance-weighted log-likelihood"

    @property
    def mean(self) -> float:
        """Mean over examples, nats."""
        return float(np.mean(self.values))

    @property
    def standard_error(self) -> float:
        """Standard error of the mean over examples, nats; NaN for one example."""
        if len(self.values) < 2:
            return float("nan")
        return float(np.std(self.values, ddof=1) / np.sqrt(len(self.values)))

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        frames = self.num_frames
        per_frame = [Line("per frame", self.mean / frames, "nats")] if frames else []
        return [
            Line(self.quantity, self.mean, "nats"),
            Line("standard error", self.standard_error, "nats"),
            *per_frame,
            Line("per feature", -self.mean / self.num_features / np.log(2.0), "bits"),
            Line("examples", len(self.values)),
            Line("importance samples", self.num_samples, "per example"),
        ]


def log_likelihood(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    num_samples: int = 5000,
    *,
    y: Any = None,
    batch_size: int = 32,
    seed: int = 0,
    verbose: str | int = "auto",
) -> LogLikelihood:
    """Estimates log (1/L) Σ_l p(x, z_l)/q(z_l|x) of each example, in bounded memory [BGS16].

    With labels, a condition or a target it is what `LatentVariableModel.log_likelihood` says, such
    as log p(x|y); the report names it.

    Args:
        model: a model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        num_samples: L, the number of importance samples.
        y: what the model needs beside an array.
        batch_size: number of examples at a time.
        seed: seed for the samples.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        A report that prints as a table and holds the value of every example. A whole sequence is
        one example: it has one estimate for all its frames.

    Raises:
        ValueError: if the data are empty or of the wrong shape, a part of y is missing, or L < 1.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 3))
        >>> report = tfvae.evaluation.log_likelihood(vae, np.zeros((4, 3)), num_samples=10)
        >>> report.values.shape
        (4,)
    """
    is_dataset = isinstance(data, (tf.data.Dataset, keras.utils.PyDataset))
    # An array is one batch.
    batches = numpy_batches(data, y, batch_size=sys.maxsize, columns=model.columns)
    options = {"batch_size": batch_size, "verbose": 0 if is_dataset else verbose}
    values = []
    with _progress.progress(None, verbose if is_dataset else 0, "batch") as add:
        for index, (x, found) in enumerate(batches):
            values.append(
                model.log_likelihood(x, num_samples, y=found, seed=seed + index, **options)
            )
            add(1)
    return LogLikelihood(
        np.concatenate(values),
        num_samples,
        model.likelihood.num_features,
        num_frames=next(iter(model.sequence_shape), None),
        quantity=_quantity(model),
    )


def _quantity(model: LatentVariableModel) -> str:
    """Returns the name of what `model.log_likelihood` estimates."""
    required = [name for name in model.needs.required if name != "target"]
    if model.target == "y":
        explained, given = "target", ["x", *required]
    else:
        explained, given = ", ".join(["x", *model.needs.optional]), required
    return f"log p({explained}|{', '.join(given)})" if given else f"log p({explained})"
