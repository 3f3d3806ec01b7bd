"""Categorical latents that an encoder gives, and the JointVAE."""

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _checks, networks
from tfvae.models.categorical import CategoricalLatents
from tfvae.models.inference import Inference

tfd = tfp.distributions


class AmortisedCategories(CategoricalLatents):
    """A model whose encoder gives q(d|x) = Π_v q(d_v|x) beside q(z|x), from the same features.

    See `CategoricalLatents` for the arguments.
    """

    def __init__(self, latent_dim: int, num_categories=None, **kwargs):
        super().__init__(latent_dim, num_categories, **kwargs)
        if self.num_categories:
            self.category_head = networks.CategoricalHead(self.num_categories, name="category_head")

    def _build_networks(self, shape):
        super()._build_networks(shape)
        if self.num_categories:
            self.category_head(self.encoder(keras.KerasTensor((None, *shape))))

    def _posteriors(self, x, training):
        """q(z|x), and the logits of each q(d_v|x), (B, S_v)."""
        features = self.encoder(self._prepared(x), training=training)
        logits = self.category_head(features) if self.num_categories else []
        return networks.diagonal_gaussian(*self.posterior_head(features)), logits

    def _categories(self, x, posterior, training=False):
        _, logits = self._posteriors(x, training)
        best = [tf.argmax(one, axis=-1, output_type=tf.int32) for one in logits]
        return tf.stack(best, axis=-1)

    def encode_categories(self, x) -> list[tfd.Distribution]:
        """q(d_v|x) for each categorical latent: batch shape (B,), one-hot events (S_v,)."""
        _, logits = self._posteriors(x, False)
        return [tfd.OneHotCategorical(one, dtype=tf.float32) for one in logits]


def uniform_rate(logits: tf.Tensor) -> tf.Tensor:
    """KL(q ‖ uniform) = log S − H(q) in nats of categorical logits, (..., S) -> (...)."""
    return math.log(logits.shape[-1]) - tfd.Categorical(logits).entropy()


@keras.saving.register_keras_serializable(package="tfvae")
class JointVAE(AmortisedCategories):
    """JointVAE [D18]: Gumbel-softmax categories beside Gaussian latents, held at capacities.

        L = D + γ|R_z − C_z| + γ|R_d − C_d|   (eq. 7; `tfvae.objectives.Capacity`)

    In training d_v is a relaxed one-hot vector, softmax((log π_v + g)/τ) with Gumbel noise g; in
    evaluation it is drawn from q(d_v|x), so that the ELBO reported is one; `embed` takes the most
    likely category.

    Args:
        latent_dim: N_z, the number of continuous latents.
        num_categories: S, or (S_1, …, S_V).
        objective: "capacity" or an object of `tfvae.objectives`.
        temperature: τ > 0.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when an argument is not of the kind described.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> vae = tfvae.JointVAE(latent_dim=2, num_categories=3)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.categories(x).shape, vae.embed(x).shape
        ((64, 1), TensorShape([64, 5]))
    """

    def __init__(
        self,
        latent_dim: int,
        num_categories=10,
        objective="capacity",
        temperature: float = 0.67,
        **kwargs,
    ):
        super().__init__(latent_dim, num_categories, objective=objective, **kwargs)
        if not self.num_categories:
            raise ValueError(
                "`num_categories` of a JointVAE must be a number or several, received None: "
                "without categories it is a VAE."
            )
        self.temperature = _checks.number_in(
            "temperature", temperature, 0.0, math.inf, low_open=True, high_open=True
        )

    def _infer(self, x, seed, training, labels):
        posterior, logits = self._posteriors(x, training)

        def codes(z):
            seeds = tfp.random.split_seed(seed, n=len(logits), salt="gumbel")
            drawn = []
            for one, own in zip(logits, seeds, strict=True):
                if training:
                    q = tfd.RelaxedOneHotCategorical(self.temperature, logits=one)
                else:
                    q = tfd.OneHotCategorical(one, dtype=tf.float32)
                drawn.append(q.sample(tf.shape(z)[0], seed=own))
            return tf.concat([z, *drawn], axis=-1)

        rate = tf.add_n([uniform_rate(one) for one in logits])
        return Inference(posterior, codes, rate[tf.newaxis])

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "temperature": self.temperature}
