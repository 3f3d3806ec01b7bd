"""What a message tells the user to do: in Python, or as options where a command reads the table."""

import contextlib
import contextvars
import shlex
from collections.abc import Iterator
from typing import Any

_AS_OPTIONS = contextvars.ContextVar("as_options", default=False)


@contextlib.contextmanager
def as_options() -> Iterator[None]:
    """Messages of the block name the options of `tfvae score`, not arguments of Python.

    Example:
        >>> from tfvae.tables import remedies
        >>> remedies.kind("flow %", "ignore")
        "kinds={'flow %': 'ignore'}"
        >>> with remedies.as_options():
        ...     remedies.kind("flow %", "ignore")
        "--ignore='flow %'"
    """
    token = _AS_OPTIONS.set(True)
    try:
        yield
    finally:
        _AS_OPTIONS.reset(token)


def kind(name: str, value: Any) -> str:
    """How to give a column a kind, a format of dates, or a list of levels."""
    if not _AS_OPTIONS.get():
        return f"kinds={{{name!r}: {value!r}}}"
    if value == "ignore" and "," not in name:
        return f"--ignore={shlex.quote(name)}"
    text = value if isinstance(value, str) else ",".join(map(str, value))
    return f"--kind={shlex.quote(f'{name}={text}')}"


def option(name: str, value: str | None = None) -> str:
    """How to set another argument of a `Table`: its name, or name and value."""
    if value is None:
        return _plain(name) if _AS_OPTIONS.get() else f"`{name}`"
    if _AS_OPTIONS.get():
        return f"{_plain(name)}={shlex.quote(value)}"
    return f'Table({name}="{value}")'


def csv(**arguments: str) -> str:
    """How to say what form a CSV file has."""
    given = [csv_argument(name, value) for name, value in arguments.items()]
    return (
        " ".join(given) if _AS_OPTIONS.get() else f"tfvae.tables.CSV({', '.join(['path', *given])})"
    )


def csv_argument(name: str, value: str) -> str:
    """One more thing that `csv` says."""
    if _AS_OPTIONS.get():
        return f"--{name}={shlex.quote(value) if value.isascii() else value}"
    return f"{name}={value if value == '…' else repr(value)}"


def _plain(name):
    return {"missing_values": "--missing", "kinds": "--ignore and --kind"}.get(name, f"--{name}")
