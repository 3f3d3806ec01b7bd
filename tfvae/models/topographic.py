"""Topographic VAEs: equivariant capsules from sequences."""

import functools
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, networks
from tfvae._component import serialized
from tfvae.models import latents, structure
from tfvae.models.sequence import SequenceVAE
from tfvae.priors import TopographicPrior

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class TopographicVAE(SequenceVAE):
    """TVAE [KW21]: capsules that roll as what is seen transforms.

        t = (z + μ) / sqrt(W u² + ε),   q(z|x) and q(u|x) diagonal Gaussians, p(x|t)
        L = Σ_l −log p(x_l|t_l) + KL(q(z|x_l) ‖ N(0, I)) + KL(q(u|x_l) ‖ N(0, I))

    W has shifting temporal coherence: one step in time is one roll in the capsule. Rolling the
    capsules of a step and decoding them shows it later. `encoder` gives z, `encoder_u` gives u.
    The published baselines are `BubbleVAE` and, for L = 0, the prior
    `TopographicPrior(Bubble(window=1))`.

    L is the sum over the T steps. The authors minimise the mean over them: their SGD at a learning
    rate of 1e-4 is SGD at 1e-4/T here (the config `topographic_published:tvae`).

    Args:
        latent_dim: number of capsules times capsule size. The size is T unless the prior's `grid`
            gives another.
        prior: a `tfvae.priors.TopographicPrior`; None: the one with `Shifting()`, the window over
            the whole sequence, K = 3.
        encoder_u: network x -> features of q(u|x); None: one like the default `encoder`.
        decoder: network t -> data of a step; None: the default one behind a LayerNormalization.
            The decoder must resolve small changes of t around a large mean, μ/sqrt(ν) with ν
            squares in a denominator; LayerNormalization makes that easy.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when the prior is of another kind.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(8, 6, 10)).astype("float32")
        >>> vae = tfvae.TopographicVAE(latent_dim=12, likelihood="bernoulli")
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.roll(x, 2).shape, vae.predict_sequence(x[:, :3]).shape
        ((8, 6, 10), (8, 6, 10))
    """

    default_neighborhood = "shifting"

    def __init__(
        self,
        latent_dim: int,
        prior: TopographicPrior | None = None,
        encoder_u: keras.layers.Layer | None = None,
        **kwargs,
    ):
        prior = TopographicPrior(self.default_neighborhood) if prior is None else prior
        super().__init__(latent_dim, prior=prior, **kwargs)
        if not isinstance(self.prior, TopographicPrior):
            raise ValueError(
                f"`prior` of {type(self).__name__} must be a TopographicPrior, received a "
                f"{type(self.prior).__name__}. A SequenceVAE takes any."
            )
        self.encoder_u = _checks.layer("encoder_u", encoder_u) or keras.Sequential(name="encoder_u")
        self.posterior_head_u = networks.GaussianHead(self.latent_dim, name="posterior_head_u")

    @property
    def posterior_size(self) -> int:
        """N_z: each of the two heads gives one Gaussian variable for each latent."""
        return self.latent_dim

    @property
    def encoders(self) -> list[keras.layers.Layer]:
        """The networks that read x."""
        return [self.encoder, self.encoder_u]

    def create_networks(self) -> None:
        """Creates both encoders, and the default decoder behind a LayerNormalization."""
        wanted = self.likelihood.decoder_output_shape(self.target_step_shape)
        default = structure.default_decoder(self)
        structure.fill(self.decoder, functools.partial(_normalizing_decoder, default), wanted)
        super().create_networks()
        structure.fill(self.encoder_u, structure.default_encoder(self), self.step_shape)
        inputs = keras.KerasTensor((None, *self.step_shape))
        features = structure.applied("encoder_u", self.encoder_u, inputs, "x")
        structure.check_features(self, self.encoder_u, features)
        self.posterior_head_u(features)

    def features(
        self, steps: tf.Tensor, condition: tf.Tensor | None = None, *, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The features of z and those of u, by an encoder each."""
        of_z = super().features(steps, condition, training=training)
        return of_z, self.encoder_u(steps, training=training)

    def posterior(
        self, features: tuple[tf.Tensor, tf.Tensor], batch_shape: Any = None
    ) -> tfd.Distribution:
        """q(z, u|x) = q(z|x) q(u|x)."""
        heads = (self.posterior_head, self.posterior_head_u)
        moments = [head(own) for head, own in zip(heads, features, strict=True)]
        loc, scale = (tf.concat(pair, axis=-1) for pair in zip(*moments, strict=True))
        return latents.gaussian_of_moments(loc, scale, batch_shape)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "encoder_u": serialized(self.encoder_u)}


def _normalizing_decoder(default, output_shape):
    """The default decoder behind a LayerNormalization."""
    layers = default(output_shape).layers
    return keras.Sequential([keras.layers.LayerNormalization(), *layers])


@keras.saving.register_keras_serializable(package="tfvae")
class BubbleVAE(TopographicVAE):
    """BubbleVAE [KW21]: a TVAE with stationary temporal coherence, whose capsules do not roll.

    The prior's neighbourhood is `Bubble()` by default, 5 frames and K = 3 as published for digits;
    see `TopographicVAE`. Sequences of fewer frames need a prior with a smaller window.

    Example:
        >>> import tfvae
        >>> vae = tfvae.BubbleVAE(latent_dim=12)
        >>> vae.build((None, 6, 10))
        >>> vae.prior.neighborhood
        Bubble(window=5, coherence=3)
    """

    default_neighborhood = "bubble"
