"""What a user asks of a model: encodings, categories, decodings, samples, likelihoods."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _seeds
from tfvae.models import (
    aggregated,
    beside,
    classification,
    evidence,
    imputation,
    inputs,
    latents,
    sampling,
)
from tfvae.models.beside import Batch
from tfvae.models.generative import GenerativeModel
from tfvae.models.latents import Encoded
from tfvae.objectives import Terms

tfd = tfp.distributions


class Queryable(GenerativeModel):
    """A generative model with the methods that answer from x, y or latents."""

    def elbo_terms(
        self,
        x: Any,
        y: Any = None,
        *,
        seed: Any,
        num_samples: int = 1,
        analytic: bool = True,
        training: bool = False,
    ) -> Terms:
        """Distortion, rate and error of `num_samples` posterior samples of x (B, *data)."""
        return self.infer(
            self.prepared(x, y),
            seed=_seeds.stateless(seed),
            num_samples=num_samples,
            analytic=analytic,
            per_latent=True,
            training=training,
        ).terms

    def encode(self, x: Any, y: Any = None, *, training: bool = False) -> tfd.Distribution:
        """q(z|x) = N(μ(x), diag σ(x)²): batch shape (B,), or (B, T), event shape (N_z,).

        Over the prior's noise where z is made of it: `embed` gives z. `y` holds the condition of a
        model with one. `training` is for layers that differ in it.
        """
        return self.encoded(self.prepared(x, y, ("condition",)), training=training).posterior

    def embed(self, x: Any, y: Any = None) -> tf.Tensor:
        """What stands for x: [E[z|x], one-hot d], (B, embedding_dim) or (B, T, N_z).

        z is the posterior mean, or the latents at the mean of the noise that they are made of
        (`Prior.embedding`). `y` holds what the model needs beside x.
        """
        batch = self.prepared(x, y, beside.INPUTS)
        return self.embedding(batch, self.encoded(batch))

    def embedding(self, batch: Batch, encoded: Encoded) -> tf.Tensor:
        """What stands for the examples of a batch: see `embed`."""
        z = self.prior.embedding(encoded.posterior)
        if self.discrete is None:
            return z
        given = self.given(batch, encoded)
        d = self.discrete.one_hot(self.discrete.categories(given))
        return tf.concat([z, latents.where_open(d, given.is_open)], axis=-1)

    def categories(self, x: Any, y: Any = None) -> np.ndarray:
        """The categories that stand for x, int32 (B, V); known labels where `y` gives them.

        Raises:
            ValueError: when the model has no discrete latents or none that x tells, or `x` does not
                fit.
        """
        classification.check(self)
        y = beside.parts(y, self.needs.without_labels_required, beside.INPUTS)
        batch = self.prepared(x, y, tuple(y))
        return classification.classified(self, batch)[0].numpy()

    def decode(self, z: Any, y: Any = None) -> tfd.Distribution:
        """p(x|z, d, c): (..., embedding_dim) -> batch shape (...), event shape (*target).

        For sequences (..., T, N_z) -> batch shape (...), event shape (T, *step). Where `y` gives
        labels, z alone, (..., N_z), serves too. `y` holds the condition of a model with one.

        Raises:
            ValueError: when the model is not built, or the last axis of `z` does not fit.
        """
        return self.likelihood.distribution(self._outputs_of(z, y))

    def decode_mean(self, z: Any, y: Any = None, *, training: bool = False) -> tf.Tensor:
        """E[x|z, d, c], (..., embedding_dim) -> (..., *step); as `decode`, and for single steps."""
        return self.likelihood.mean(self._outputs_of(z, y, training))

    def _outputs_of(self, z, y=None, training=False):
        z, condition = inputs.checked_latents(self, z, y)
        return self.decoder_outputs(latents.joined(z, None, condition), training=training)

    def sample_prior(self, num_samples: int, y: Any = None, *, seed: Any) -> tf.Tensor:
        """Draws [z, one-hot d] from the prior, (num_samples, embedding_dim) or (…, T, N_z).

        Labels in `y` are taken for d.
        """
        return sampling.sample_prior(self, num_samples, y, _seeds.stateless(seed))

    def generate(
        self, num_samples: int, *, y: Any = None, seed: int | None = None, mean: bool = True
    ) -> np.ndarray:
        """E[x|z, d, c] for z drawn from the prior, (num_samples, *target), NumPy.

        Args:
            num_samples: number of examples.
            y: labels and condition of a model that has them, one for all or one for each.
            seed: of the samples.
            mean: False gives samples of p(x|z, d, c) in place of means.

        Raises:
            ValueError: when the model is not built, `num_samples` < 1, or a part of y is missing.
        """
        inputs.check_built(self, "generate")
        num_samples = _checks.positive_int("num_samples", num_samples)
        return sampling.generate(self, num_samples, y, _seeds.stateless(seed), mean)

    def log_weights(self, x: Any, num_samples: int, *, y: Any = None, seed: Any) -> tf.Tensor:
        """log p(x|z_l) p(z_l)/q(z_l|x), z_l ~ q(z|x), summed over d: (num_samples, B), nats."""
        batch = self.prepared(x, y)
        return evidence.log_weights(self, batch, num_samples, seed=_seeds.stateless(seed))

    def log_likelihood(
        self,
        x: Any,
        num_samples: int = 5000,
        *,
        y: Any = None,
        batch_size: int = 32,
        seed: int = 0,
        verbose: str | int = "auto",
    ) -> np.ndarray:
        """Importance-weighted estimate of log p(x) for each example [BGS16].

            log (1/L) Σ_l p(x, z_l)/q(z_l|x), z_l ~ q(z|x): a lower bound in mean, rising with L.

        log p(x|y, c) with labels and a condition; log p(x, y) for known labels of a semi-supervised
        model. With a target beside x, log p(target|x) ≈ log (1/L) Σ_l p(target|z_l): the density
        of the prediction, with q(d|x) for p(d) where a network gives it. The sum runs over chunks:
        memory grows neither with L nor with n.

        Args:
            x: data, (n, *data).
            num_samples: L.
            y: what the model needs beside x.
            batch_size: examples at a time.
            seed: of the samples.
            verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes
                long.

        Returns:
            float32 array (n,), nats.
        """
        return evidence.log_likelihood(self, x, num_samples, y, batch_size, seed, verbose)

    def impute(
        self,
        x: Any,
        num_samples: int | None = None,
        *,
        y: Any = None,
        num_proposals: int = 100,
        seed: int = 0,
    ) -> np.ndarray:
        """x with its missing values, NaN, filled in; the likelihood must have `missing=True`.

        Args:
            x: data, (n, *data).
            num_samples: None: E[x|z] at `embed(x)`, what `predict` gives, in place of NaN. A
                number: so many draws from p(x_missing|x_observed), by importance resampling: z is
                one of `num_proposals` draws z_l ~ q(z|x), chosen in proportion to
                p(x_observed, z_l)/q(z_l|x), and then x_missing ~ p(x|z).
            y: labels and condition, of a model that has them.
            num_proposals: draws of q(z|x) among which one is chosen.
            seed: of the draws.

        Returns:
            (n, *data), or (num_samples, n, *data); float32.

        Raises:
            ValueError: when the model takes no missing values, or `x` does not fit.

        Example:
            >>> import numpy as np, tfvae
            >>> gaussian = tfvae.likelihoods.Gaussian(missing=True)
            >>> vae = tfvae.VAE(latent_dim=1, likelihood=gaussian, seed=0)
            >>> vae.build((None, 2))
            >>> x = np.array([[1.0, np.nan]])
            >>> vae.impute(x).shape, vae.impute(x, 5).shape
            ((1, 2), (5, 1, 2))
        """
        return imputation.impute(self, x, num_samples, y, num_proposals, seed)

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function(model, …)` of this model, compiled once.

        As it is for `run_eagerly`, and where a subclass has an `encode` or `embed` of its own, not
        made for being traced perhaps.
        """
        run = functools.partial(function, self)
        cls = type(self)
        own = cls.encode is not Queryable.encode or cls.embed is not Queryable.embed
        if self.run_eagerly or own:
            return run
        if function not in self._traced_functions:
            # A partial: TensorFlow would count the tracing of several models as that of one.
            self._traced_functions[function] = tf.function(
                run, autograph=False, reduce_retracing=True
            )
        return self._traced_functions[function]

    @functools.cached_property
    def _traced_functions(self):
        return {}

    @functools.cached_property
    def chunked_bound(self) -> Callable[..., tf.Tensor]:
        """The compiled `evidence.chunked_bound` of this model."""
        # A partial: TensorFlow would count the tracing of several models as that of one.
        bound = functools.partial(evidence.chunked_bound, self)
        return tf.function(bound, autograph=False, reduce_retracing=True)

    @functools.cached_property
    def log_prior(self) -> Callable[[Any, Any], tf.Tensor]:
        """The compiled `prior.log_prob` of this model: z (n, N_z) and a seed (2,) -> (n,), nats."""
        signature = [
            tf.TensorSpec([None, self.latent_dim], tf.float32),
            tf.TensorSpec([2], tf.int32),
        ]
        # A partial, as above.
        log_prior = functools.partial(aggregated.log_prior, self)
        return tf.function(log_prior, input_signature=signature, autograph=False)
