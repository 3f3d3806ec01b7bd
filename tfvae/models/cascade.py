"""The CascadeVAE: discrete and continuous factors by alternating disentanglement."""

import keras

from tfvae.discrete import Discrete
from tfvae.models.base import LatentVariableModel
from tfvae.objectives import Objective


@keras.saving.register_keras_serializable(package="tfvae")
class CascadeVAE(LatentVariableModel):
    """CascadeVAE [JS19]: an information cascade of latents, and categories by minimum-cost flow.

        L = D + Σ_i β_i R_i, β_i from β_h to β_l one by one

    The objective is `tfvae.objectives.InformationCascade()` by default. Categories come with
    `discrete=tfvae.discrete.Assigned(S)`: each training batch then alternates between an assignment
    of categories and a gradient step. Without them it is CascadeVAE-C. See `LatentVariableModel`
    for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> objective = tfvae.objectives.InformationCascade(period=4, discrete_start=1)
        >>> categories = tfvae.discrete.Assigned(3)
        >>> vae = tfvae.CascadeVAE(latent_dim=2, discrete=categories, objective=objective)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=4, verbose=0)
        >>> vae.categories(x).shape, vae.embed(x).shape
        ((64, 1), TensorShape([64, 5]))
    """

    def __init__(
        self,
        latent_dim: int,
        objective: str | Objective = "information_cascade",
        discrete: Discrete | None = None,
        **kwargs,
    ):
        super().__init__(latent_dim, objective=objective, discrete=discrete, **kwargs)
