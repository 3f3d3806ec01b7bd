"""The VAE with a variational hierarchical prior."""

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import Objective
from tfvae.priors import Prior


@keras.saving.register_keras_serializable(package="tfvae")
class VHPVAE(LatentVariableModel):
    """VHP-VAE [K19]: a hierarchical prior, learned by constrained optimisation.

        L = E[log q_φ(z|x) − F(Θ, Φ; z) + λ(C_θ(x, z) − κ²)]

    minimised over Θ, Φ (prior), θ, φ (decoder, encoder), maximised over λ. By default the prior is
    `HierarchicalPrior()` with K = 16, the objective `Constrained()` with REWO and an error bound
    measured on the data; `objective=tfvae.objectives.Constrained(kappa=…)` sets the bound.
    See `LatentVariableModel` for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> objective = tfvae.objectives.Constrained(kappa=0.5)
        >>> vae = tfvae.VHPVAE(latent_dim=2, objective=objective)
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> sorted(history.history)
        ['constraint', 'distortion', 'elbo', 'kappa', 'lambda', 'loss', 'rate']
    """

    def __init__(
        self,
        latent_dim: int,
        prior: str | Prior = "hierarchical",
        objective: str | Objective = "constrained",
        **kwargs,
    ):
        super().__init__(latent_dim, prior=prior, objective=objective, **kwargs)
