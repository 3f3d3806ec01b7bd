"""Learning as constrained optimisation: the least rate subject to a bound on the error."""

import math

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae.objectives.base import Objective
from tfvae.objectives.multipliers import GECO, REWO, Multiplier


@keras.saving.register_keras_serializable(package="tfvae")
class Constrained(Objective):
    """min R subject to E[C] ≤ κ²; L = R + λ(C − κ²), λ by dual ascent [RV18, eq. 2; K19, eq. 9].

    Args:
        kappa: the error per feature that is asked for, so that a value means the same for any size
            of the data: root-mean-square error for a Gaussian likelihood (κ² of the papers =
            N_x·kappa²), mean cross-entropy in nats for a Bernoulli (κ² = N_x·kappa). None: 80% of
            what a constant leaves unexplained, measured on the first training batch.
        multiplier: `REWO()` (default), `GECO()`, or "rewo", "geco".

    The scale of a Gaussian likelihood does not enter C; when it is learned, distortion and ELBO are
    those of the maximum-likelihood scale.

    Raises:
        ValueError: when kappa ≤ 0.

    Example:
        >>> import tfvae
        >>> objective = tfvae.objectives.Constrained(kappa=0.05, multiplier=tfvae.objectives.REWO())
        >>> vae = tfvae.VAE(latent_dim=2, objective=objective)
    """

    def __init__(self, kappa: float | None = None, multiplier="rewo", **kwargs):
        super().__init__(**kwargs)
        hint = "It is an error per feature; None lets the data decide."
        if kappa is not None:
            kappa = _checks.number_in(
                "kappa", kappa, 0.0, math.inf, low_open=True, high_open=True, hint=hint
            )
        self.kappa = kappa
        self.multiplier = _checks.named_object(
            "multiplier", multiplier, Multiplier, {"geco": GECO, "rewo": REWO}
        )

    def _create_state(self, likelihood):
        self.multiplier.connect()
        if self.kappa is not None:
            self.multiplier.start(likelihood.elbo_multiplier(likelihood.bound(self.kappa)))
        # Negative: not known yet, the first training batch decides.
        bound = -1.0 if self.kappa is None else likelihood.bound(self.kappa)
        self._bound = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(bound),
            dtype="float32",
            trainable=False,
            aggregation="only_first_replica",
            name="bound",
        )

    @property
    def bound(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as it is automatic and no batch has been seen."""
        return tf.maximum(self._bound.value, 0.0)

    def prepare(self, x, likelihood):
        """Measures κ² on the first training batch when none was given."""
        if self.kappa is None:
            from_data = _replicas.mean(likelihood.default_bound(x))
            self._bound.assign(tf.where(self._bound < 0.0, from_data, self._bound.value))
            self.multiplier.start(likelihood.elbo_multiplier(self._bound.value))

    def loss(self, terms):
        """R + λ(C − κ²), mean over samples."""
        multiplier = tf.stop_gradient(self.multiplier.value())
        return tf.reduce_mean(terms.rate + multiplier * (terms.error - self.bound), axis=0)

    def update(self, error):
        """The dual step."""
        self.multiplier.update(error, self.bound)

    @property
    def prior_is_held(self):
        """Whether the multiplier's initial phase lasts."""
        return self.multiplier.prior_is_held

    def state(self):
        """λ."""
        return self.multiplier.state()

    def concern(self):
        """That the bound was not reached and, with REWO, the prior therefore not trained."""
        average = float(tf.convert_to_tensor(self.multiplier.average.value))
        bound = float(self.bound)
        if average < 0.0 or average <= 1.05 * bound:
            return None
        held = self.multiplier.prior_is_held
        consequence = (
            " The initial phase of REWO has not ended: the prior has not been trained at all."
            if held is not None and bool(held)
            else ""
        )
        return (
            f"The constraint was not reached: the error C is {average:.4g}, the bound κ² "
            f"{bound:.4g} (per example, summed over features).{consequence} Train longer, use "
            "larger networks or more latent dimensions, or ask for a larger `kappa`."
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "kappa": self.kappa,
            "multiplier": keras.saving.serialize_keras_object(self.multiplier),
        }

    @classmethod
    def from_config(cls, config):
        """Rebuilds the multiplier first."""
        multiplier = keras.saving.deserialize_keras_object(config["multiplier"])
        return cls(**{**config, "multiplier": multiplier})
