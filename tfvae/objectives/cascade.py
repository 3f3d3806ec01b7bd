"""The information cascade: latents that are opened one after the other."""

import math

import keras
import tensorflow as tf

from tfvae import _checks, _replicas
from tfvae.objectives.base import Objective


def cascade_weights(period, num_latents: int, beta_low: float, beta_high: float) -> tf.Tensor:
    """KL weights in a period p = 1, 2, …: β_l for the first p latents, else β_h [JS19, sec. 4.2].

    Returns:
        (num_latents,), float32.
    """
    closed = tf.cast(tf.range(num_latents), tf.float32) >= tf.cast(period, tf.float32)
    return tf.where(closed, beta_high, beta_low)


@keras.saving.register_keras_serializable(package="tfvae")
class InformationCascade(Objective):
    """L = D + Σ_i β_i R_i + R_d, with β_i that fall from β_h to β_l one by one [JS19, sec. 4.2].

    Training is cut into periods of r steps; in period p the first p latents have the weight β_l,
    the others β_h ≫ β_l, so that they carry nothing yet. What a latent can still learn is thereby
    what those before it have not: the total correlation Σ_i I(z_{1:i−1}; z_i) is penalised without
    a term for it. Categorical latents take part after t_d periods. R_d, log S of an assigned
    category, is a constant. The number of steps is a weight: it is saved, and goes on after `fit`.

    Needs a prior that is a product over the latents, such as the standard normal one.

    Args:
        beta_low: β_l ≥ 0.
        beta_high: β_h ≥ β_l.
        period: r, in steps; [JS19] take 20,000 of 300,000 steps for ten latents or for six.
        categorical_start: t_d ≥ 0, in periods.

    Raises:
        ValueError: when an argument lies outside its range.

    Example:
        >>> import tfvae
        >>> from tfvae.objectives.cascade import cascade_weights
        >>> cascade_weights(2, 4, beta_low=1.0, beta_high=10.0).numpy()
        array([ 1.,  1., 10., 10.], dtype=float32)
        >>> objective = tfvae.objectives.InformationCascade(period=500)
        >>> vae = tfvae.CascadeVAE(latent_dim=6, num_categories=3, objective=objective)
    """

    def __init__(
        self,
        beta_low: float = 0.1,
        beta_high: float = 10.0,
        period: int = 1000,
        categorical_start: int = 4,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.beta_low = _checks.number_in("beta_low", beta_low, 0.0, math.inf, high_open=True)
        self.beta_high = _checks.number_in(
            "beta_high", beta_high, self.beta_low, math.inf, high_open=True
        )
        self.period = _checks.positive_int("period", period, "It is a number of steps.")
        self.categorical_start = _checks.whole("categorical_start", categorical_start)
        if self.categorical_start < 0:
            raise ValueError(
                f"`categorical_start` must be a number of periods, 0 or more, received "
                f"{categorical_start}."
            )

    def _create_state(self, likelihood):
        self.steps = _replicas.shared_scalar(self, "steps", 0.0)

    def current_period(self) -> tf.Tensor:
        """p = 1 + ⌊steps/r⌋, a float32 scalar."""
        return 1.0 + tf.floor(self.steps.value / self.period)

    def categories_are_open(self):
        """Whether t_d periods are over."""
        return self.steps.value >= float(self.categorical_start * self.period)

    def loss(self, terms):
        """D + Σ_i β_i R_i + R_d, mean over samples."""
        if terms.rates is None:
            raise ValueError(
                "InformationCascade weighs the rate of each latent by itself: it needs a prior "
                'that is a product over them, prior="standard_normal".'
            )
        weights = cascade_weights(
            self.current_period(), terms.rates.shape[-1], self.beta_low, self.beta_high
        )
        rate = tf.linalg.matvec(terms.rates, weights)
        if terms.categorical_rate is not None:
            rate += terms.categorical_rate
        return tf.reduce_mean(terms.distortion + rate, axis=0)

    def update(self, error):
        """Counts the step."""
        self.steps.assign_add(1.0)

    def state(self):
        """The period p, the number of open latents, and whether categories take part."""
        period = self.current_period()
        state = {"period": period, "open_latents": tf.minimum(period, float(self.latent_dim))}
        if self.num_categories:
            state["categories_open"] = tf.cast(self.categories_are_open(), tf.float32)
        return state

    def concern(self, likelihood):
        """That training ended before all latents were open."""
        steps = int(tf.convert_to_tensor(self.steps.value))
        opened = min(1 + steps // self.period, self.latent_dim)
        closed = [] if opened == self.latent_dim else [f"{opened} of {self.latent_dim} latents"]
        if self.num_categories and steps < self.categorical_start * self.period:
            closed.append("none of the categories")
        if not closed:
            return None
        needed = self.period * max(
            self.latent_dim - 1, self.categorical_start if self.num_categories else 0
        )
        return (
            f"After {steps} steps {' and '.join(closed)} have been opened: the cascade with "
            f"period = {self.period} takes more than {needed} steps. Train longer, or choose a "
            "smaller `period`."
        )

    def get_config(self):
        """The constructor's arguments."""
        names = ("beta_low", "beta_high", "period", "categorical_start")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
