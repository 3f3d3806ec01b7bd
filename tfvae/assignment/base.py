"""Assignments: from the unary terms of a batch to one category for each example."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks


def objective(unary: ArrayLike, categories: ArrayLike, penalty: float) -> float:
    """Σ_i u_i[d_i] − λ' Σ_{i<j} [d_i = d_j], the objective of an assignment [JS19]; nats.

    [JS19] writes the second sum over i ≠ j. Here it runs over unordered pairs, as in the authors'
    program: the examples of a category cost 0, λ', 2λ', …, together λ'·n_k(n_k − 1)/2 for n_k of
    them. A sum over ordered pairs would double λ'.

    Args:
        unary: u_i[k] = log p(x_i | z_i, e_k), (n, S).
        categories: d, whole numbers from 0 to S − 1, (n,).
        penalty: λ', nats for each pair of examples that share a category.

    Raises:
        ValueError: when `unary` holds no log-likelihoods, or `categories` does not fit it.

    Example, two examples that both prefer category 0:

        >>> from tfvae.assignment import objective
        >>> unary = [[0.0, -1.0], [0.0, -3.0]]
        >>> objective(unary, [0, 0], penalty=2.0), objective(unary, [1, 0], penalty=2.0)
        (-2.0, -1.0)
    """
    unary = checked_unary(unary)
    categories = checked_categories(categories, *unary.shape)
    sizes = np.bincount(categories, minlength=unary.shape[1])
    chosen = unary[np.arange(len(unary)), categories]
    return float(np.sum(chosen) - penalty * np.sum(sizes * (sizes - 1)) / 2)


class Assignment:
    """Base class: called on unary terms u_i[k] = log p(x_i | z_i, e_k), it returns d.

    A subclass defines `_solve`. It is not called for n = 0 or S = 1, where there is no choice.
    """

    def __call__(self, unary: ArrayLike) -> np.ndarray:
        """Categories, int32 (n,), of unary terms (n, S), nats.

        Args:
            unary: finite, or −inf where category k is impossible for example i.

        Raises:
            ValueError: when the shape does not fit, or a row holds NaN, +inf or only −inf.
        """
        unary = checked_unary(unary)
        if unary.shape[0] == 0 or unary.shape[1] == 1:
            return np.zeros(len(unary), "int32")
        return np.asarray(self._solve(unary)).astype("int32")

    def _solve(self, unary: np.ndarray) -> np.ndarray:
        """Categories (n,) of checked float64 unary terms with n ≥ 1, S ≥ 2."""
        raise NotImplementedError

    def improves(self, unary: np.ndarray, new: np.ndarray, old: np.ndarray) -> bool:
        """Whether the categories `new` should replace `old`: here, whether they differ."""
        return not np.array_equal(new, old)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Assignment":
        """The object with the arguments in `config`."""
        return cls(**config)


class PenalizedAssignment(Assignment):
    """Base class of the assignments that maximise `objective`.

    Args:
        penalty: λ' ≥ 0, nats for each pair of examples that share a category.

    Raises:
        ValueError: when λ' is negative or not a finite number.
    """

    def __init__(self, penalty: float = 0.001) -> None:
        self.penalty = _checks.number_in("penalty", penalty, 0.0, math.inf, high_open=True)

    def improves(self, unary: np.ndarray, new: np.ndarray, old: np.ndarray) -> bool:
        """Whether `new` has the larger objective."""
        return objective(unary, new, self.penalty) > objective(unary, old, self.penalty)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "penalty": self.penalty}


@keras.saving.register_keras_serializable(package="tfvae")
class Custom(Assignment):
    """Any function of the unary terms.

    Args:
        function: takes float64 (n, S), n ≥ 1 and S ≥ 2, and returns whole numbers from 0 to S − 1,
            (n,). It is saved by name; to load it again, register it with
            `keras.saving.register_keras_serializable`.

    Raises:
        ValueError: when it is not callable; at a call, when it returns anything else.

    Example:
        >>> from tfvae.assignment import Custom
        >>> nearest = Custom(lambda unary: unary.argmax(axis=1))
        >>> nearest([[0.0, 1.0], [2.0, 1.0]]).tolist()
        [1, 0]
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        if not callable(function):
            raise ValueError(
                f"`function` must be a function from unary terms (n, S) to categories (n,), "
                f"received {function!r}."
            )
        self.function = function

    def _solve(self, unary):
        return checked_categories(self.function(unary), *unary.shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        function = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Custom":
        """The object with the arguments in `config`."""
        return cls(keras.saving.deserialize_keras_object(config["function"]))


def checked_unary(unary: ArrayLike) -> np.ndarray:
    """`unary` as a float64 array (n, S), S ≥ 1, with a finite largest value in each row.

    Raises:
        ValueError: when it is not such an array; the message names the first row at fault.
    """
    unary = np.asarray(unary, dtype="float64")
    if unary.ndim != 2 or unary.shape[1] == 0:
        raise ValueError(
            f"`unary` must have the shape (n, S) with S ≥ 1 categories, received {unary.shape}."
        )
    check_rows(unary)
    return unary


def check_rows(unary: np.ndarray) -> None:
    """Raises a ValueError for the first row of (n, S) without a finite largest value."""
    # NaN wins every maximum, so the largest values are enough.
    faulty = np.flatnonzero(~np.isfinite(unary.max(axis=1)))
    if len(faulty):
        row = unary[faulty[0]]
        what = "NaN" if np.isnan(row).any() else "+inf" if row.max() > 0.0 else "only −inf"
        raise ValueError(
            f"`unary` must be finite, or −inf for an impossible category, received {what} for "
            f"example {faulty[0]} ({len(faulty)} of {len(unary)} examples are at fault). Look for "
            "data outside the support of the likelihood, or lower the learning rate if training "
            "diverges."
        )


def checked_categories(categories: ArrayLike, n: int, num_categories: int) -> np.ndarray:
    """`categories` as whole numbers (n,) from 0 to `num_categories` − 1.

    Raises:
        ValueError: when they are not.
    """
    categories = np.asarray(categories)
    fits = categories.shape == (n,) and (n == 0 or np.issubdtype(categories.dtype, np.integer))
    if not fits or np.any((categories < 0) | (categories >= num_categories)):
        raise ValueError(
            f"`categories` must be whole numbers from 0 to {num_categories - 1} of shape ({n},), "
            f"received {categories.dtype} of shape {categories.shape}"
            + (f" from {categories.min()} to {categories.max()}." if categories.size else ".")
        )
    return categories.astype("int64")
