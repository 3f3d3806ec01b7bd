"""What a message tells the user to do: in Python, or as options where a command reads the table."""

import contextlib
import contextvars
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

# What stands before the name of an option; "": messages name arguments of Python.
_PREFIX = contextvars.ContextVar("prefix", default="")


@contextlib.contextmanager
def as_options(prefix: str = "--") -> Iterator[None]:
    """Messages of the block name options of a command, not arguments of Python.

    Args:
        prefix: what stands before the names that options of `tfvae score` have.

    Example:
        >>> from tfvae.tables import remedies
        >>> remedies.kind("flow %", "ignore")
        "kinds={'flow %': 'ignore'}"
        >>> with remedies.as_options():
        ...     remedies.kind("flow %", "ignore")
        "--ignore='flow %'"
        >>> with remedies.as_options("--config.data.options."):
        ...     remedies.kind("flow", "ignore")
        '--config.data.options.ignore=flow'
    """
    token = _PREFIX.set(prefix)
    try:
        yield
    finally:
        _PREFIX.reset(token)


def kind(name: str, value: Any) -> str:
    """How to give a column a kind, a format of dates, or a list of levels."""
    if not _PREFIX.get():
        return f"kinds={{{name!r}: {value!r}}}"
    if value == "ignore" and "," not in name:
        return f"{_PREFIX.get()}ignore={shlex.quote(name)}"
    text = value if isinstance(value, str) else ",".join(map(str, value))
    return f"{_PREFIX.get()}kind={shlex.quote(f'{name}={text}')}"


def option(name: str, value: str | None = None) -> str:
    """How to set another argument of a `Table`: its name, or name and value."""
    if value is None:
        return _plain(name) if _PREFIX.get() else f"`{name}`"
    if _PREFIX.get():
        return f"{_plain(name)}={shlex.quote(value)}"
    return f'Table({name}="{value}")'


def csv(**arguments: str) -> str:
    """How to say what form a CSV file has."""
    given = [csv_argument(name, value) for name, value in arguments.items()]
    return " ".join(given) if _PREFIX.get() else f"tfvae.tables.CSV({', '.join(['path', *given])})"


def csv_argument(name: str, value: str) -> str:
    """One more thing that `csv` says."""
    if _PREFIX.get():
        return f"{_PREFIX.get()}{name}={shlex.quote(value) if value.isascii() else value}"
    return f"{name}={value if value == '…' else repr(value)}"


def _plain(name):
    prefix = _PREFIX.get()
    names = {"missing_values": ("missing",), "kinds": ("ignore", "kind")}.get(name, (name,))
    return " and ".join(f"{prefix}{one}" for one in names)


def kinds_of(ignore: str, kinds: Sequence[str]) -> dict[str, Any]:
    """Kinds by column, of what options say: columns to leave out, and texts `column=kind`.

    Raises:
        ValueError: when a text is not of this form.

    Example:
        >>> from tfvae.tables import remedies
        >>> remedies.kinds_of("id,note", ["pump=categorical", "size=S,M,L"])
        {'id': 'ignore', 'note': 'ignore', 'pump': 'categorical', 'size': ['S', 'M', 'L']}
    """
    found = dict.fromkeys(listed(ignore), "ignore")
    for text in kinds:
        name, sign, value = text.rpartition("=")
        if not (name and sign and value):
            raise ValueError(f"must be COLUMN=KIND, such as pump=categorical, received {text!r}")
        found[name] = value.split(",") if "," in value and "%" not in value else value
    return found


def listed(text: str) -> list[str]:
    """What commas separate."""
    return [one for one in text.split(",") if one]
