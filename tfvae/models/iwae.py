"""The importance-weighted autoencoder."""

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import Objective


@keras.saving.register_keras_serializable(package="tfvae")
class ImportanceWeightedVAE(LatentVariableModel):
    """IWAE [BGS16]: minimises −log (1/L) Σ_l p(x, z_l)/q(z_l|x), with L = 16 by default.

    `objective=tfvae.objectives.ImportanceWeighted(num_samples=L)` sets L; see `LatentVariableModel`
    for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        >>> iwae = tfvae.ImportanceWeightedVAE(latent_dim=2)
        >>> iwae.compile("adam")
        >>> history = iwae.fit(x, epochs=2, verbose=0)
    """

    def __init__(
        self, latent_dim: int, objective: str | Objective = "importance_weighted", **kwargs
    ):
        super().__init__(latent_dim, objective=objective, **kwargs)
