"""The list of promises, which the checks enter themselves in."""

from collections.abc import Callable
from typing import NamedTuple


class Promise(NamedTuple):
    """One thing that every model keeps."""

    check: Callable
    says: str
    look_at: str


PROMISES: dict[str, Promise] = {}
"""All promises by name, in the order in which they are checked."""


def promise(says: str, look_at: str) -> Callable[[Callable], Callable]:
    """A decorator that enters a check in `PROMISES` under its own name."""

    def register(check):
        PROMISES[check.__name__] = Promise(check, says, look_at)
        return check

    return register
