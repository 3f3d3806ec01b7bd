"""Topographic VAEs: equivariant capsules from sequences."""

import keras
import tensorflow as tf

from tfvae import _checks, networks
from tfvae.models.sequence import SequenceVAE
from tfvae.priors import TopographicPrior


@keras.saving.register_keras_serializable(package="tfvae")
class TopographicVAE(SequenceVAE):
    """TVAE [KW21]: capsules that roll as what is seen transforms.

        t = (z + μ) / sqrt(W u² + ε),   q(z|x) and q(u|x) diagonal Gaussians, p(x|t)
        L = Σ_l −log p(x_l|t_l) + KL(q(z|x_l) ‖ N(0, I)) + KL(q(u|x_l) ‖ N(0, I))   (eq. 9)

    W has shifting temporal coherence: one step in time is one roll in the capsule, so that rolling
    the capsules of a step and decoding them shows it later. `encoder` gives z, `encoder_u` u.

    Args:
        latent_dim: s, number of capsules times capsule size, which is T unless the prior's `grid`
            says otherwise.
        prior: a `tfvae.priors.TopographicPrior`; None: the one with `Shifting()`, the window over
            the whole sequence, K = 3.
        encoder_u: network x -> features of q(u|x); None: one like the default `encoder`.
        decoder: network t -> data of a step; None: the default one behind a LayerNormalization,
            which networks of one's own need as well: t has a mean of μ/sqrt(ν), with ν squares in
            a denominator, and what matters are small changes of it.
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

    components = (*SequenceVAE.components, "encoder_u")
    default_neighborhood = "shifting"

    def __init__(self, latent_dim: int, prior=None, encoder_u=None, **kwargs):
        prior = TopographicPrior(self.default_neighborhood) if prior is None else prior
        super().__init__(latent_dim=latent_dim, prior=prior, **kwargs)
        if not isinstance(self.prior, TopographicPrior):
            raise ValueError(
                f"`prior` of a {type(self).__name__} must be a TopographicPrior, received "
                f"{type(self.prior).__name__}; a SequenceVAE takes any."
            )
        self.encoder_u = _checks.layer("encoder_u", encoder_u) or keras.Sequential(name="encoder_u")
        self.posterior_head_u = networks.GaussianHead(self.latent_dim, name="posterior_head_u")

    @property
    def _head_size(self):
        return self.latent_dim

    def _build_networks(self, shape):
        if isinstance(self.decoder, keras.Sequential) and not self.decoder.layers:
            self.decoder.add(keras.layers.LayerNormalization())
            for layer in networks.default_decoder(shape).layers:
                self.decoder.add(layer)
        super()._build_networks(shape)
        self._build_encoder(self.encoder_u, self.posterior_head_u, shape)

    def _moments(self, steps, training=False):
        """μ and σ of q(z|x), and after them those of q(u|x)."""
        z = super()._moments(steps, training)
        u = self.posterior_head_u(self.encoder_u(steps, training=training))
        return [tf.concat(pair, axis=-1) for pair in zip(z, u, strict=True)]


@keras.saving.register_keras_serializable(package="tfvae")
class BubbleVAE(TopographicVAE):
    """BubbleVAE [KW21]: a TVAE with stationary temporal coherence, whose capsules do not roll.

    The prior's neighbourhood is `Bubble()` by default; see `TopographicVAE`.

    Example:
        >>> import tfvae
        >>> vae = tfvae.BubbleVAE(latent_dim=12)
        >>> vae.build((None, 6, 10))
        >>> vae.prior.neighborhood
        Bubble(window=None, coherence=3)
    """

    default_neighborhood = "bubble"
