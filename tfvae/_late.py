"""Public names of a package that are imported when they are first used (PEP 562), and near ones."""

import difflib
import importlib
from collections.abc import Callable
from typing import Any


def names(
    package: str, modules: dict[str, str], namespace: dict[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        modules: the module of the package in which each late name is; without any, other names
            than the package's are refused with the nearest one.
        namespace: the package's `globals()`, with `__all__`; a name that was used is kept there.
    """

    def attribute(name: str) -> Any:
        if name not in modules:
            known = [] if name.startswith("__") else namespace["__all__"]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f". Did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"module {package!r} has no attribute {name!r}{hint}")
        value = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        namespace[name] = value
        return value

    def listed() -> list[str]:
        return sorted({*namespace, *namespace["__all__"]})

    return attribute, listed
