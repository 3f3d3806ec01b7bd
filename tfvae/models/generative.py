"""The line from data to the terms of the loss: encoder, posterior, latents, decoder, likelihood."""

import functools
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, likelihoods, networks, priors
from tfvae._component import check_arguments, check_call
from tfvae.discrete import Discrete, Given
from tfvae.discrete import get as get_discrete
from tfvae.models import beside, inputs, latents, structure
from tfvae.models.beside import Batch, Needs
from tfvae.models.latents import Encoded
from tfvae.objectives import Terms
from tfvae.penalties import Inference

tfd = tfp.distributions


class GenerativeModel(keras.Model):
    """p(x) = Σ_d p(d) ∫ p(x|z, d, c) p(z) dz with an amortised posterior q(z|x, c).

        x ─ encoder ─▶ q(z|x) ─ sample ─▶ z, d, c ─ decoder ─▶ p(target|z, d, c)

    It owns the networks, the prior, the likelihood and the discrete latents, and computes the terms
    of a batch (`infer`). `LatentVariableModel` adds what trains it, and has the arguments.
    """

    sequence_axes: int = 0
    """Number of axes of an example, the first ones, along which its steps follow each other."""
    num_categories: tuple[int, ...]
    """(S_1, …, S_V): the sizes of the discrete latents, () without them."""
    embedding_dim: int
    """N_z + Σ S_v: the length of what `embed` gives and `decode` takes."""
    needs: Needs
    """What comes beside x in training: labels, condition, target."""
    data_shape: tuple[int, ...]
    """Shape of an example of x, known once the model is built, as all below."""
    target_shape: tuple[int, ...]
    """Shape of an example of what is decoded."""
    sequence_shape: tuple[int, ...]
    """(T,) where an example is a sequence of T steps, else ()."""
    step_shape: tuple[int, ...]
    """What the encoder sees: the shape of a step, or of an example without steps."""
    target_step_shape: tuple[int, ...]
    """What is decoded: the shape of a step, or of an example without steps."""
    condition_shape: tuple[int, ...]
    """Shape of the condition of an example, (0,) without one."""
    condition_dim: int
    """E, the length of the embedded condition, 0 without one."""
    decoder_input_dim: int
    """Length of the decoder's input: z, one-hot d, and the embedded condition."""

    def __new__(cls, *args, **kwargs):
        """As in Keras, once the arguments are known to be the constructor's."""
        check_call(cls, args, kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        latent_dim: int,
        encoder: keras.layers.Layer | None,
        decoder: keras.layers.Layer | None,
        likelihood: str | likelihoods.Likelihood,
        prior: str | priors.Prior,
        discrete: Discrete | None,
        condition: int | keras.layers.Layer | None,
        target: str,
        corruption: keras.layers.Layer | None = None,
        **kwargs,
    ):
        check_arguments(type(self), kwargs)
        super().__init__(**kwargs)
        self.latent_dim = _checks.positive_int("latent_dim", latent_dim)
        # A network left to the model is empty until `build` fills it. The order of the weights, and
        # of the optimizer's, is then the same for a new model and a loaded one.
        self.encoder = _checks.layer("encoder", encoder) or keras.Sequential(name="encoder")
        self.decoder = _checks.layer("decoder", decoder) or keras.Sequential(name="decoder")
        self.likelihood = likelihoods.get(likelihood)
        self.prior = priors.get(prior)
        self.discrete = get_discrete(discrete)
        self.condition = structure.checked_condition(condition)
        self.target = _checks.one_of("target", target, ("x", "y"))
        self.corruption = structure.checked_corruption(corruption)
        if self.discrete is not None:
            self.supports_jit = self.discrete.supports_jit
        self.posterior_head = self.new_posterior_head()
        self.num_categories = () if self.discrete is None else self.discrete.num_categories
        self.embedding_dim = self.latent_dim + sum(self.num_categories)
        self.needs = structure.needs_of(self)
        # The names of the columns of the first table that `fit` was given: later tables must have
        # them in this order. None: there was none.
        self.columns = None
        self._prior_was_fitted = False

    # ---- what it is made of ------------------------------------------------------------------

    @property
    def posterior_size(self) -> int:
        """Number of Gaussian variables that `posterior_head` gives for an example."""
        return self.prior.noise_per_latent * self.latent_dim

    def new_posterior_head(self) -> keras.layers.Layer:
        """The layer that makes of features what `posterior` needs."""
        return networks.GaussianHead(self.posterior_size, name="posterior_head")

    @property
    def explains_its_input(self) -> bool:
        """Whether what the encoder reads is what is explained, not a corrupted or another x."""
        return self.target == "x" and self.corruption is None

    @property
    def takes_missing(self) -> bool:
        """Whether NaN in x is a missing value, as the likelihood is told."""
        return self.likelihood.missing and self.target == "x"

    @property
    def encoders(self) -> list[keras.layers.Layer]:
        """The networks that read x."""
        return [self.encoder]

    @property
    def discrete_is_open(self) -> tf.Tensor | None:
        """Scalar bool: whether discrete latents take part yet; None: always."""
        return None

    def build(self, input_shape: Any) -> None:
        """Creates all weights.

        Args:
            input_shape: shape of x with its batch axis; or a pair (shape of x, shape of y), where
                y is one thing or a dict, as in `fit`. A target without a shape is like x, a
                condition given as a length needs none.

        Raises:
            ValueError: when the data have no feature axis, or a network does not fit them.
        """
        if self.built:
            return
        # Weights belong outside of the function that is being traced when `fit` builds the model.
        with tf.init_scope():
            structure.build(self, input_shape)
        super().build(input_shape)

    def prepared(self, x: Any, y: Any = None, purpose: tuple[str, ...] = beside.NAMES) -> Batch:
        """x and the parts of y that `purpose` asks for, checked, with the model built for them.

        Raises:
            ValueError: when x does not fit the model, or a needed part of y is missing.
        """
        return inputs.prepared(self, x, y, purpose)

    def create_networks(self) -> None:
        """Creates the weights of encoder and decoder; the shapes of the data are known."""
        structure.create_networks(self)

    # ---- stations of the line: a subclass may replace them -----------------------------------

    def features(
        self, steps: tf.Tensor, condition: tf.Tensor | None = None, *, training: bool = False
    ) -> tf.Tensor:
        """The encoder's features, (n, *step) and (n, E) -> (n, …); steps of sequences one by one.

        An encoder with two inputs is given both. For any other, a dense layer joins its features
        with the condition.
        """
        if condition is None:
            return self.encoder(steps, training=training)
        if structure.has_two_inputs(self.encoder):
            return self.encoder([steps, condition], training=training)
        features = latents.rows(self.encoder(steps, training=training))
        condition = tf.cast(condition, features.dtype)
        return self.condition_join(keras.ops.concatenate([features, condition], axis=-1))

    def posterior(self, features: tf.Tensor, batch_shape: Any = None) -> tfd.Distribution:
        """q(z|x) of features (n, …): batch shape (n,), event shape (N_z,).

        For sequences `batch_shape` is (B, T), n = B·T; None: (n,). q is over the prior's noise
        where z is a function of it. A subclass may return any distribution with `sample`,
        `log_prob`, `mean` and `stddev`.
        """
        loc, scale = self.posterior_head(features)
        return latents.gaussian_of_moments(loc, scale, batch_shape)

    def decoder_outputs(self, decoder_input: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """The decoder's outputs in float32, (..., decoder_input_dim) -> (..., *out)."""
        rows = tf.reshape(decoder_input, [-1, self.decoder_input_dim])
        outputs = tf.cast(self.decoder(rows, training=training), tf.float32)
        shape = tf.concat([tf.shape(decoder_input)[:-1], outputs.shape[1:]], axis=0)
        return tf.ensure_shape(
            tf.reshape(outputs, shape), [*decoder_input.shape[:-1], *outputs.shape[1:]]
        )

    def read(self, batch: Batch) -> tf.Tensor:
        """x as the encoder reads it, (B, *data): what is missing is filled in."""
        return self.likelihood.filled(batch.x) if self.takes_missing else batch.x

    # ---- from a batch to its terms -----------------------------------------------------------

    def infer(
        self,
        batch: Batch,
        *,
        seed: tf.Tensor,
        num_samples: int = 1,
        analytic: bool = True,
        per_latent: bool = False,
        training: bool = False,
    ) -> Inference:
        """All that a step needs of a batch: posterior samples, decoder outputs, terms.

        Args:
            batch: as `prepared` gives it.
            seed: stateless.
            num_samples: L.
            analytic: whether a closed-form rate may take the place of the sampled one.
            per_latent: whether the rate of each latent is asked for.
            training: whether a training step asks.
        """
        posterior_seed, prior_seed = tfp.random.split_seed(seed, n=2, salt="terms")
        encoded = self.encoded(batch, training=training)
        noise = encoded.posterior.sample(num_samples, seed=posterior_seed)
        z = self.prior.latents_from_noise(noise)
        rate = self.prior.rate(
            encoded.posterior, noise, seed=prior_seed, analytic=analytic, training=training
        )
        if self.sequence_axes:
            rate = tf.reduce_sum(rate, axis=-1)
        choice, decoder_input = None, z
        if self.discrete is not None:
            given = self.given(batch, encoded)._replace(analytic=analytic)
            choice = self.discrete.infer(given, z, seed=posterior_seed, training=training)
            choice = latents.opened(choice, given.is_open)
            rate = rate + choice.rate
        if choice is not None or encoded.condition is not None:
            decoder_input = latents.joined(z, latents.alternatives(choice), encoded.condition)
        outputs = self.decoder_outputs(decoder_input, training=training)
        distortion, error = self.likelihood.distortion_and_error(batch.target, outputs)
        residual = self.likelihood.residual(batch.target, outputs, error)
        if choice is not None:
            distortion, error, residual = (
                latents.mean_over_alternatives(value, choice)
                for value in (distortion, error, residual)
            )
        rate_per_latent = self.prior.rate_per_latent(encoded.posterior) if per_latent else None
        discrete_rate = None if choice is None else choice.rate
        terms = Terms(distortion, rate, error, residual, rate_per_latent, discrete_rate)
        mean = functools.partial(self._mean_holding, choice, encoded.condition)
        return Inference(
            self.read(batch),
            batch.target,
            encoded.posterior,
            z,
            outputs,
            terms,
            mean,
            self.prior,
            choice,
            posterior_seed,
        )

    def encoded(self, batch: Batch, *, training: bool = False) -> Encoded:
        """The features of a batch, q(z|x), and the embedded condition.

        In training the encoder reads x as `corruption` leaves it.
        """
        steps, batch_shape, condition = self.read(batch), None, None
        if batch.condition is not None:
            condition = inputs.embedded_condition(self, batch.condition, training)
        if self.sequence_axes:
            steps = tf.reshape(steps, [-1, *self.step_shape])
            batch_shape = [-1, *self.sequence_shape]
        if self.corruption is not None and training:
            steps = tf.cast(self.corruption(steps, training=True), tf.float32)
        repeated = latents.repeated(condition, self.sequence_shape)
        features = self.features(steps, repeated, training=training)
        posterior = self.posterior(features, batch_shape)
        if condition is not None and self.sequence_axes:
            condition = condition[:, tf.newaxis]
        return Encoded(features, posterior, condition)

    def given(self, batch: Batch, encoded: Encoded) -> Given:
        """What the discrete latents are told of a batch."""

        def log_prob(z, d):
            outputs = self.decoder_outputs(latents.joined(z, d, encoded.condition))
            return -self.likelihood.distortion_and_error(batch.target, outputs)[0]

        z = self.prior.embedding(encoded.posterior)
        return Given(
            encoded.features,
            z,
            log_prob,
            batch.labels,
            self.discrete_is_open,
            predicts=self.target == "y",
        )

    def _mean_holding(self, choice, condition, z):
        """E[x|z, d, c] of k blocks of rows z, (k·n, N_z), with one d and c of each example held."""
        if condition is not None:
            condition = latents.repeated(latents.rows(condition), self.sequence_shape)
        held = [one for one in (latents.held(choice), condition) if one is not None]
        # A replica may have no examples.
        blocks = tf.shape(z)[0] // tf.maximum(tf.shape(held[0])[0], 1) if held else 1
        z = tf.concat([z, *(tf.tile(one, [blocks, 1]) for one in held)], axis=-1)
        return self.likelihood.mean(self.decoder_outputs(z))
