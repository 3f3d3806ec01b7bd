"""The β-VAE."""

from typing import Any

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import BetaELBO, Objective


@keras.saving.register_keras_serializable(package="tfvae")
class BetaVAE(LatentVariableModel):
    """β-VAE [H17]: minimises D + β·R, with β = 4 by default.

    Args:
        latent_dim: N_z.
        beta: β, a number or a Keras schedule, as for `tfvae.objectives.BetaELBO`.
        objective: in place of `beta`: `tfvae.objectives.ConvexBeta(beta)`, the convex form, or any
            other.
        **kwargs: see `LatentVariableModel`.

    Raises:
        ValueError: when both `beta` and `objective` are given.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        >>> vae = tfvae.BetaVAE(latent_dim=2, beta=8.0)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> vae.objective.beta = 2.0  # takes effect at once
        >>> vae.objective.beta
        2.0
    """

    def __init__(
        self, latent_dim: int, beta: Any = None, objective: str | Objective | None = None, **kwargs
    ):
        if beta is not None and objective is not None:
            raise ValueError(
                f"`beta` must be None beside an `objective`, which has weights of its own, received"
                f" {beta!r}. Give one of the two."
            )
        if objective is None:
            objective = BetaELBO(4.0 if beta is None else beta)
        super().__init__(latent_dim, objective=objective, **kwargs)
