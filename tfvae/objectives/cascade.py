"""The information cascade: latents that are opened one after the other."""

from typing import Any

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae._coefficients import Coefficient
from tfvae.objectives.base import Objective, Terms


def cascade_weights(num_open: Any, num_latents: int, beta_low: Any, beta_high: Any) -> tf.Tensor:
    """KL weights: β_l for the first `num_open` latents, else β_h [JS19].

    Returns:
        (num_latents,), float32.
    """
    closed = tf.cast(tf.range(num_latents), tf.float32) >= tf.cast(num_open, tf.float32)
    return tf.where(closed, beta_high, beta_low)


@keras.saving.register_keras_serializable(package="tfvae")
class InformationCascade(Objective):
    """L = D + Σ_i β_i R_i + R_d; the β_i fall from β_h to β_l one by one [JS19].

    Training is cut into periods of r steps. In period p the first p latents have the weight β_l,
    and the others β_h ≫ β_l, so they carry nothing yet. Each latent learns only what the latents
    opened before it could not explain: the total correlation Σ_i I(z_{1:i−1}; z_i) is penalised
    without a term of its own. Discrete latents take part after t_d periods. R_d, log S of an
    assigned category, is a constant. The number of steps is a weight: it is saved, and goes on
    after `fit`.

    Needs a prior that is a product over the latents, such as the standard normal one.

    Args:
        beta_low: β_l ≥ 0, a number or a Keras schedule.
        beta_high: β_h ≥ β_l, a number or a Keras schedule.
        period: r, in steps; [JS19] take 20,000 of 300,000 steps for ten latents or for six.
        discrete_start: t_d ≥ 0, in periods.
        hold: whether no latent opens in the period in which discrete latents start, as in the
            authors' program: with t_d = 4 the periods have 1, 2, 3, 4, 4, 5, … open latents. False
            counts on, as the paper says. Without discrete latents it has no effect.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> from tfvae.objectives.cascade import cascade_weights
        >>> cascade_weights(2, 4, beta_low=1.0, beta_high=10.0).numpy()
        array([ 1.,  1., 10., 10.], dtype=float32)
        >>> objective = tfvae.objectives.InformationCascade(period=500)
        >>> vae = tfvae.CascadeVAE(latent_dim=6, objective=objective)
    """

    needs_rate_per_latent = True
    beta_low = Coefficient()
    beta_high = Coefficient()

    def __init__(
        self,
        beta_low: Any = 0.1,
        beta_high: Any = 10.0,
        period: int = 1000,
        discrete_start: int = 4,
        hold: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.beta_low, self.beta_high = beta_low, beta_high
        if self.beta_high < self.beta_low:
            raise ValueError(
                f"`beta_high` must be at least `beta_low`, received {self.beta_high} and "
                f"{self.beta_low}."
            )
        self.period = _checks.positive_int("period", period, "It is a number of steps.")
        self.discrete_start = _checks.whole("discrete_start", discrete_start)
        if self.discrete_start < 0:
            raise ValueError(
                f"`discrete_start` must be a number of periods, 0 or more, received "
                f"{discrete_start}."
            )
        self.hold = bool(hold)

    def create_weights(self, likelihood: Any) -> None:
        """Creates the number of steps."""
        self.steps = _replicas.shared_scalar(self, "num_steps_done", 0.0)

    def current_period(self) -> tf.Tensor:
        """p = 1 + ⌊steps/r⌋, a float32 scalar."""
        return 1.0 + tf.floor(self.steps.value / self.period)

    def open_latents(self) -> tf.Tensor:
        """Number of the latents with the weight β_l, a float32 scalar."""
        period = self.current_period()
        return tf.minimum(period - tf.cast(self._is_behind(period), tf.float32), self.latent_dim)

    def _is_behind(self, period):
        """Whether the cascade has been held for a period; Python or TensorFlow numbers."""
        holds = self.hold and bool(self.num_categories)
        return period > (self.discrete_start if holds else float("inf"))

    @property
    def discrete_is_open(self) -> tf.Tensor:
        """Scalar bool: whether t_d periods are over."""
        return self.steps.value >= float(self.discrete_start * self.period)

    def loss(self, terms: Terms) -> tf.Tensor:
        """D + Σ_i β_i R_i + R_d, mean over samples."""
        if terms.rate_per_latent is None:
            raise ValueError(
                "`prior` must be a product over the latents for InformationCascade, which weighs "
                'the rate of each latent: prior="standard_normal".'
            )
        weights = cascade_weights(
            self.open_latents(), terms.rate_per_latent.shape[-1], self.beta_low, self.beta_high
        )
        rate = tf.linalg.matvec(terms.rate_per_latent, weights)
        if terms.discrete_rate is not None:
            rate += terms.discrete_rate
        return tf.reduce_mean(terms.distortion + rate, axis=0)

    def update(self, error: tf.Tensor) -> None:
        """Counts the step."""
        self.steps.assign_add(1.0)

    def state(self) -> dict[str, tf.Tensor]:
        """The period p, the number of open latents, and whether discrete latents take part."""
        state = {"period": self.current_period(), "open_latents": self.open_latents()}
        if self.num_categories:
            state["discrete_open"] = tf.cast(self.discrete_is_open, tf.float32)
        return state

    def convergence_warning(self, likelihood: Any) -> str | None:
        """Training ended before all latents were open."""
        steps = int(tf.convert_to_tensor(self.steps.value))
        opened = int(tf.convert_to_tensor(self.open_latents()))
        closed = [] if opened == self.latent_dim else [f"{opened} of {self.latent_dim} latents"]
        if self.num_categories and steps < self.discrete_start * self.period:
            closed.append("none of the categories")
        if not closed:
            return None
        needed = self.period * max(
            self.latent_dim - 1 + int(self._is_behind(self.latent_dim)),
            self.discrete_start if self.num_categories else 0,
        )
        return (
            f"After {steps} steps {' and '.join(closed)} have been opened: the cascade with "
            f"period = {self.period} takes more than {needed} steps. Train longer, or choose a "
            "smaller `period`."
        )
