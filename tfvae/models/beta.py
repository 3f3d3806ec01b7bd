"""The β-VAE."""

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import BetaELBO


@keras.saving.register_keras_serializable(package="tfvae")
class BetaVAE(LatentVariableModel):
    """β-VAE [H17]: minimises D + β·R (eq. 4), with β = 4 by default.

    Args:
        latent_dim: N_z.
        objective: `tfvae.objectives.BetaELBO(beta)` or `ConvexBeta(beta)`; a number stands for the
            first.
        **kwargs: see `LatentVariableModel`.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        >>> vae = tfvae.BetaVAE(latent_dim=2, objective=8.0)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.objective.beta
        8.0
    """

    def __init__(self, latent_dim: int, objective="beta_elbo", **kwargs):
        if isinstance(objective, (int, float)):
            objective = BetaELBO(objective)
        super().__init__(latent_dim=latent_dim, objective=objective, **kwargs)
