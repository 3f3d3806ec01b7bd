"""Importance-weighted log-likelihood of a data set."""

import dataclasses

import keras
import numpy as np

from tfvae.evaluation.tables import Line, Report
from tfvae.models.batches import batches


@dataclasses.dataclass(frozen=True, repr=False)
class LogLikelihood(Report):
    """Estimates of log p(x), one for each example, with their mean and its standard error."""

    values: np.ndarray
    """log p(x) of each example, (n,), nats."""
    num_samples: int
    """L, the importance samples of each estimate."""
    num_features: int
    """N_x, of all frames of a sequence."""
    num_frames: int | None = None
    """T where an example is a sequence, else None."""

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

    def lines(self):
        """The numbers of the report."""
        frames = self.num_frames
        per_frame = [Line("per frame", self.mean / frames, "nats")] if frames else []
        return [
            Line("log p(x)", self.mean, "nats"),
            Line("standard error", self.standard_error, "nats"),
            *per_frame,
            Line("per feature", -self.mean / self.num_features / np.log(2.0), "bits"),
            Line("examples", len(self.values)),
            Line("importance samples", self.num_samples, "per example"),
        ]


def log_likelihood(
    model, data, num_samples: int = 5000, *, batch_size: int = 32, seed: int = 0, verbose: int = 0
) -> LogLikelihood:
    """log (1/L) Σ_l p(x, z_l)/q(z_l|x) of each example, in bounded memory [BGS16, eq. 8].

    Args:
        model: a model of the library.
        data: array, tf.data.Dataset or PyDataset; labels are ignored.
        num_samples: L.
        batch_size: examples at a time.
        seed: of the samples.
        verbose: 1 shows a progress bar over the batches of the data.

    Returns:
        A report that prints as a table and holds the value of every example; an example may be a
        whole sequence, whose frames have one estimate together.

    Raises:
        ValueError: when the data are empty or of the wrong shape, or L < 1.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.build((None, 3))
        >>> report = tfvae.evaluation.log_likelihood(vae, np.zeros((4, 3)), num_samples=10)
        >>> report.values.shape
        (4,)
    """
    progress = keras.utils.Progbar(None, unit_name="batch") if verbose else None
    values = []
    for index, x in enumerate(batches(data)):
        values.append(
            model.log_likelihood(x, num_samples, batch_size=batch_size, seed=seed + index)
        )
        if progress:
            progress.add(1)
    return LogLikelihood(
        np.concatenate(values),
        num_samples,
        model.likelihood.num_features,
        num_frames=next(iter(model.sequence_shape), None),
    )
