"""Checks of arguments, with one form of message: argument, expected, received, what to do."""

import difflib
import importlib
import numbers
import shlex
import types
from collections.abc import Sequence

import keras
import numpy as np

# Columns that a message names.
MOST_NAMED = 5


def package(name: str, purpose: str, install: str, hint: str = "") -> types.ModuleType:
    """Returns a module that not everybody has installed.

    Args:
        name: of the module.
        purpose: what needs it.
        install: what pip installs; the message quotes it where a shell needs that: 'tfvae[search]'.
        hint: what else to do.

    Raises:
        ImportError: naming what needs it, what to install, and perhaps what does without.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        install = shlex.quote(install.strip("'"))
        raise ImportError(
            f"{purpose} needs the package {name.split('.')[0]}, which is not installed. Run `pip "
            f"install {install}`. {hint}".strip()
        ) from error


def span(low: float, high: float) -> str:
    """The least and the greatest of the finite values as words; low > high: there are none."""
    return f"values from {low:g} to {high:g}" if low <= high else "no finite value"


def span_of(values: np.ndarray) -> str:
    """What an array holds, as words: the span of its finite values, and whether it has others."""
    finite = values[np.isfinite(values)]
    beside = "" if finite.size == values.size else ", with NaN or infinities"
    return span(np.min(finite, initial=np.inf), np.max(finite, initial=-np.inf)) + beside


def columns_with(bad: np.ndarray, names: Sequence | None = None) -> str:
    """Columns of a table that have bad values, (n, D) bool, as words; by number without names."""
    counts = bad.sum(axis=0)
    columns = np.flatnonzero(counts)
    told = [
        f"{int(column) if names is None else names[column]!r} ({counts[column]} of {len(bad)} "
        f"rows, first in row {int(np.argmax(bad[:, column]))})"
        for column in columns[:MOST_NAMED]
    ]
    more = f" and {len(columns) - MOST_NAMED} more columns" if len(columns) > MOST_NAMED else ""
    noun = "the column" if len(columns) == 1 else "the columns"
    return f"{noun} {', '.join(told)}{more}"


def pixels_hint(low: float, high: float, allowed: str) -> str:
    """What to do with values of this range where others are allowed, if they look like pixels."""
    may_be = low >= 0 and 1 < high <= 255 and "whole number" not in allowed
    return " Pixels: x / 255." if may_be else ""


def missing_hint(allowed: str) -> str:
    """What to do with NaN where `allowed`, in words, does not take it for a missing value."""
    hint = " If NaN stands for a missing value, give the likelihood `missing=True`."
    return "" if "NaN" in allowed else hint


def positive_int(name: str, value, hint: str = "") -> int:
    """Returns `value` as an int if it is a whole number of at least 1.

    Raises:
        ValueError: naming the argument, what was expected and what was received.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_whole or value < 1:
        raise ValueError(
            f"`{name}` must be a whole number of at least 1, received {value!r}. {hint}".strip()
        )
    return int(value)


def whole(name: str, value) -> int:
    """Returns `value` as an int if it is a whole number, negative or not.

    Raises:
        ValueError: naming the argument and what was received.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(f"`{name}` must be a whole number, received {value!r}.")
    return int(value)


def whole_in(name: str, value, least: int, most: int, hint: str = "") -> int:
    """Returns `value` as an int if it is a whole number from `least` to `most`.

    Raises:
        ValueError: naming the argument, what was expected and what was received.
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not (is_whole and least <= value <= most):
        raise ValueError(
            f"`{name}` must be a whole number from {least} to {most:,}, received {value!r}. "
            f"{hint}".strip()
        )
    return int(value)


def number(text: str | bytes) -> float:
    """Returns the number that a text from outside spells, in the digits 0 to 9.

    Raises:
        ValueError: when it spells none. `float` would take 1_000 and digits of other scripts, too.
    """
    text = text.decode("ascii") if isinstance(text, bytes) else text
    if not text.isascii() or "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def whole_number(text: str) -> int:
    """Returns the whole number that a text from outside spells; see `number`.

    Raises:
        ValueError: when it spells none.
    """
    if not text.isascii() or "_" in text:
        raise ValueError(f"invalid whole number: {text!r}")
    return int(text)


