"""Checked arguments of traversals: which latents move, how far and in how many steps."""

from collections.abc import Iterable

import numpy as np

from tfvae import _checks


def at_least_two(name: str, value: int) -> int:
    """Returns `value` as an int if it is 2 or more."""
    value = _checks.positive_int(name, value)
    if value < 2:
        raise ValueError(f"`{name}` must be at least 2, received {value}.")
    return value


def dims_of(count: int, dims: Iterable[int] | None) -> list[int]:
    """Returns some of `count` latents or principal axes as a list; None stands for all of them."""
    if dims is None:
        return list(range(count))
    dims = list(dims)
    if not dims or any(dim not in range(count) for dim in dims):
        raise ValueError(
            f"`dims` must be one or more numbers from 0 to {count - 1}, received {dims}. There are "
            f"{count} latents or axes."
        )
    return dims


def limits_of(limits: tuple[float, float]) -> np.ndarray:
    """Returns (lowest, highest) as an array."""
    low_high = np.asarray(limits, dtype="float64")
    if low_high.shape != (2,) or not low_high[0] < low_high[1]:
        raise ValueError(
            f"`limits` must be (lowest, highest) with lowest < highest, received {limits!r}."
        )
    return low_high
