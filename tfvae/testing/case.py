"""A model's factory with its data, and the trained model that several checks share."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfvae.models import LatentVariableModel
from tfvae.models.data import rows_of
from tfvae.testing.comparisons import numbers


class Case:
    """A factory with data, and the model that several checks share."""

    def __init__(
        self,
        factory: Callable[[], LatentVariableModel],
        x: np.ndarray,
        y: Any,
        epochs: int,
        batch_size: int,
        learning_rate: float,
    ):
        self.factory, self.x, self.y = factory, x, y
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate

    def new(self) -> LatentVariableModel:
        """A model as the factory makes it from the same random state."""
        keras.utils.set_random_seed(0)
        return self.factory()

    def compiled(self, **options) -> LatentVariableModel:
        """A model with an optimizer, and with the same first weights each time."""
        model = self.new()
        model.compile(keras.optimizers.Adam(self.learning_rate), **options)
        model.prepared(*self.some(2))
        return model

    def some(self, number: int | None) -> tuple[np.ndarray, Any]:
        """The first examples of x and y."""
        return self.x[:number], rows_of(self.y, slice(number))

    def fit(
        self, model: LatentVariableModel, *, state: int = 1, number: int | None = None, **options
    ) -> dict[str, list[float]]:
        """Trains on the first examples, all by default, and returns the history.

        `state` is the state of global random numbers, which must not matter.
        """
        keras.utils.set_random_seed(state)
        x, y = self.some(number)
        options = {"batch_size": self.batch_size, "shuffle": False, "verbose": 0, **options}
        return model.fit(x, y, **options).history

    @functools.cached_property
    def trained(self) -> tuple[LatentVariableModel, dict, dict, list]:
        """A trained model with its history, evaluation before, and all numbers after."""
        model = self.compiled()
        before = model.evaluate(self.x, self.y, verbose=0)
        validation = self.some(self.batch_size)
        history = self.fit(model, epochs=self.epochs, validation_data=validation)
        return model, before, history, numbers(model.variables)
