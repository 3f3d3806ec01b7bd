"""Flat latent manifolds: VHP-VAE with a decoder whose metric is a multiple of the identity."""

from collections.abc import Sequence

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import Objective
from tfvae.penalties import Flatness, Penalty
from tfvae.priors import Prior


@keras.saving.register_keras_serializable(package="tfvae")
class FlatManifoldVAE(LatentVariableModel):
    """VHP-FMVAE [C20]: a VHP-VAE in whose latent space Euclidean distance measures similarity.

        L = L_VHP + η·E_{x_i,x_j} E_{z_i,z_j} ‖G(g(z_i, z_j)) − c²·1‖²_F

    G = JᵀJ is the metric that the decoder's mean pulls back into the latent space; g mixes pairs of
    latent points. The penalty is `tfvae.penalties.Flatness()` by default; see there for η, which
    follows what the model explains where no κ is given, and for mixup and the estimators, `VHPVAE`
    for prior and objective, and `LatentVariableModel` for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> objective = tfvae.objectives.Constrained(kappa=0.5)
        >>> vae = tfvae.FlatManifoldVAE(latent_dim=2, objective=objective)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, verbose=0)
        >>> "flatness" in history.history
        True
    """

    def __init__(
        self,
        latent_dim: int,
        prior: str | Prior = "hierarchical",
        objective: str | Objective = "constrained",
        penalties: Sequence[str | Penalty] | None = None,
        **kwargs,
    ):
        penalties = [Flatness()] if penalties is None else penalties
        super().__init__(
            latent_dim, prior=prior, objective=objective, penalties=penalties, **kwargs
        )
