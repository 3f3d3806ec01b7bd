"""The arguments that all metrics share: a representation, its discrete latents, the factors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Inputs(NamedTuple):
    """Checked arguments; states and categories are counted from 0 without gaps."""

    codes: np.ndarray
    """Continuous latents, float64 (n, N_z)."""
    categories: np.ndarray
    """Discrete latents, int (n, V)."""
    states: np.ndarray
    """Factors with two values or more, int (n, F)."""
    names: tuple[str, ...]
    """Names of the F factors."""

    @property
    def num_latents(self) -> int:
        """N_z + V."""
        return self.codes.shape[1] + self.categories.shape[1]

    @property
    def num_states(self) -> np.ndarray:
        """Number of values of each factor, (F,)."""
        return self.states.max(axis=0) + 1


def checked(
    representation: ArrayLike,
    factors: ArrayLike | dict[str, ArrayLike],
    categories: ArrayLike | None = None,
) -> Inputs:
    """Checks the arguments of a metric.

    Args:
        representation: continuous latents, (n, N_z), finite; N_z may be 0 if there are categories.
        factors: states of the factors, whole numbers or names: (n, F), or dict of (n,); an array
            (n,) is one factor, "label".
        categories: discrete latents, whole numbers (n, V), or None.

    Raises:
        ValueError: if a shape, a length or a type does not fit, a number is not finite, there is
            no latent, or no factor has two values.
    """
    codes = _codes(representation)
    categories = _categories(categories, len(codes))
    columns = named_factors(factors)
    for name, values in columns.items():
        if len(values) != len(codes):
            raise ValueError(
                f"`representation` and `factors` must have one row for each example, received "
                f"{len(codes)} rows and {len(values)} values of {name!r}."
            )
    if not codes.shape[1] + categories.shape[1]:
        raise ValueError(
            "`representation` must have at least one latent, received none. Give continuous "
            "latents or `categories`."
        )
    states = {name: np.unique(values, return_inverse=True)[1] for name, values in columns.items()}
    states = {name: values for name, values in states.items() if np.any(values)}
    if not states:
        raise ValueError(
            f"`factors` must hold a factor with two values or more, received {len(columns)} that "
            f"are constant over {len(codes)} examples. Use more, or other, examples."
        )
    return Inputs(codes, categories, np.stack(list(states.values()), axis=1), tuple(states))


def named_factors(factors: ArrayLike | dict[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Returns factors as a dict of (n,); columns of an array are named "factor 0" and so on.

    Raises:
        ValueError: if a factor is not a vector of whole numbers or names.
    """
    if not isinstance(factors, dict):
        array = np.asarray(factors)
        if array.ndim not in (1, 2):
            raise ValueError(
                "`factors` must be an array (n, F), or a dict of arrays (n,), received the shape "
                f"{array.shape}."
            )
        columns = {f"factor {i}": column for i, column in enumerate(array.T)}
        factors = {"label": array} if array.ndim == 1 else columns
    factors = {str(name): np.asarray(values) for name, values in factors.items()}
    if not factors:
        raise ValueError("`factors` must hold at least one factor, received none.")
    for name, values in factors.items():
        if values.ndim != 1 or values.dtype.kind not in "iubUSO":
            raise ValueError(
                "`factors` must be whole numbers or names of shape (n,), received "
                f"{values.dtype} of shape {values.shape} for {name!r}. Leave it out, or number its "
                "values by np.unique(values, return_inverse=True)[1]."
            )
    return factors


def split(number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Splits the rows 0 … `number` − 1 into three quarters and one quarter, in random order."""
    rows = rng.permutation(number)
    return rows[number // 4 :], rows[: number // 4]


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Counts the examples of each pair of states, (n,) and (n,) -> (max a + 1, max b + 1)."""
    shape = a.max() + 1, b.max() + 1
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape)


def top_gap(scores: np.ndarray) -> np.ndarray:
    """Returns the largest minus the second largest of each column, (N, F) -> (F,).

    The second largest is 0 if there is one row.
    """
    ordered = np.sort(scores, axis=0)
    return ordered[-1] - (ordered[-2] if len(ordered) > 1 else 0.0)


def _codes(representation: ArrayLike) -> np.ndarray:
    try:
        codes = np.asarray(representation, dtype="float64")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`representation` must hold numbers, received a "
            f"{type(representation).__name__} that does not convert to float64."
        ) from error
    if codes.ndim != 2:
        raise ValueError(
            "`representation` must have a row for each example and a column for each latent, "
            f"(n, N_z), received the shape {codes.shape}."
        )
    if len(codes) < 2:
        raise ValueError(f"`representation` must have two examples or more, received {len(codes)}.")
    wrong = ~np.isfinite(codes).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"`representation` must be finite, but {wrong.sum()} of {len(codes)} rows are not, the "
            f"first is row {wrong.argmax()}. Check whether the training diverged."
        )
    return codes


def _categories(categories: ArrayLike | None, number: int) -> np.ndarray:
    if categories is None:
        return np.zeros((number, 0), dtype="int64")
    categories = np.asarray(categories)
    if categories.ndim != 2 or categories.dtype.kind not in "iu" or len(categories) != number:
        raise ValueError(
            f"`categories` must be whole numbers of shape (n, V) with n = {number}, a row for each "
            f"example, received {categories.dtype} of shape {categories.shape}."
        )
    columns = [np.unique(column, return_inverse=True)[1] for column in categories.T]
    return np.stack(columns, axis=1) if columns else categories.astype("int64")
