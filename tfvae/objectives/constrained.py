"""Learning as constrained optimisation: the least rate subject to a bound on the error."""

import math

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae.objectives.base import Objective
from tfvae.objectives.bounds import AutomaticBound
from tfvae.objectives.multipliers import GECO, NOT_STARTED, REWO, Multiplier


@keras.saving.register_keras_serializable(package="tfvae")
class Constrained(Objective):
    """min R subject to E[C] ≤ κ²; L = R + λ(C − κ²), λ by dual ascent [RV18, eq. 2; K19, eq. 9].

    Args:
        kappa: the error per feature that is asked for, so that a value means the same for any size
            of the data: root-mean-square error for a Gaussian likelihood (κ² of the papers =
            N_x·kappa²), mean cross-entropy in nats for a Bernoulli (κ² = N_x·kappa). None: 80% of
            what a constant leaves unexplained, or somewhat less than the networks can explain
            (`tfvae.objectives.AutomaticBound`); `bound` tells the κ² that this has come to.
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
        if self.kappa is None:
            self.automatic = AutomaticBound(name="automatic_bound")
            self.automatic.connect()
        else:
            self._bound = tf.constant(likelihood.bound(self.kappa), tf.float32)
            self.multiplier.start(likelihood.elbo_multiplier(self._bound))

    @property
    def bound(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as it is automatic and no batch has been seen."""
        if not self.built:
            return tf.zeros([])
        return self._bound if self.kappa is not None else self.automatic.value()

    def prepare(self, x, likelihood):
        """Measures the first training batches when no κ was given."""
        if self.kappa is None:
            self.automatic.measure(x, likelihood)
            started = likelihood.elbo_multiplier(self.bound)
            self.multiplier.start(tf.where(self.is_ready(), started, NOT_STARTED))

    def is_ready(self):
        """Whether κ is known."""
        return tf.constant(True) if self.kappa is not None else self.automatic.is_known()

    def loss(self, terms):
        """R + λ(C − κ²), mean over samples."""
        multiplier = tf.stop_gradient(self.multiplier.value())
        return tf.reduce_mean(terms.rate + multiplier * (terms.error - self.bound), axis=0)

    def update(self, error):
        """The dual step."""
        self.multiplier.update(error, self.bound)
        if self.kappa is None:
            self.automatic.update(self.multiplier.average.value)

    @property
    def prior_is_held(self):
        """Whether the multiplier's initial phase lasts."""
        return self.multiplier.prior_is_held

    def state(self):
        """λ."""
        return self.multiplier.state()

    def concern(self, likelihood):
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
        kappa = "`kappa`" if self.kappa is not None else "the automatic `kappa`"
        return (
            f"The constraint was not reached: the error is {likelihood.kappa_of(average):.4g}, "
            f"{kappa} {likelihood.kappa_of(bound):.4g} ({likelihood.kappa_unit})."
            f"{consequence} Train longer, use larger networks or more latent dimensions, or ask "
            f"for a larger `kappa`, such as {1.1 * likelihood.kappa_of(average):.2g}."
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
