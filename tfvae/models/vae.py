"""The variational autoencoder; the other models differ from it by their defaults."""

import keras

from tfvae.models.base import LatentVariableModel


@keras.saving.register_keras_serializable(package="tfvae")
class VAE(LatentVariableModel):
    """Variational autoencoder [KW14]: minimises D + R = −ELBO with p(z) = N(0, I) by default.

    Takes every prior, likelihood, objective, penalty and discrete latent of the library; see
    `LatentVariableModel` for the arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.encode(x).mean().shape, vae.predict(x, verbose=0).shape, vae.generate(3).shape
        (TensorShape([64, 2]), (64, 5), (3, 5))
    """
