"""Lagrange multipliers and their dual steps: GECO and REWO."""

import abc
import math
from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae._coefficients import Coefficient
from tfvae._component import Component


def moving_average(error: tf.Tensor, average: tf.Tensor, alpha: Any) -> tf.Tensor:
    """Ĉ_t = (1 − α)·C_batch + α·Ĉ_{t−1} [RV18, algorithm 1]."""
    return (1.0 - alpha) * error + alpha * average


def geco_step(multiplier: tf.Tensor, delta: tf.Tensor, nu: Any) -> tf.Tensor:
    """λ_t = λ_{t−1}·exp(ν·δ_t) [RV18, algorithm 1]."""
    return multiplier * tf.exp(nu * delta)


def rewo_step(beta: tf.Tensor, delta: tf.Tensor, nu: Any, tau: Any) -> tf.Tensor:
    """β_t = β_{t−1}·exp(ν·f(β_{t−1}, δ_t; τ)·δ_t) [K19].

    f(β, δ; τ) = (1 − H(δ))·tanh(τ(β − 1)) − H(δ), H the Heaviside step: β falls while the
    constraint is violated (δ > 0) and rises towards 1 while it holds, ever slower as it gets there.
    """
    violated = tf.cast(delta > 0.0, beta.dtype)
    f = (1.0 - violated) * tf.tanh(tau * (beta - 1.0)) - violated
    return beta * tf.exp(nu * f * delta)


