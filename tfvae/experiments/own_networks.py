"""Networks by dotted name: `keras.applications`, and code of the user.

A dotted name that is no network of `keras.applications` is imported and called: it is code that
runs. It is therefore taken from the command line and from configs in Python alone, and never from a
file with data, such as the config.json of a run or the file of a sweep.
"""

import ast
import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import config_dict

import tfvae.networks
from tfvae.experiments.errors import UserError

# Groups that may have a dotted name.
KINDS = ("encoder", "encoder_u", "decoder", "discriminator")
_APPLICATIONS = "keras.applications."


def maker(name: str) -> Callable[..., Any]:
    """Returns the function or class of a dotted name, importing its module.

    Raises:
        ValueError: if there is none.
    """
    if _is_application(name):
        return functools.partial(tfvae.networks.backbone, name.removeprefix(_APPLICATIONS))
    module, _, attribute = name.rpartition(".")
    expected = f"must be package.module.function of code that can be imported, received {name!r}"
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise ValueError(
            f"The name of a network {expected} ({error}). Is its folder in PYTHONPATH?"
        ) from error
    if not callable(found):
        raise ValueError(f"The name of a network {expected}: {module} has no such function.")
    return found


def dotted(leaves: Mapping[str, Any]) -> dict[str, str]:
    """Returns the names of code of the user, by key, among the leaves of a config."""
    return {
        key: value
        for key, value in leaves.items()
        if _is_name(key) and "." in f"{value}" and not _is_application(value)
    }


def check_named(leaves: Mapping[str, Any], named: Mapping[str, Any], where: str) -> None:
    """Checks that all code which a file names was named by the user, too.

    Args:
        leaves: what the file says, by key.
        named: what the user says on the command line, by key.
        where: the file, for the message.

    Raises:
        UserError: if a name of code is in the file alone.
    """
    for key, name in dotted(leaves).items():
        if named.get(key) != name:
            raise UserError(
                f"--config.{key} must be given, since {where} names {name} there: code that would "
                f"be imported and run. If you trust it, add --config.{key}={name}."
            )


def set_names(config: config_dict.ConfigDict, keys: Mapping[str, str]) -> dict[str, str]:
    """Gives groups of a config other networks, by dotted name, in place; returns the other keys.

    A group with a new name begins anew: its other keys are those that are given for it.
    """
    left = dict(keys)
    for key, name in keys.items():
        if not _is_name(key) or "." not in name:
            continue
        group = key.removesuffix(".name")
        owner, parent = config, group.split(".")
        for part in parent[:-1]:
            owner = owner.get(part, {})
        if parent[-1] not in owner or owner[parent[-1]].get("name") == name:
            continue
        own = {k.removeprefix(f"{group}."): v for k, v in keys.items() if k.startswith(f"{group}.")}
        with config.ignore_type(), config.unlocked():
            arguments = {k: _value(v) for k, v in own.items() if k != "name"}
            owner[parent[-1]] = config_dict.create(name=name, **arguments)
        left = {k: v for k, v in left.items() if not k.startswith(f"{group}.")}
    return left


def _value(text: str) -> Any:
    """What a text spells in Python, or the text; true and false as in all keys."""
    text = {"true": "True", "false": "False"}.get(text, text)
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _is_name(key: str) -> bool:
    """Whether a key is the name of a network."""
    return key.split(".")[-1] == "name" and key.split(".")[-2:-1] in [[kind] for kind in KINDS]


def _is_application(name: str) -> bool:
    return name.startswith(_APPLICATIONS) and "." not in name.removeprefix(_APPLICATIONS)
