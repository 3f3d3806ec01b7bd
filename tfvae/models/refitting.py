"""What happens to a model's prior after training, with the networks held."""

from typing import Any

import keras
import numpy as np

from tfvae import priors
from tfvae.models import data
from tfvae.models.persistence import Persistent


class Refittable(Persistent):
    """A model whose prior can be fitted to the posteriors that the model has learned."""

    def posterior_moments(
        self, x: Any, y: Any = None, *, batch_size: int = 512
    ) -> tuple[np.ndarray, np.ndarray]:
        """μ(x) and σ(x) of q(z|x) = N(μ, diag σ²) for every example: two arrays (n, N_z).

        Of sequences a row for every step. `y` holds the condition of a model with one.

        Raises:
            ValueError: when x does not fit the model, or q(z|x) is no diagonal Gaussian.
        """
        return data.posterior_moments(self, x, y, batch_size=batch_size, gaussian=True)

    def fit_prior(
        self,
        x: Any,
        y: Any = None,
        *,
        steps: int = 1500,
        batch_size: int = 256,
        learning_rate: float = 5e-3,
        seed: Any = 0,
        verbose: str | int = "auto",
    ) -> keras.callbacks.History:
        """Fits the prior to the posteriors of x, with all networks of the model held [K19].

            max over the weights of p: E_{z ~ q(z)}[log p(z)], q(z) = (1/n) Σ_i q(z|x_i)

        This is the M-step of the empirical Bayes alone. Training ends before a learned prior has
        caught up with the posteriors: its samples then lie between the data, and
        `tfvae.evaluation.prior_fit` is high. A step costs a small part of a training step, since
        all examples are encoded once. The model need not be compiled: optimizer, random streams
        and λ stay as they are. A prior that would get worse is left as it was, with a warning.

        Args:
            x: data as `fit` takes them: array, table, tf.data.Dataset (batched) or PyDataset.
            y: the condition beside an array, for a model with one.
            steps: number of steps of Adam.
            batch_size: latents drawn in a step.
            learning_rate: of the first step; it falls along half a cosine to zero.
            seed: of all draws.
            verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes
                long.

        Returns:
            As `fit` returns it: `history["loss"]` is −mean log p(z) of each step, nats.

        Raises:
            ValueError: when x does not fit the model, the posterior is no diagonal Gaussian over z,
                or the prior has no weights to train, as N(0, I).

        Example:
            >>> import numpy as np, tfvae
            >>> vae = tfvae.VHPVAE(latent_dim=2, seed=0)
            >>> x = np.random.default_rng(0).normal(size=(200, 3))
            >>> vae.build(x.shape)  # Better: vae.compile(); vae.fit(x)
            >>> history = vae.fit_prior(x, steps=50, batch_size=32)
            >>> len(history.history["loss"])
            50
        """
        loc, scale = self._moments_of_z(x, y)
        losses = priors.fit(
            self.prior,
            loc,
            scale,
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            verbose=verbose,
        )
        history = keras.callbacks.History()
        history.epoch = list(range(len(losses)))
        history.history = {"loss": losses.tolist()}
        return history

    def _moments_of_z(self, x, y):
        """`posterior_moments` of a model whose posterior is over z itself, checked first."""
        if self.built:
            priors.fitting.check_prior(self.prior)
        return self.posterior_moments(x, y)
