"""Numbers, histograms and figures of a run, epoch by epoch, for a tracking program."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _checks, plots
from tfvae.models import beside

NUM_SAMPLES = 20


class Tracking(keras.callbacks.Callback):
    """Writes the terms, λ, histograms of the weights, and figures of a model during training.

    At the end of each epoch it writes all logs (loss, ELBO, distortion and rate in nats,
    constraint, κ, λ, and their validation values) and the learning rate. The step is the epoch,
    from 0. Every `every` epochs and after the last one it writes histograms of all trained weights
    and, with `x`, figures from `tfvae.plots`: reconstructions, samples of the prior and the latent
    space.

    Drawing takes no random numbers from the model: training is the same with and without it.

    Args:
        writer: a `TensorBoardWriter`, `MLflowWriter` or `WandbWriter`, or any object with their
            methods; or a list of them.
        x: examples for the figures, (n, *data), such as 500 test examples; None: no figures.
        labels: (n,), labels that colour the points of the latent space.
        y: what the model needs beside x. Samples of the prior take labels and condition of the
            first examples.
        every: epochs between two sets of figures and histograms.
        histograms: whether to write histograms of the trained weights.
        figures: dict of name -> function from the model to a Matplotlib figure. They replace the
            figures above.
        seed: seed of the samples.

    Raises:
        ValueError: when a writer lacks a method, `every` < 1, or a value of `figures` is not a
            function.

    Example:
        >>> import tempfile, numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(32, 8, 8, 1)).astype("float32")
        >>> writer = tfvae.callbacks.TensorBoardWriter(tempfile.mkdtemp())
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.compile("adam")
        >>> tracking = tfvae.callbacks.Tracking(writer, x, every=10)
        >>> _ = vae.fit(x, epochs=1, callbacks=[tracking], verbose=0)
    """

    def __init__(
        self,
        writer: Any,
        x: np.ndarray | None = None,
        labels: ArrayLike | None = None,
        *,
        y: Any = None,
        every: int = 10,
        histograms: bool = True,
        figures: Mapping[str, Callable[[keras.Model], Figure]] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.writers = list(writer) if isinstance(writer, (list, tuple)) else [writer]
        for one in self.writers:
            for method in ("numbers", "histogram", "figure", "close"):
                if not callable(getattr(one, method, None)):
                    raise ValueError(
                        "`writer` must be a TensorBoardWriter, MLflowWriter or WandbWriter, or an "
                        f"object with their methods, received {one!r} without `{method}`."
                    )
        if figures is not None and not all(callable(draw) for draw in dict(figures).values()):
            raise ValueError(
                f"`figures` must map names to functions of the model, received {figures!r}."
            )
        self.x, self.labels, self.y = x, labels, y
        self.every = _checks.positive_int("every", every)
        self.histograms = histograms
        self.figures = figures
        self.seed = _checks.whole("seed", seed)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes the numbers, and every `every` epochs the histograms and figures."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            numbers.setdefault("learning_rate", float(keras.ops.convert_to_numpy(rate)))
        for writer in self.writers:
            writer.numbers(numbers, epoch)
        last = epoch + 1 == self.params.get("epochs") or self.model.stop_training
        if (epoch + 1) % self.every == 0 or last:
            self._write_histograms(epoch)
            self._write_figures(epoch)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the writers."""
        for writer in self.writers:
            writer.close()

    def _write_histograms(self, epoch):
        if not self.histograms:
            return
        for weight in self.model.trainable_weights:
            values = np.asarray(weight.numpy(), "float32")
            for writer in self.writers:
                writer.histogram(f"weights/{weight.path}", values, epoch)

    def _write_figures(self, epoch):
        for name, draw in self._drawn().items():
            figure = draw(self.model)
            for writer in self.writers:
                writer.figure(name, figure, epoch)

    def _drawn(self):
        if self.figures is not None:
            return self.figures
        if self.x is None:
            return {}
        return {
            "reconstructions": lambda model: plots.reconstructions(model, self.x, y=self.y),
            "samples": self._samples,
            "latent_space": lambda model: plots.latent_scatter(
                model, self.x, self.labels, y=self.y, seed=self.seed
            ),
        }

    def _samples(self, model):
        given = beside.arrays(self.y, model.needs, len(self.x), beside.INPUTS)
        num = min(NUM_SAMPLES, len(self.x)) if given else NUM_SAMPLES
        return plots.samples(
            model, num, {name: rows[:num] for name, rows in given.items()}, seed=self.seed
        )
