"""The JointVAE."""

import keras

from tfvae.discrete import Discrete, GumbelSoftmax
from tfvae.models.base import LatentVariableModel
from tfvae.objectives import Objective


@keras.saving.register_keras_serializable(package="tfvae")
class JointVAE(LatentVariableModel):
    """JointVAE [D18]: Gumbel-softmax categories beside Gaussian latents, held at capacities.

        L = D + γ|R_z − C_z| + γ|R_d − C_d|

    The discrete latents are `tfvae.discrete.GumbelSoftmax(10)`, the objective
    `tfvae.objectives.Capacity()` by default. See `LatentVariableModel` for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> vae = tfvae.JointVAE(latent_dim=2, discrete=tfvae.discrete.GumbelSoftmax(3))
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.categories(x).shape, vae.embed(x).shape
        ((64, 1), TensorShape([64, 5]))
    """

    def __init__(
        self,
        latent_dim: int,
        objective: str | Objective = "capacity",
        discrete: Discrete | None = None,
        **kwargs,
    ):
        discrete = GumbelSoftmax(10) if discrete is None else discrete
        super().__init__(latent_dim, objective=objective, discrete=discrete, **kwargs)
