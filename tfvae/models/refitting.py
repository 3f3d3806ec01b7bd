"""What happens to a model's prior after training, with the networks held."""

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae import priors
from tfvae._component import serialized
from tfvae.models import data, inputs
from tfvae.models.persistence import Persistent
from tfvae.priors.fitting import check_over_z
from tfvae.priors.standing_in import row_weights


class Refittable(Persistent):
    """A model whose prior can be fitted to the posteriors that the model has learned."""

    @property
    def prior_was_fitted(self) -> bool:
        """Whether `fit_prior` has changed the prior, or one that was fitted stands in for it."""
        return self._prior_was_fitted

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
        sample_weight: ArrayLike | None = None,
        steps: int = 3000,
        batch_size: int = 256,
        learning_rate: float = 1e-2,
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
            sample_weight: of the examples of an array in q(z), (n,), not negative. None: equal
                ones.
            steps: number of steps of Adam.
            batch_size: latents drawn in a step.
            learning_rate: of the first step; it falls along half a cosine to zero.
            seed: of all draws.
            verbose: 1: a progress bar; 2: a line for each tenth of the steps, for files; 0: none;
                "auto": a bar in a terminal or notebook if it takes long.

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
        check_over_z(self.prior)
        loc, scale = self.posterior_moments(x, y)
        before = [weight.numpy() for weight in self.prior.weights]
        losses = priors.fit(
            self.prior,
            loc,
            scale,
            weights=row_weights(sample_weight, x, self.sequence_shape),
            steps=steps,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            verbose=verbose,
        )
        after = [weight.numpy() for weight in self.prior.weights]
        if not all(map(np.array_equal, before, after)):
            self._prior_was_fitted = True
        history = keras.callbacks.History()
        history.epoch = list(range(len(losses)))
        history.history = {"loss": losses.tolist()}
        return history

    def with_prior(self, prior: str | priors.Prior) -> "Refittable":
        """A new model with this prior, all else being a copy of this model, which stays as it is.

        Encoder, decoder, posterior head, scale of the likelihood, multiplier, penalties: the new
        model has the same config and the same weights. It saves, exports, generates and is
        evaluated as any model. If this model is compiled, so is the new one, with a new state of
        the optimizer.

        Args:
            prior: a built prior, of which the new model gets a copy, from `tfvae.priors.fit_to`
                or another model; or a new one or a short name, whose weights start anew.

        Raises:
            ValueError: when this model is not built, either prior makes z of noise, or the prior
                has another number of latents.

        Example:
            >>> import numpy as np, tfvae
            >>> vae = tfvae.VAE(latent_dim=2, seed=0)
            >>> x = np.random.default_rng(0).normal(size=(200, 3))
            >>> vae.build(x.shape)  # Better: vae.compile(); vae.fit(x)
            >>> better = vae.with_prior(tfvae.priors.fit_to(vae, x, "gaussian_mixture"))
            >>> before, after = (
            ...     tfvae.evaluation.prior_fit(one, x, num_samples=500) for one in (vae, better)
            ... )
            >>> after.divergence < before.divergence
            True
        """
        inputs.check_built(self, "with_prior")
        check_over_z(self.prior)
        prior = priors.get(prior)
        check_over_z(prior)
        if prior.built and prior.latent_dim != self.latent_dim:
            raise ValueError(
                f"`prior` must have the {self.latent_dim} latents of the model, received one of "
                f"{prior.latent_dim}. Fit it to this model: `tfvae.priors.fit_to(model, data)`."
            )
        # A prior that is not built has what it was told beside its config, such as examples.
        given = serialized(prior) if prior.built else prior
        model = type(self).from_config({**self.get_config(), "prior": given})
        # Keras' `build_from_config` would hide what goes wrong.
        model.build(self.get_build_config()["input_shape"])
        model.columns = self.columns
        model._prior_was_fitted = prior.built or self._prior_was_fitted
        for old, new in zip(_beside_prior(self), _beside_prior(model), strict=True):
            new.assign(old.value)
        if prior.built:
            for old, new in zip(prior.weights, model.prior.weights, strict=True):
                new.assign(old.value)
        if self.compiled:
            model.compile_from_config(self.get_compile_config())
        return model


def _beside_prior(model):
    """All weights but the prior's, and the model's random states."""
    own = {id(weight) for weight in model.prior.weights}
    states = [model.seed_generator.state, model.test_seed_generator.state]
    return [weight for weight in model.weights if id(weight) not in own] + states
