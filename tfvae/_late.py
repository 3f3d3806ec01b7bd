"""Public names of a package that are imported when they are first used (PEP 562)."""

import importlib
from collections.abc import Callable
from typing import Any


def names(
    package: str, modules: dict[str, str], namespace: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        modules: the module of the package in which each late name is.
        namespace: the package's `globals()`, with `__all__`; a name that was used is kept there.
    """

    def attribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        namespace[name] = value
        return value

    def listed() -> list[str]:
        return sorted({*namespace, *namespace["__all__"]})

    return attribute, listed
