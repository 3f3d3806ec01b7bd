"""Numbers of the latent space at the end of an epoch, for `logs` and what monitors them."""

import math
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _seeds
from tfvae.models import aggregated
from tfvae.models.data import numpy_batches, posterior_moments, rows_of


class PriorFitMonitor(keras.callbacks.Callback):
    """Adds the fit of the prior to the logs of an epoch: "prior_fit" and "prior_share".

    "prior_fit" is KL(q(z) ‖ p(z)) in nats, how far the prior is from the aggregated posterior;
    "prior_share" the share of prior samples that lie where data are, 0.99 for the aggregated
    posterior itself. They are what `tfvae.evaluation.prior_fit` measures, here of a fixed part of
    the data and with few samples, to be cheap. With few importance samples the divergence of a
    hierarchical prior is too large; `num_importance_samples` brings it nearer. Of a prior that
    makes z of noise, both numbers are of the noise.

    Put the callback first in the list. Keras hands the same logs from one callback to the next:
    those after it, such as EarlyStopping, ModelCheckpoint, CSVLogger, Tracking and the History, see
    the two numbers; those before it do not. Monitor "prior_fit" with `mode="min"`, "prior_share"
    with `mode="max"`.

    It takes no random numbers from the model: training is the same with and without it. `data`
    should be a dataset of its own, or arrays: reading a dataset that shuffles may move its order.

    Args:
        data: array, or tf.data.Dataset or PyDataset of x or (x, y), such as the validation data.
        y: the condition beside an array, for a model with one.
        every: epochs between two measurements, the first one after the first epoch. In between the
            logs hold the last numbers, so that each epoch has some; the `patience` of another
            callback should be larger. `Checkpoints(…, callbacks=[monitor])` keeps them, too.
        num_examples: the number of examples that are used, drawn from an array, the first ones of
            a dataset; for sequences the number of frames.
        num_samples: number of latents drawn from q(z), and of samples of p(z).
        num_importance_samples: K, of a prior whose density is a bound.
        seed: of all draws, the same in each epoch.

    Raises:
        ValueError: when a number is not a whole number ≥ 1; in `fit`, when the data are empty or
            of the wrong shape, or a condition is missing.

    Example:
        >>> import keras, numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(200, 5)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2, prior="vamp", seed=0)
        >>> vae.compile("adam")
        >>> monitor = tfvae.callbacks.PriorFitMonitor(x)
        >>> stop = keras.callbacks.EarlyStopping("prior_fit", mode="min", patience=5)
        >>> history = vae.fit(x, epochs=2, callbacks=[monitor, stop], verbose=0)
        >>> len(history.history["prior_fit"]), len(history.history["prior_share"])
        (2, 2)
    """

    def __init__(
        self,
        data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
        *,
        y: Any = None,
        every: int = 1,
        num_examples: int = 1000,
        num_samples: int = 500,
        num_importance_samples: int = 64,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.data, self.y = data, y
        self.every = _checks.positive_int("every", every)
        self.num_examples = _checks.positive_int("num_examples", num_examples)
        self.num_samples = _checks.positive_int("num_samples", num_samples)
        self.num_importance_samples = _checks.positive_int(
            "num_importance_samples", num_importance_samples
        )
        self.seed = _checks.whole("seed", seed)
        # Public, since `Checkpoints` keeps the public numbers of a callback.
        self.prior_fit, self.prior_share = None, None
        self._batches = None

    def set_model(self, model: keras.Model) -> None:
        """Forgets the numbers of another model."""
        if model is not getattr(self, "_model", None):
            self.prior_fit, self.prior_share, self._batches = None, None, None
        super().set_model(model)

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Chooses the examples, and encodes them once: unsuitable data fail before the training."""
        if self._batches is None:
            self._batches = self._chosen()
        self._moments()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures, and adds the numbers to the logs."""
        if epoch % self.every == 0 or self.prior_fit is None:
            found = aggregated.prior_fit(
                self.model,
                *self._moments(),
                num_samples=self.num_samples,
                num_importance_samples=self.num_importance_samples,
                seed=self.seed,
            )
            self.prior_fit, self.prior_share = found.divergence, found.share
        if logs is not None:
            logs.update(prior_fit=self.prior_fit, prior_share=self.prior_share)

    def _chosen(self):
        """Batches (x, y) of the examples that are used."""
        generator = _seeds.generator(self.seed)
        left = max(1, self.num_examples // math.prod(self.model.sequence_shape))
        chosen = []
        # An array is one batch.
        batches = numpy_batches(
            self.data, self.y, batch_size=sys.maxsize, columns=self.model.columns
        )
        for x, y in batches:
            rows = np.sort(generator.permutation(len(x))[:left])
            chosen.append((x[rows], rows_of(y, rows)))
            left -= len(rows)
            if not left:
                break
        return chosen

    def _moments(self):
        """μ and σ of all chosen examples."""
        found = [posterior_moments(self.model, x, y) for x, y in self._batches]
        return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))
