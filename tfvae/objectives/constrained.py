"""Learning as constrained optimisation: the least rate subject to a bound on the error."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae._coefficients import Coefficient
from tfvae.objectives.base import Objective, Terms
from tfvae.objectives.bounds import AutomaticBound
from tfvae.objectives.multipliers import GECO, REWO, Multiplier


@keras.saving.register_keras_serializable(package="tfvae")
class Constrained(Objective):
    """min R subject to E[C] ≤ κ²; L = R + λ(C − κ²), λ by dual ascent [RV18; K19].

    Args:
        kappa: the error per feature that is asked for, which means the same for data of any size:
            root-mean-square error for a Gaussian likelihood (κ² of the papers = N_x·kappa²), mean
            cross-entropy in nats for a Bernoulli (κ² = N_x·kappa). A number or a Keras schedule.
            None: 80% of what a constant leaves unexplained, or somewhat less than
            the networks can explain (`tfvae.objectives.AutomaticBound`); `bound` tells the κ² that
            holds.
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

    kappa = Coefficient(
        low_open=True, optional=True, hint="It is an error per feature; None lets the data decide."
    )

    def __init__(self, kappa: Any = None, multiplier: str | Multiplier = "rewo", **kwargs):
        super().__init__(**kwargs)
        self.kappa = kappa
        self.multiplier = _checks.named_object(
            "multiplier", multiplier, Multiplier, {"geco": GECO, "rewo": REWO}
        )
        self.automatic = AutomaticBound(name="automatic_bound") if kappa is None else None

    def create_weights(self, likelihood: Any) -> None:
        """Creates λ, and what measures the data where no κ was given."""
        self._bound_of, self._elbo_multiplier = likelihood.bound, likelihood.elbo_multiplier
        self.multiplier.build()
        if self.automatic is not None:
            self.automatic.build()

    @property
    def bound(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as it is automatic and no batch has been seen."""
        if not self.built:
            return tf.zeros([])
        if self.automatic is not None:
            return self.automatic.value()
        return tf.cast(self._bound_of(self.kappa), tf.float32)

    def observe_batch(self, x: tf.Tensor, likelihood: Any) -> None:
        """Measures the first training batches when no κ was given."""
        if self.automatic is not None:
            self.automatic.measure(x, likelihood)

    def is_ready(self) -> tf.Tensor:
        """Scalar bool: whether κ is known."""
        return tf.constant(True) if self.automatic is None else self.automatic.is_known()

    def multiplier_value(self) -> tf.Tensor:
        """λ, a scalar: the relative one times the ELBO's for the bound that holds now."""
        elbo_multiplier = self._elbo_multiplier(self.bound)
        return self.multiplier.value() * tf.where(self.is_ready(), elbo_multiplier, 1.0)

    def loss(self, terms: Terms) -> tf.Tensor:
        """R + λ(C − κ²), mean over samples."""
        multiplier = tf.stop_gradient(self.multiplier_value())
        return tf.reduce_mean(terms.rate + multiplier * (terms.error - self.bound), axis=0)

    def update(self, error: tf.Tensor) -> None:
        """The dual step."""
        self.multiplier.update(error, self.bound)
        if self.automatic is not None:
            self.automatic.update(self.multiplier.average.value)

    @property
    def prior_is_frozen(self) -> tf.Tensor | None:
        """Whether the multiplier's initial phase lasts."""
        return self.multiplier.prior_is_frozen

    def scheduled_numbers(self) -> dict[str, tf.Tensor | float]:
        """As `Component.scheduled_numbers`, with the multiplier's."""
        return {**super().scheduled_numbers(), **self.multiplier.scheduled_numbers()}

    @property
    def step_counters(self) -> list[Callable[[], None]]:
        """As `Component.step_counters`, with the multiplier's."""
        return [*super().step_counters, *self.multiplier.step_counters]

    def state(self) -> dict[str, tf.Tensor]:
        """λ."""
        return {"lambda": self.multiplier_value()}

    def convergence_warning(self, likelihood: Any) -> str | None:
        """The bound was not reached, and with REWO the prior was therefore not trained."""
        average = float(tf.convert_to_tensor(self.multiplier.average.value))
        bound = float(self.bound)
        if average < 0.0 or average <= 1.05 * bound:
            return None
        frozen = self.multiplier.prior_is_frozen
        consequence = (
            " The initial phase of REWO has not ended: the prior has not been trained at all."
            if frozen is not None and bool(frozen)
            else ""
        )
        kappa = "`kappa`" if self.automatic is None else "the automatic `kappa`"
        return (
            f"The constraint was not reached: the error is {likelihood.kappa_of(average):.4g}, "
            f"{kappa} {likelihood.kappa_of(bound):.4g} ({likelihood.kappa_unit})."
            f"{consequence} Train longer, use larger networks or more latent dimensions, or ask "
            f"for a larger `kappa`, such as {1.1 * likelihood.kappa_of(average):.2g}."
        )
