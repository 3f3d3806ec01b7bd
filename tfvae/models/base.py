"""The base class of all models: the way from data to the terms of the loss."""

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, _seeds, geometry, likelihoods, networks, objectives, priors
from tfvae.models.evidence import ROWS_AT_A_TIME, EvidenceEstimate
from tfvae.models.inference import Inference
from tfvae.models.persistence import Persistence
from tfvae.objectives import Terms

tfd = tfp.distributions


class LatentVariableModel(Persistence, EvidenceEstimate):
    """p(x) = ∫ p(x|z) p(z) dz with an amortised posterior q(z|x); any prior, any objective.

    The line that every model follows; a family overrides the station in which it differs:

        x ─ encoder ─▶ q(z|x) ─ sample ─▶ z ─ decoder ─▶ p(x|z)
        distortion −log p(x|z), rate KL(q ‖ p(z)) ─ objective ─▶ loss

    A prior whose latents are a function of Gaussian variables s, z = prior.transform(s), has the
    posterior q(s|x) in the place of q(z|x). Where an example is a sequence, of the shape
    (T, *step), the networks see its steps one by one, and latents have the shape (B, T, N_z).

    Args:
        latent_dim: N_z; of each step where an example is a sequence.
        encoder: Keras model or layer, x -> features. None: convolutions for images of at least
            24×24 pixels, dense layers for all else.
        decoder: Keras model or layer, z (B, N_z) -> (B, *data). None: the encoder's mirror image.
        likelihood: "gaussian", "bernoulli" or an object of `tfvae.likelihoods`.
        prior: "standard_normal", "vamp", "hierarchical" or an object of `tfvae.priors`.
        objective: "elbo", "constrained", … or an object of `tfvae.objectives`.
        flatness: a `tfvae.geometry.Flatness`, which is added to the loss; None: no penalty.
        seed: of all random numbers of the model; None draws one from Python's `random`, so that
            `keras.utils.set_random_seed` decides.

    Raises:
        ValueError: when an argument is not of the kind described.
    """

    def __init__(
        self,
        latent_dim: int,
        encoder=None,
        decoder=None,
        likelihood="gaussian",
        prior="standard_normal",
        objective="elbo",
        flatness: geometry.Flatness | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.latent_dim = _checks.positive_int("latent_dim", latent_dim)
        # A network left to the model is empty until `build` fills it: so the order of the weights,
        # and with it that of the optimizer's, is the same for a new model and a loaded one.
        self.encoder = _checks.layer("encoder", encoder) or keras.Sequential(name="encoder")
        self.decoder = _checks.layer("decoder", decoder) or keras.Sequential(name="decoder")
        self.likelihood = likelihoods.get(likelihood)
        self.prior = priors.get(prior)
        self.objective = objectives.get(objective)
        self.flatness = geometry.get(flatness)
        self.posterior_head = networks.GaussianHead(self._head_size, name="posterior_head")
        self.seed = seed
        self._create_streams(seed)

    # ---- structure ---------------------------------------------------------------------------

    components = ("encoder", "decoder", "likelihood", "prior", "objective", "flatness")
    """Arguments of the constructor that are objects of Keras."""

    num_categories: tuple[int, ...] = ()
    """(S_1, …, S_V): the sizes of categorical latents beside z, for a model that has them."""
    sequence_axes = 0
    """Number of axes of an example, the first ones, along which its steps follow each other."""

    @property
    def _head_size(self):
        """Variables of which one encoder gives the posterior."""
        return self.prior.num_sources * self.latent_dim

    @property
    def code_dim(self) -> int:
        """Length of what the decoder is given: N_z, and the categories of a model that has them."""
        return self.latent_dim

    @property
    def sequence_shape(self) -> tuple[int, ...]:
        """(T,) where an example is a sequence of T steps, else ()."""
        return self.data_shape[: self.sequence_axes]

    @property
    def step_shape(self) -> tuple[int, ...]:
        """The shape of what the networks see: of one step, or of an example without steps."""
        return self.data_shape[self.sequence_axes :]

    def build(self, input_shape):
        """Creates all weights for data of shape `input_shape`, batch axis included.

        Raises:
            ValueError: when the data have no feature axis, or the decoder's output has another
                shape than the data.
        """
        if self.built:
            return
        data_shape = tuple(input_shape[1:])
        if not data_shape or None in data_shape or 0 in data_shape:
            raise ValueError(
                f"`x` must have a batch axis and feature axes of known length, received the shape "
                f"{tuple(input_shape)}. A single feature needs an axis of length 1: x[:, None]."
            )
        # Weights belong outside of the function that is being traced when `fit` builds the model.
        with tf.init_scope():
            self.data_shape = data_shape
            self._build_networks(self.step_shape)
            _checks.not_yet_connected("likelihood", self.likelihood)
            self.likelihood.build((None, *data_shape))
            self.prior.connect(
                self.latent_dim, self.step_shape, self._posterior, self.sequence_shape
            )
            self.objective.connect(self.likelihood, self.latent_dim, self.num_categories)
        super().build(input_shape)

    def _build_networks(self, shape):
        """Creates the weights of encoder and decoder for inputs of that shape."""
        self._build_encoder(self.encoder, self.posterior_head, shape)
        _fill(self.decoder, networks.default_decoder, shape)
        outputs = self.decoder(keras.KerasTensor((None, self.code_dim)))
        if tuple(outputs.shape[1:]) != shape:
            raise ValueError(
                f"The decoder's output has the shape {tuple(outputs.shape[1:])} for one "
                f"{'step' if self.sequence_axes else 'example'}, the data have {shape}. Give the "
                f"builder of the decoder `output_shape={shape}`."
            )

    def _build_encoder(self, encoder, head, shape):
        """Creates the weights of an encoder and its head."""
        _fill(encoder, networks.default_encoder, shape)
        head(encoder(keras.KerasTensor((None, *shape))))

    def _prepared(self, x) -> tf.Tensor:
        """`x` as float32, (B, *data), with the model built for it."""
        if isinstance(x, (tuple, list, dict)):
            raise ValueError(
                f"`x` must be one array, received a {type(x).__name__} of {len(x)}. A dataset "
                "gives x, (x, label) or (x, label, sample weight)."
            )
        x = tf.convert_to_tensor(x)
        if x.shape.rank is None:
            raise ValueError(
                "`x` has a shape of unknown rank. A dataset of a generator needs "
                "`output_signature=tf.TensorSpec((None, *shape_of_one_example))`."
            )
        if not self.built:
            self.build((None, *x.shape[1:]))
        self._check_shape(x.shape)
        return tf.cast(x, tf.float32)

    def _check_shape(self, shape):
        """Raises a ValueError unless `shape` is that of a batch of the model's data."""
        if tuple(shape[1:]) == self.data_shape:
            return
        lacks_axis = tuple(shape) == self.data_shape
        raise ValueError(
            f"`x` has the shape {tuple(shape)}; this model was built for (batch, "
            f"{', '.join(map(str, self.data_shape))})."
            + (" A single example needs a batch axis: x[None]." if lacks_axis else "")
        )

    def _decoder_outputs(self, z: tf.Tensor, training=False) -> tf.Tensor:
        """Decoder outputs in float32, (..., code_dim) -> (..., *step)."""
        outputs = self.decoder(tf.reshape(z, [-1, self.code_dim]), training=training)
        shape = tf.concat([tf.shape(z)[:-1], self.step_shape], axis=0)
        outputs = tf.reshape(tf.cast(outputs, tf.float32), shape)
        return tf.ensure_shape(outputs, [*z.shape[:-1], *self.step_shape])

    def _moments(self, steps, training=False):
        """μ and σ of q(z|x) for each step, (n, *step) -> two (n, N_z)."""
        return self.posterior_head(self.encoder(steps, training=training))

    def _posterior(self, steps, *, training=False) -> tfd.Distribution:
        """q(z|x) of each step, (n, *step) -> batch shape (n,)."""
        return networks.diagonal_gaussian(*self._moments(steps, training))

    # ---- what a user calls -------------------------------------------------------------------

    def encode(self, x, *, training=False) -> tfd.Distribution:
        """q(z|x) = N(μ(x), diag σ(x)²): batch shape (B,), or (B, T), event shape (N_z,).

        Over the sources of z for a prior that has them: `embed` gives z. `training` is for networks
        with layers that differ in it, such as Dropout.
        """
        steps = tf.reshape(self._prepared(x), [-1, *self.step_shape])
        moments = self._moments(steps, training)
        shape = [-1, *self.sequence_shape, moments[0].shape[-1]]
        return networks.diagonal_gaussian(*(tf.reshape(m, shape) for m in moments))

    def embed(self, x) -> tf.Tensor:
        """The latents that stand for x: the posterior mean, (B, N_z) or (B, T, N_z).

        For a prior with sources, the latents at their means; see its `code`.
        """
        return self._embedding(self._prepared(x))

    def _embedding(self, x, training=False):
        """`embed` of prepared data."""
        return self.prior.code(self.encode(x, training=training))

    def decode(self, z) -> tfd.Distribution:
        """p(x|z): (..., N_z) -> batch shape (...), event shape that of the data.

        For sequences (..., T, N_z) -> batch shape (...), event shape (T, *step).

        Raises:
            ValueError: when the model is not built, or the last axis of `z` is not N_z.
        """
        return self.likelihood.distribution(self._decoder_outputs(self._latents(z)))

    def decode_mean(self, z, *, training=False) -> tf.Tensor:
        """E[x|z], (..., N_z) -> (..., *step): `decode(z).mean()`, and for single steps too.

        Raises:
            ValueError: as `decode`.
        """
        return self.likelihood.mean(self._decoder_outputs(self._latents(z), training))

    def _latents(self, z) -> tf.Tensor:
        """`z` as float32, checked."""
        self._check_built("decode")
        z = tf.convert_to_tensor(z, tf.float32)
        if z.shape[-1:] != (self.code_dim,):
            name = "latent_dim" if self.code_dim == self.latent_dim else "code_dim"
            raise ValueError(
                f"The last axis of `z` must be {name} = {self.code_dim}, received the shape "
                f"{tuple(z.shape)}."
            )
        return z

    def call(self, x, training=False):
        """The reconstruction mean E[x|z] at z = E[z|x], `embed`: what `predict` returns.

        (B, *data); NaN for an example with a value that is not finite: a ReLU would turn it into an
        ordinary number on its way.
        """
        x = self._prepared(x)
        reconstruction = self.decode_mean(self._embedding(x, training), training=training)
        axes = list(range(1, 1 + len(self.data_shape)))
        finite = tf.reduce_all(tf.math.is_finite(x), axis=axes, keepdims=True)
        return tf.where(finite, reconstruction, np.nan)

    def generate(self, num_samples: int, *, seed: int | None = None) -> np.ndarray:
        """E[x|z] for z drawn from the prior, (num_samples, *data), NumPy.

        Raises:
            ValueError: when the model is not built or `num_samples` < 1.
        """
        self._check_built("generate")
        _checks.positive_int("num_samples", num_samples)
        z = self.sample_codes(num_samples, seed=_seeds.stateless(seed))
        parts = tf.split(z, _sizes(num_samples, ROWS_AT_A_TIME))
        return np.concatenate([self.decode_mean(rows).numpy() for rows in parts])

    def sample_codes(self, num_samples, *, seed) -> tf.Tensor:
        """Draws what the decoder is given from the prior, (num_samples, N_z) or (…, T, N_z)."""
        return self.prior.sample(num_samples, seed=seed)

    def _check_built(self, what: str):
        if not self.built:
            raise ValueError(
                f"`{what}` needs a model that knows its data: call `fit`, or `build((None, "
                "*shape_of_one_example))` first."
            )

    # ---- the terms ---------------------------------------------------------------------------

    def terms(
        self,
        x,
        *,
        seed,
        num_samples=1,
        analytic=True,
        training=False,
        regularized=False,
        labels=None,
    ) -> Terms:
        """Distortion, rate and error of `num_samples` posterior samples of x (B, *data).

        `regularized` asks for the penalties too, where there are some; `labels` are for a model
        that learns from them.
        """
        posterior_seed, prior_seed = tfp.random.split_seed(seed, n=2, salt="terms")
        inference = self._infer(x, posterior_seed, training, labels)
        posterior, categorical_rate = inference.posterior, inference.categorical_rate
        sources = posterior.sample(num_samples, seed=posterior_seed)
        z = self.prior.transform(sources)
        codes = inference.codes(z)
        outputs = self._decoder_outputs(codes, training)
        distortion, error = self.likelihood.distortion_and_error(x, outputs)
        rate = self.prior.rate(
            posterior, sources, seed=prior_seed, analytic=analytic, training=training
        )
        rate = tf.reduce_sum(rate, axis=list(range(2, 2 + self.sequence_axes)))
        if categorical_rate is not None:
            rate += categorical_rate
        penalties = dict(inference.penalties)
        if regularized and self.flatness is not None:
            flatness_seed = tf.random.experimental.stateless_fold_in(posterior_seed, 1)
            steps = tf.reshape(z[0], [-1, self.latent_dim])
            penalty = self.flatness.penalty(self._mean_around(codes[0]), steps, seed=flatness_seed)
            penalties["flatness"] = tf.reduce_mean(
                tf.reshape(penalty, [tf.shape(z)[1], -1]), axis=1
            )
        return Terms(
            distortion,
            rate,
            error,
            self.likelihood.residual(x, outputs),
            penalties,
            z,
            self.prior.rates(posterior),
            categorical_rate,
        )

    def _infer(self, x, seed, training, labels) -> Inference:
        """q(z|x), and what else the decoder is given."""
        return Inference(self.encode(x, training=training))

    def _mean_around(self, codes):
        """E[x|z] as a function of z alone, (n, N_z), all else as in `codes` (B, code_dim)."""
        return self.decode_mean


def _fill(network, default, data_shape):
    """Gives an empty network the layers of the default one."""
    if isinstance(network, keras.Sequential) and not network.layers:
        for layer in default(data_shape).layers:
            network.add(layer)


def _sizes(total, chunk):
    """Lengths of the pieces of at most `chunk` that `total` rows are cut into."""
    whole, rest = divmod(total, chunk)
    return [chunk] * whole + [rest] * (rest > 0)
