"""Learning as constrained optimisation: the least rate subject to a bound on the error."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks
from tfvae._coefficients import Coefficient
from tfvae.objectives.base import BoundState, Objective, Terms
from tfvae.objectives.bounds import EXPLAINED, AutomaticBound
from tfvae.objectives.held_out import HeldOut
from tfvae.objectives.multipliers import GECO, REWO, Multiplier

# "rewo" without a given κ. A smaller β_0 takes longer than short training lasts, and overfits small
# data; a larger ν leaves latents unused that the ELBO would use.
AUTOMATIC_REWO = {"nu": 0.02, "initial": 0.3}
# An error of so many times κ² still counts as reached.
TOLERANCE = 1.05


@keras.saving.register_keras_serializable(package="tfvae")
class Constrained(Objective):
    """min R subject to E[C] ≤ κ²; L = R + λ(C − κ²), λ by dual ascent [RV18; K19].

    Args:
        kappa: the error per feature that is asked for, which means the same for data of any size:
            root-mean-square error for a Gaussian likelihood (κ² of the papers = N_x·kappa²), mean
            cross-entropy in nats for a Bernoulli (κ² = N_x·kappa). A number or a Keras schedule.
            None: the error of the model that is best by its ELBO, which training finds
            (`tfvae.objectives.AutomaticBound`); `bound` tells the κ² that holds.
        multiplier: `REWO()`, `GECO()`, or a name. "rewo" (default) is `REWO()` for a given κ, and
            `REWO(nu=0.02, initial=0.3)` without one; "geco" is `GECO()`.

    λ is relative to the ELBO's, 1/(2σ²) for a Gaussian likelihood of scale σ: it caps the weight of
    the rate in REWO. For a given κ a learned scale does not enter the loss: this is N_x/(2κ²), and
    distortion and ELBO are those of the maximum-likelihood scale. The error then ends below κ where
    the ELBO's optimum explains more. A fixed scale above κ asks for a coarser code.

    Without κ, the loss is R + (λ/λ_ELBO)·D, where D has the scale of the likelihood. With a learned
    scale, D = C/(2σ²) + const: this is R + λ·C with λ_ELBO = N_x/(2Ĉ). λ/λ_ELBO falls to 1, where
    the loss is the ELBO's. The prior joins in when 80% of what can be explained is, or after 100
    steps. In short: reconstructions first, then the ELBO. One example in ten is set aside, the
    error is measured on those, and `fit` ends with the weights of the epoch that was best on them.
    For a looser or tighter model, give κ.

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
        rewo = functools.partial(REWO, **AUTOMATIC_REWO) if kappa is None else REWO
        self.multiplier = _checks.named_object(
            "multiplier", multiplier, Multiplier, {"geco": GECO, "rewo": rewo}
        )
        self.automatic = AutomaticBound(name="automatic_bound") if kappa is None else None
        self.held_out = HeldOut(name="held_out") if kappa is None else None

    def create_weights(self, likelihood: Any) -> None:
        """Creates λ, and what measures the data where no κ was given."""
        self._bound_of, self._error_weight = likelihood.bound, likelihood.error_weight
        self._nats_between = likelihood.nats_between
        self.multiplier.build()
        if self.automatic is not None:
            self.automatic.build()
            self.held_out.build(None)

    @property
    def bound(self) -> tf.Tensor:
        """κ² in the unit of C; 0 as long as it is automatic and no batch has been seen."""
        if not self.built:
            return tf.zeros([])
        if self.automatic is not None:
            return self.automatic.value()
        return tf.cast(self._bound_of(self.kappa), tf.float32)

    def divided(
        self, x: tf.Tensor, weights: tf.Tensor | None
    ) -> tuple[tf.Tensor | None, tf.Tensor | None]:
        """Without κ, one example in ten is set aside; see `AutomaticBound`."""
        return (weights, weights) if self.held_out is None else self.held_out.divided(x, weights)

    @property
    def sets_aside(self) -> bool:
        """Whether κ is automatic."""
        return self.held_out is not None

    def observe_batch(self, x: tf.Tensor, likelihood: Any) -> None:
        """Measures the first training batches when no κ was given."""
        if self.automatic is not None:
            self.automatic.measure(x, likelihood)

    def is_ready(self) -> tf.Tensor:
        """Scalar bool: whether κ is known."""
        return tf.constant(True) if self.automatic is None else self.automatic.is_known()

    def explained(self) -> tf.Tensor | None:
        """D_0 − D without κ, from Ĉ and the error of the mean of the data, nats; 0 at first."""
        if self.automatic is None:
            return None
        error, constant = self.multiplier.average.value, self.automatic.constant.value
        better = (error > 0.0) & (constant > error)
        nats = self._nats_between(tf.where(better, error, 1.0), tf.where(better, constant, 1.0))
        return tf.where(better, nats, 0.0)

    def multiplier_value(self) -> tf.Tensor:
        """λ, a scalar: the relative one times the ELBO's, for the κ² that holds now."""
        if self.automatic is None:
            return self.multiplier.value() * self._error_weight(self.bound)
        average = self.multiplier.average.value
        weight = self._error_weight(tf.where(average < 0.0, 1.0, average))
        return self.multiplier.value() * weight

    def loss(self, terms: Terms) -> tf.Tensor:
        """R + λ(C − κ²), or R + (λ/λ_ELBO)·D without a given κ; mean over samples."""
        if self.automatic is None:
            excess = tf.stop_gradient(self.multiplier_value()) * (terms.error - self.bound)
        else:
            excess = tf.stop_gradient(self.multiplier.value()) * terms.distortion
        return tf.reduce_mean(terms.rate + excess, axis=0)

    def gradient_divisor(self) -> tf.Tensor:
        """λ/λ_ELBO where it is above 1: with a large λ the error's gradient is the ELBO's."""
        return tf.maximum(tf.convert_to_tensor(self.multiplier.value()), 1.0)

    def update(self, error: tf.Tensor) -> None:
        """The dual step."""
        if self.automatic is not None:
            self.automatic.update(self.multiplier.averaged(error), self.multiplier)
        self.multiplier.update(error, self.bound)

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

    def bound_state(self, likelihood: Any) -> BoundState | None:
        """The error of the last steps beside κ, or beside the automatic κ of the initial phase."""
        average = float(tf.convert_to_tensor(self.multiplier.average.value))
        if average < 0.0:
            return None
        automatic, frozen = self.automatic is not None, self.multiplier.prior_is_frozen
        loosened = automatic and frozen is not None and self.automatic.gave_way()
        bound = float(self.automatic.first() if loosened else self.bound)
        return BoundState(
            error=float(likelihood.kappa_of(average)),
            kappa=float(likelihood.kappa_of(bound)),
            unit=likelihood.kappa_unit,
            reached=(automatic and not loosened) or average <= TOLERANCE * bound,
            is_automatic=automatic,
            explained=float(self.automatic.explained(average)) if automatic else None,
            prior_is_untrained=frozen is not None and bool(frozen),
        )

    def convergence_warning(self, likelihood: Any) -> str | None:
        """The bound was not reached, or an automatic one had to be loosened; None: all is well."""
        state = self.bound_state(likelihood)
        if state is None or state.reached:
            return None
        if not state.is_automatic or state.prior_is_untrained:
            consequence = (
                " The initial phase of REWO has not ended: the prior has not been trained at all."
                if state.prior_is_untrained
                else ""
            )
            kappa = "the automatic `kappa`" if state.is_automatic else "`kappa`"
            return (
                f"The constraint was not reached: the error is {state.error:.4g}, {kappa} "
                f"{state.kappa:.4g} ({state.unit}).{consequence} {state.advice}"
            )
        return (
            f"The automatic `kappa` was loosened from {state.kappa:.4g} to {state.error:.4g} "
            f"({state.unit}): the model explains {state.explained:.0%} of what the mean of "
            f"the data leaves, where {EXPLAINED:.0%} were waited for. {state.advice}"
        )
