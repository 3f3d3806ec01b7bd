"""The adversarial autoencoder."""

from collections.abc import Sequence

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.objectives import BetaELBO, Objective
from tfvae.penalties import Penalty


@keras.saving.register_keras_serializable(package="tfvae")
class AdversarialAutoencoder(LatentVariableModel):
    """AAE [M16]: a discriminator draws q(z) towards the prior, not the rate.

        L = D + w·log(1 + exp(ℓ(z)))

    The objective is the distortion alone (β = 0) and the penalty
    `tfvae.penalties.AdversarialPrior()` by default; the rate is only reported. With
    `discrete=tfvae.discrete.Labels(S)` the decoder is given labels, as in AAE-S. See
    `LatentVariableModel` for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> x, labels = rng.uniform(size=(64, 5)).astype("float32"), rng.integers(3, size=64)
        >>> labelled = tfvae.discrete.Labels(3, classifier_weight=1.0)
        >>> aae = tfvae.AdversarialAutoencoder(latent_dim=2, discrete=labelled)
        >>> aae.compile("adam")
        >>> history = aae.fit(x, labels, epochs=2, verbose=0)
        >>> aae.categories(x).shape
        (64, 1)
    """

    def __init__(
        self,
        latent_dim: int,
        objective: str | Objective | None = None,
        penalties: Sequence[str | Penalty] = ("adversarial_prior",),
        **kwargs,
    ):
        objective = BetaELBO(0.0) if objective is None else objective
        super().__init__(latent_dim, objective=objective, penalties=penalties, **kwargs)