def keras_2_hint(value) -> str:
    """What to do about an object of Keras 2, which no class of Keras 3 knows; "" for any other."""
    if any(cls.__module__.split(".")[0] == "tf_keras" for cls in type(value).__mro__):
        return (
            " It is an object of Keras 2 (tf_keras, which `tf.keras` stands for where "
            "TF_USE_LEGACY_KERAS is set); tfvae needs one of Keras 3: `import keras`."
        )
    return ""


def refuse_keras_2(name: str, value) -> None:
    """Raises a ValueError for an object of Keras 2."""
    hint = keras_2_hint(value)
    if hint:
        raise ValueError(f"`{name}` must be an object of Keras 3, received {value!r}.{hint}")


def layer(name: str, network):
    """`network` if it is a Keras model or layer, or None.

    Raises:
        ValueError: when it is neither.
    """
    if network is None or isinstance(network, keras.layers.Layer):
        return network
    raise ValueError(
        f"`{name}` must be a Keras model or layer (tfvae.networks has builders), received "
        f"{network!r}.{keras_2_hint(network)}"
    )


def positive_ints(name: str, values, hint: str = "") -> tuple[int, ...]:
    """`values`, a sequence of whole numbers of at least 1, as a tuple.

    Raises:
        ValueError: when it is no sequence, or an element is no such number.
    """
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise ValueError(f"`{name}` must be a sequence, as in [128, 128], received {values!r}.")
    return tuple(positive_int(name, value, hint) for value in values)


def number_in(
    name: str, value, low: float, high: float, *, low_open=False, high_open=False, hint=""
):
    """Returns `value` as a float if it lies in the interval between `low` and `high`.

    Raises:
        ValueError: naming the argument, the interval and what was received (NaN is refused).
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    above = is_number and (value > low if low_open else value >= low)
    below = is_number and (value < high if high_open else value <= high)
    if not (above and below):
        interval = f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
        raise ValueError(f"`{name}` must lie in {interval}, received {value!r}. {hint}".strip())
    return float(value)


def true_or_false(name: str, value) -> bool:
    """Returns `value` as a bool if it is one; a number or a word is none.

    Raises:
        ValueError: naming the argument and what was received.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False, received {value!r:.60}.")
    return bool(value)


def one_of(name: str, value, known):
    """`value` if it is one of `known`, words.

    Raises:
        ValueError: when it is not.
    """
    if getattr(value, "shape", ()) or value not in known:  # An array compares by its entries.
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, known))}, received {value!r:.60}."
        )
    return value


def instance_of(name: str, value, base: type, example: str):
    """`value` if it is an instance of `base`.

    Raises:
        ValueError: when it is not.
    """
    if isinstance(value, base):
        return value
    raise ValueError(
        f"`{name}` must be an instance of {base.__module__}.{base.__name__}, received {value!r}. "
        f"An example: {example}."
    )


def named_object(kind: str, identifier, base: type, names: dict):
    """Returns an object of class `base` for a short name or the object itself.

    A string is only a short name for a default object (`names` maps it to a class).

    Raises:
        ValueError: when the name is unknown (the nearest and all known ones are listed) or the type
            does not fit.
    """
    if isinstance(identifier, base):
        return identifier
    known = ", ".join(map(repr, sorted(names)))
    if isinstance(identifier, str):
        if identifier in names:
            return names[identifier]()
        near = difflib.get_close_matches(identifier, names, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"`{kind}` must be one of {known}, or an instance of {base.__module__}."
            f"{base.__name__}, received {identifier!r}. {hint}".strip()
        )
    raise ValueError(
        f"`{kind}` must be a short name ({known}) or an instance of {base.__module__}."
        f"{base.__name__}, received {identifier!r}."
    )
