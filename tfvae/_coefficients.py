"""Numbers of a part of a model that may change while it trains: β, η, γ, κ, temperatures."""

import math
import numbers
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks

Schedule = keras.optimizers.schedules.LearningRateSchedule


class Coefficient:
    """An attribute of a `Component` that holds a number, or a schedule of the training step.

    Reading it gives the number that holds now: a float in Python, a tensor within a `tf.function`.
    Assigning a number takes effect at once, between steps and without compiling again, since the
    built component keeps it in a weight. A schedule is followed until a number is assigned.

    Args:
        low: least value.
        high: greatest value.
        low_open: whether `low` itself is excluded.
        high_open: whether `high` itself is excluded.
        optional: whether None is allowed.
        hint: what to do about a value that is refused.

    Example:
        >>> import keras, tfvae
        >>> warm_up = keras.optimizers.schedules.PolynomialDecay(0.0, 1000, 1.0)  # 0 to 1
        >>> objective = tfvae.objectives.BetaELBO(beta=warm_up)
        >>> objective.beta
        0.0
    """

    def __init__(
        self,
        low: float = 0.0,
        high: float = math.inf,
        *,
        low_open: bool = False,
        high_open: bool = True,
        optional: bool = False,
        hint: str = "",
    ):
        self._range = {"low": low, "high": high, "low_open": low_open, "high_open": high_open}
        self._optional, self._hint = optional, hint

    def __set_name__(self, owner, name):
        self.name = name
        self._given, self._weight = f"_given_{name}", f"_weight_of_{name}"

    def _checked(self, value):
        if isinstance(value, Schedule) or (value is None and self._optional):
            return value
        value = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
        hint = self._hint or "A keras.optimizers.schedules object serves too."
        if not isinstance(value, numbers.Real):
            raise ValueError(
                f"`{self.name}` must be a number or a Keras LearningRateSchedule, received "
                f"{value!r}. {self._hint}".strip()
                + _checks.keras_2_hint(value)
            )
        return _checks.number_in(self.name, value, **self._range, hint=hint)

    def __set__(self, layer, value):
        value = self._checked(value)
        weight = layer.__dict__.get(self._weight)
        if weight is not None:
            weight.assign([self._number(value), 0.0])
            if isinstance(self.given(layer), Schedule):
                return  # The schedule stays the argument of the constructor; it is not followed.
        elif layer.built:
            raise ValueError(
                f"`{self.name}` must stay None, received {value!r}: it was None when the model was "
                "built, which decided how its steps are computed. Give a number to the constructor."
            )
        layer.__dict__[self._given] = value

    def _number(self, value):
        if not isinstance(value, float):
            raise ValueError(
                f"`{self.name}` of a built model must be assigned a number, received {value!r}. "
                "Give a schedule to the constructor."
            )
        return value

    def __get__(self, layer, owner=None) -> Any:
        if layer is None:
            return self
        given = self.given(layer)
        weight = layer.__dict__.get(self._weight)
        if weight is None:
            return float(given(0)) if isinstance(given, Schedule) else given
        if tf.inside_function():
            return weight.value[0]
        now = float(tf.convert_to_tensor(weight.value)[0])
        return given if isinstance(given, float) and np.float32(given) == now else now

    def given(self, layer) -> float | Schedule | None:
        """The number, or the schedule that was given to the constructor."""
        try:
            return layer.__dict__[self._given]
        except KeyError:
            raise AttributeError(self.name) from None

    def config(self, layer) -> float | Schedule | None:
        """What `get_config` tells: the schedule of the constructor, else the number that holds."""
        given = self.given(layer)
        return given if isinstance(given, Schedule) else self.__get__(layer)

    def build(self, layer):
        """Creates the weight (number, 1 while it follows a schedule); none for None."""
        given = self.given(layer)
        if given is None:
            return
        follows = isinstance(given, Schedule)
        first = [float(given(0)) if follows else given, float(follows)]
        layer.__dict__[self._weight] = layer.add_weight(
            shape=(2,),
            initializer=lambda shape, dtype: tf.constant(first, dtype),
            dtype="float32",
            trainable=False,
            aggregation="only_first_replica",
            name=self.name,
        )

    def follow(self, layer, step: tf.Tensor):
        """Takes the number of its schedule for training step `step`, unless one was assigned."""
        given = self.given(layer)
        if isinstance(given, Schedule):
            weight = layer.__dict__[self._weight]
            number = tf.where(
                weight.value[1] > 0.0, tf.cast(given(step), tf.float32), weight.value[0]
            )
            weight.assign(tf.stack([number, weight.value[1]]))


def coefficients(layer) -> list[Coefficient]:
    """All coefficients of a layer, or of a class, in the order of their definition."""
    found = {}
    owner = layer if isinstance(layer, type) else type(layer)
    for cls in reversed(owner.__mro__):
        found |= {name: one for name, one in vars(cls).items() if isinstance(one, Coefficient)}
    return list(found.values())
