"""Comparisons that say what was found in place of what was expected."""

import json
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np


class Broken(Exception):  # noqa: N818
    """What was seen of a broken promise."""


def numbers(variables: Iterable[keras.Variable]) -> list[tuple[str, np.ndarray]]:
    """Path and value of each variable, copied."""
    return [(variable.path, np.array(variable.numpy())) for variable in variables]


def expect(kept: bool, seen: str) -> None:
    """Raises `Broken` with what was seen unless `kept`."""
    if not kept:
        raise Broken(seen)


def expect_shape(what: str, value: Any, shape: tuple[int, ...]) -> None:
    """Raises `Broken` unless `value` has the shape."""
    found = tuple(value.shape)
    expect(found == tuple(shape), f"{what} has the shape {found}, expected {tuple(shape)}")


def expect_close(what: str, found: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    """Raises `Broken` unless two arrays agree; tells the worst number."""
    found, expected = np.asarray(found), np.asarray(expected)
    expect(
        found.shape == expected.shape,
        f"{what} has the shape {found.shape}, expected {expected.shape}",
    )
    if not np.allclose(found, expected, rtol=rtol, atol=atol):
        worst = np.unravel_index(np.argmax(np.abs(found - expected)), found.shape)
        raise Broken(f"{what} is {found[worst]:g}, expected {expected[worst]:g}")


def expect_same_config(first: dict, second: dict) -> None:
    """Raises `Broken` for the first entry that two configs differ in."""
    for name in {**first, **second}:
        one, other = (json.dumps(config.get(name)) for config in (first, second))
        expect(one == other, f"{name!r} is {other}, expected {one}")


def expect_same_numbers(
    variables: Iterable[keras.Variable], expected: list[tuple[str, np.ndarray]], when: str
) -> None:
    """Raises `Broken` for the first variable that is not, to the last bit, what it was."""
    found = numbers(variables)
    expect(
        len(found) == len(expected),
        f"{when}the model has {len(found)} variables, expected {len(expected)}",
    )
    for (path, now), (_, before) in zip(found, expected, strict=True):
        expect(
            now.shape == before.shape and np.array_equal(now, before, equal_nan=True),
            f"{when}{path!r} is {now.reshape(-1)[:3]}…, expected {before.reshape(-1)[:3]}…",
        )
