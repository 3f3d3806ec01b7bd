"""Names of latents, the same in reports, tables and figures; all are counted from 0."""

import re

_INDEXED = re.compile(r"\b([a-zA-Z])_(\d+)\b")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def latent(index: int) -> str:
    """The continuous latent z[:, index]."""
    return f"z_{index}"


def discrete(index: int) -> str:
    """The discrete latent `categories(x)[:, index]`."""
    return f"d_{index}"


def category(index: int, value: int) -> str:
    """A category of a discrete latent, or a label."""
    return f"{discrete(index)} = {value}"


def in_figure(name: str) -> str:
    """A name as Matplotlib sets it, with the number as an index."""
    return _INDEXED.sub(r"$\1_{\2}$", name)


def with_subscript(name: str) -> str:
    """A name as a plain text sets it, with the number as an index: z₀."""
    return _INDEXED.sub(lambda match: match[1] + match[2].translate(_SUBSCRIPTS), name)
