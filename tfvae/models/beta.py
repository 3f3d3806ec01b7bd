"""The β-VAE."""

from typing import Any

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import BetaELBO, Objective


@keras.saving.register_keras_serializable(package="tfvae")
class BetaVAE(LatentVariableModel):
    """β-VAE, in two weightings: D + β·R [H17], with β = 4 by default, or (1 − β)·MSE + β·R [O21].

    The second one is `objective=tfvae.objectives.ConvexBeta(beta)`, β in [0, 1]. For a Gaussian of
    fixed scale σ it is the first one with β/(1 − β)·N_x/(2σ²) in the place of β.
    `tfvae.evaluation.beta_scan` shows what several β do.

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
        >>> convex = tfvae.BetaVAE(latent_dim=2, objective=tfvae.objectives.ConvexBeta(5e-4))
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
