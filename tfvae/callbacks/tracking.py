"""What a run does, epoch by epoch, as numbers, histograms and figures for a tracking program."""

import keras
import numpy as np

from tfvae import _checks, plots


class Tracking(keras.callbacks.Callback):
    """Writes the terms, λ, histograms of the weights, and figures of a model while it is trained.

    Written at the end of each epoch, with the epoch, from 0, as the step: all of the logs (loss,
    ELBO, distortion and rate in nats, constraint, κ, λ, and those of the validation), and the
    learning rate. With `x`, every `every` epochs and after the last one: reconstructions, samples
    of the prior and the latent space, drawn by `tfvae.plots`; histograms of all trained weights.

    Drawing takes no random numbers from the model: training is the same with and without it.

    Args:
        writer: a `TensorBoardWriter`, `MLflowWriter` or `WandbWriter`, or any object with their
            methods; or a list of them.
        x: examples for the figures, (n, *data), such as 500 test examples; None: no figures.
        labels: (n,), by which points of the latent space are coloured.
        every: epochs between two sets of figures and histograms.
        histograms: whether the trained weights are shown.
        figures: dict from a name to a function from the model to a Matplotlib figure, drawn in
            place of those named above.
        seed: of the samples.

    Raises:
        ValueError: when the writer lacks a method, `every` < 1, or `figures` holds no functions.

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
        writer,
        x=None,
        labels=None,
        *,
        every: int = 10,
        histograms: bool = True,
        figures=None,
        seed: int = 0,
    ):
        super().__init__()
        self.writers = list(writer) if isinstance(writer, (list, tuple)) else [writer]
        for one in self.writers:
            for method in ("numbers", "histogram", "figure", "close"):
                if not callable(getattr(one, method, None)):
                    raise ValueError(
                        f"`writer` must be a TensorBoardWriter, MLflowWriter or WandbWriter of "
                        f"tfvae.callbacks, or have their methods; {one!r} has no `{method}`."
                    )
        if figures is not None and not all(callable(draw) for draw in dict(figures).values()):
            raise ValueError(
                f"`figures` must map names to functions of the model, received {figures!r}."
            )
        self.x, self.labels = x, labels
        self.every = _checks.positive_int("every", every)
        self.histograms = histograms
        self.figures = figures
        self.seed = _checks.whole("seed", seed)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the numbers, and at every so many epochs all else."""
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

    def on_train_end(self, logs=None):
        """Completes what has been written."""
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
            "reconstructions": lambda model: plots.reconstructions(model, self.x[:10]),
            "samples": lambda model: plots.samples(model, 20, seed=self.seed),
            "latent_space": lambda model: plots.latent_scatter(
                model, self.x, self.labels, seed=self.seed
            ),
        }
