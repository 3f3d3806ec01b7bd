"""The FactorVAE."""

from collections.abc import Sequence

import keras

from tfvae.models.base import LatentVariableModel
from tfvae.penalties import Penalty


@keras.saving.register_keras_serializable(package="tfvae")
class FactorVAE(LatentVariableModel):
    """FactorVAE [KM18]: the ELBO with a penalty on the total correlation of q(z).

        L = D + R + γ·TC(z)

    The penalty is `tfvae.penalties.TotalCorrelation()` by default, whose discriminator has an
    optimizer of its own; γ is its `weight`. See `LatentVariableModel` for the other arguments.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> penalty = tfvae.penalties.TotalCorrelation(weight=35.0)
        >>> vae = tfvae.FactorVAE(latent_dim=2, penalties=[penalty])
        >>> vae.compile("adam")
        >>> history = vae.fit(x, epochs=2, verbose=0)
        >>> sorted(history.history)[-3:]
        ['rate', 'total_correlation', 'total_correlation_discriminator']
    """

    def __init__(
        self,
        latent_dim: int,
        penalties: Sequence[str | Penalty] = ("total_correlation",),
        **kwargs,
    ):
        super().__init__(latent_dim, penalties=penalties, **kwargs)