class Multiplier(Component, abc.ABC):
    """Base class: λ/λ_ELBO and Ĉ as non-trainable weights, changed by `update` once a step.

    λ_ELBO is the multiplier with which R + λC weighs error and rate as the ELBO does
    (`Likelihood.error_weight`): 1 for a Bernoulli likelihood; for a Gaussian one 1/(2σ²), which is
    N_x/(2κ²) where σ is learned. A multiplier knows λ relative to it. So its initial
    value, its range and the cap of REWO mean the same for all likelihoods, units and κ, and where σ
    is learned λ follows a κ that changes (**choice**).

    δ_t is relative too, (Ĉ_t − κ²)/κ², unless `relative=False`. **Choice**: κ² grows with the
    number of features, and with δ in its unit ν would have to be found anew for every data set;
    divided by κ², one ν serves all. ν of the papers is ours divided by κ².

    Args:
        nu: ν > 0, the step size of the dual ascent.
        alpha: α in [0, 1), the memory of the moving average Ĉ.
        relative: whether δ is divided by κ².
        max_multiplier: λ/λ_ELBO is kept in [1/max_multiplier, max_multiplier].

    λ takes a step with every batch. Where the optimizer accumulates the gradients of n batches
    (`gradient_accumulation_steps`), that is n steps for one of the weights: ν/n keeps the pace.

    Raises:
        ValueError: when an argument lies outside its range.
    """

    role = "multiplier"
    nu = Coefficient(low_open=True)
    alpha = Coefficient(0.0, 1.0)

    def __init__(
        self,
        nu: Any,
        alpha: Any = 0.9,
        relative: bool = True,
        max_multiplier: float = 1e8,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.nu, self.alpha = nu, alpha
        self.relative = bool(relative)
        self.max_multiplier = _checks.number_in(
            "max_multiplier", max_multiplier, 1.0, math.inf, high_open=True
        )

    def build(self) -> None:
        """Creates the state."""
        self.start_build()
        self.create_weights()
        # Negative: no batch has been seen. No likelihood of the library has a negative C.
        self.average = _replicas.shared_scalar(self, "average_error", -1.0)

    @abc.abstractmethod
    def create_weights(self) -> None:
        """Creates the weights of λ."""

    @abc.abstractmethod
    def value(self) -> tf.Tensor:
        """λ/λ_ELBO, a scalar."""

    @abc.abstractmethod
    def dual_step(self, delta: tf.Tensor) -> None:
        """Changes λ/λ_ELBO for δ_t, a scalar."""

    def _clipped(self, value, highest=None):
        """`value`, relative λ or β, kept in its range."""
        highest = self.max_multiplier if highest is None else highest
        return tf.clip_by_value(value, 1.0 / self.max_multiplier, highest)

    def averaged(self, error: tf.Tensor) -> tf.Tensor:
        """Ĉ_t for C of the global batch, a scalar; C itself at the first step."""
        average = moving_average(error, self.average.value, self.alpha)
        return tf.where(self.average.value < 0.0, error, average)

    def update(self, error: tf.Tensor, bound: tf.Tensor) -> None:
        """The dual step, after the gradient step: C of the global batch, κ², both scalars."""
        average = self.averaged(error)
        delta = average - bound
        self.average.assign(average)
        self.dual_step(delta / bound if self.relative else delta)

    @property
    def prior_is_frozen(self) -> tf.Tensor | None:
        """Whether the initial phase, in which the prior is frozen, lasts; None: no such phase."""
        return None


@keras.saving.register_keras_serializable(package="tfvae")
class GECO(Multiplier):
    """λ ← λ·exp(ν·δ_t) [RV18, algorithm 1]; all parameters are trained from the start.

    Args:
        nu: ν.
        initial: λ_0/λ_ELBO.
        **kwargs: see `Multiplier`.

    Example, a constraint that is violated by as much as it allows, δ = 1:

        >>> from tfvae.objectives import GECO
        >>> geco = GECO(nu=0.5)
        >>> geco.build()
        >>> geco.update(error=2.0, bound=1.0)
        >>> round(float(geco.value()), 4)  # exp 0.5
        1.6487
    """

    def __init__(self, nu: Any = 0.01, initial: float = 1.0, **kwargs):
        super().__init__(nu=nu, **kwargs)
        self.initial = _checks.number_in(
            "initial", initial, 0.0, math.inf, low_open=True, high_open=True
        )

    def create_weights(self) -> None:
        """Creates λ/λ_ELBO."""
        self.multiplier = _replicas.shared_scalar(self, "multiplier", self.initial)

    def value(self) -> tf.Tensor:
        """λ/λ_ELBO."""
        return self.multiplier.value

    def dual_step(self, delta: tf.Tensor) -> None:
        """λ ← λ·exp(ν·δ)."""
        multiplier = geco_step(self.multiplier.value, delta, self.nu)
        self.multiplier.assign(self._clipped(multiplier))


@keras.saving.register_keras_serializable(package="tfvae")
class REWO(Multiplier):
    """β ← β·exp(ν·f(β, δ_t; τ)·δ_t), after an initial phase in which β is held [K19, alg. 1].

    β = λ_ELBO/λ here, the weight of the rate relative to the ELBO's. The initial phase trains
    encoder and decoder only; it ends, for good, at the first step with Ĉ_t < κ². So the prior is
    learned on posteriors that already carry information. β then rises to 1, where the loss weighs
    error and rate as the ELBO does, as far as the constraint allows, and never past it.

    Args:
        nu: ν.
        tau: τ > 0; how close to 1 β must come before its rise slows down.
        initial: β_0 in (0, 1].
        **kwargs: see `Multiplier`.

    Example:
        >>> from tfvae.objectives import REWO
        >>> rewo = REWO(initial=0.01)
        >>> rewo.build()
        >>> rewo.update(error=2.0, bound=1.0)  # violated: the initial phase, β is held
        >>> bool(rewo.prior_is_frozen), round(float(rewo.value()))
        (True, 100)
    """

    tau = Coefficient(low_open=True)

    def __init__(self, nu: Any = 0.05, tau: Any = 3.0, initial: float = 0.01, **kwargs):
        super().__init__(nu=nu, **kwargs)
        self.tau = tau
        self.initial = _checks.number_in("initial", initial, 0.0, 1.0, low_open=True)

    def create_weights(self) -> None:
        """Creates β and the phase."""
        self.beta = _replicas.shared_scalar(self, "beta", self.initial)
        self.initial_phase = _replicas.shared_scalar(self, "initial_phase", 1.0)

    def value(self) -> tf.Tensor:
        """λ/λ_ELBO = 1/β."""
        return 1.0 / self.beta.value

    def dual_step(self, delta: tf.Tensor) -> None:
        """The end of the initial phase, or β ← β·exp(ν·f(β, δ; τ)·δ)."""
        # Ĉ_t < κ² ends the phase at this very step: its dual step is already taken.
        held = tf.where(delta < 0.0, 0.0, self.initial_phase.value)
        beta = rewo_step(self.beta.value, delta, self.nu, self.tau)
        beta = self._clipped(beta, highest=1.0)
        self.beta.assign(tf.where(held > 0.0, self.beta.value, beta))
        self.initial_phase.assign(held)

    @property
    def prior_is_frozen(self) -> tf.Tensor:
        """Whether the initial phase still lasts."""
        return self.initial_phase.value > 0.0
