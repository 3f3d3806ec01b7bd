"""The autoencoder."""

from typing import Any, NoReturn

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import networks
from tfvae.distributions import Point
from tfvae.models.base import LatentVariableModel
from tfvae.priors import Prior

tfd = tfp.distributions


@keras.saving.register_keras_serializable(package="tfvae")
class Autoencoder(LatentVariableModel):
    """Autoencoder: z is a function of x, and only the reconstruction counts.

        z = f(x),   L = D = −log p(x|z)

    There is no noise, and the rate is 0: the prior is `tfvae.priors.Improper()`. For a Gaussian
    likelihood the optimum is the least squared error. With linear networks that is the error of a
    principal component analysis with `latent_dim` components. `evaluate` reports D and, as
    `constraint`, the root-mean-square error. `encode(x)` is a distribution with all probability at
    z: its mean is z, its standard deviation 0.

    A proper prior has the rate −log p(z). With `objective=tfvae.objectives.BetaELBO(0.0)` it counts
    in penalties alone: `penalties=["mmd"]` makes a Wasserstein autoencoder, which generates.

    Args:
        latent_dim: N_z, the length of the code.
        prior: None: `tfvae.priors.Improper()`, which has no samples to generate from.
        **kwargs: see `LatentVariableModel`. An encoder gives features, without log σ².

    Raises:
        ValueError: when an encoder gives μ and log σ²; from `generate`, where the prior is not
            proper; from `log_likelihood`, since a code without spread leaves no density of x.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        >>> autoencoder = tfvae.Autoencoder(latent_dim=2, seed=0)
        >>> autoencoder.compile("adam")
        >>> history = autoencoder.fit(x, epochs=2, verbose=0)
        >>> autoencoder.embed(x).shape, autoencoder.predict(x, verbose=0).shape
        (TensorShape([64, 2]), (64, 5))
        >>> autoencoder.evaluate(x, verbose=0)["rate"]
        0.0
    """

    def __init__(self, latent_dim: int, prior: str | Prior | None = None, **kwargs):
        super().__init__(latent_dim, prior="improper" if prior is None else prior, **kwargs)

    def new_posterior_head(self) -> keras.layers.Layer:
        """The layer that makes z of features."""
        return networks.PointHead(self.posterior_size, name="posterior_head")

    def posterior(self, features: tf.Tensor, batch_shape: Any = None) -> tfd.Distribution:
        """All probability at z: batch shape (n,), or `batch_shape`; event shape (N_z,)."""
        z = self.posterior_head(features)
        if batch_shape is not None:
            z = tf.reshape(z, tf.concat([batch_shape, [z.shape[-1]]], axis=0))
        return Point(z)

    def log_weights(self, x: Any, num_samples: int, *, y: Any = None, seed: Any) -> NoReturn:
        """Raises a ValueError: see `log_likelihood`."""
        self._refuse_densities("log_weights")

    def log_likelihood(self, x: Any, num_samples: int = 5000, **kwargs) -> NoReturn:
        """Raises a ValueError: the integral over z cannot be estimated from one z for each x."""
        self._refuse_densities("log_likelihood")

    def _refuse_densities(self, what):
        raise ValueError(
            f"`{what}` needs a posterior with a density, received an Autoencoder, whose code is a "
            "point. `evaluate` gives its reconstruction error; a tfvae.VAE has a likelihood."
        )
