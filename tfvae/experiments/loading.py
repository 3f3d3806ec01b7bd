"""Configs by name, those of the package and files of the user, and keys that are set in them."""

import difflib
import importlib
import os
import pkgutil
import re
import runpy
from collections.abc import Callable, Mapping
from typing import NamedTuple

from absl import flags
from ml_collections import config_dict, config_flags

from tfvae import _checks
from tfvae.experiments import config_file, configs
from tfvae.experiments.errors import UserError

# A file's name may hold a colon, as that of a drive does.
_FILE = re.compile(r"(?P<path>.+\.py)(:(?P<choice>.*))?", re.DOTALL)
# Types of flags, as absl and ml_collections name them, that may hold numbers.
_NUMERIC = ("int", "float", "tuple", "config_literal")
# What a value of a key's type is, in words.
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "numbers with commas between them",
}


class ConfigFamily(NamedTuple):
    """A config of the package, for several data sets.

    Attributes:
        name: what stands before the colon.
        summary: what it trains, one line.
        choices: what may stand after the colon: data sets, or models where there is one data set.
    """

    name: str
    summary: str
    choices: tuple[str, ...]


def list_configs() -> list[ConfigFamily]:
    """Returns the configs that come with the package, in alphabetical order.

    Example:
        >>> from tfvae.experiments import list_configs
        >>> list_configs()[-1].name, list_configs()[-1].choices[:2]
        ('vhp_vae', ('pendulum', 'digits'))
    """
    modules = [importlib.import_module(f"{configs.__name__}.{name}") for name in _names()]
    return [
        ConfigFamily(module.__name__.rsplit(".", 1)[-1], _summary(module), module.CHOICES)
        for module in modules
    ]


def load_config(name: str, keys: Mapping[str, str] | None = None) -> config_dict.ConfigDict:
    """Returns a config by its name, perhaps with other values of some keys.

    Args:
        name: `vhp_vae:pendulum`, a config of the package for a data set; or
            `path/to/own.py:digits`, a file with a function `get_config`, which is given what
            follows the colon. Without a colon the config has a data set of its own. A file is a
            program that is run: give only files that you trust.
        keys: new values by key, as for `set_keys`.

    Raises:
        UserError: if there is no such config, file, data set or key, with the nearest ones.

    Example:
        >>> from tfvae.experiments import load_config
        >>> config = load_config("vhp_vae:digits", {"epochs": "3", "model.latent_dim": "4"})
        >>> config.model.name, config.epochs, config.model.latent_dim
        ('VHPVAE', 3, 4)
    """
    file = _FILE.fullmatch(name)
    if file:
        get_config, choice = _of_file(file["path"]), file["choice"]
    else:
        family, _, choice = name.partition(":")
        get_config = _of_package(family, name)
    try:
        config = get_config(*([choice] if choice else []))
    except ValueError as error:
        raise UserError(f"--config={name}: {error}") from error
    set_keys(config, keys or {})
    return config


def set_keys(config: config_dict.ConfigDict, keys: Mapping[str, str]) -> None:
    """Sets keys of a config to what texts spell, in place.

    Args:
        config: the config.
        keys: texts by key, such as {"model.encoder.hidden": "32,16"}. The text becomes a value of
            the type that the key has. "model.encoder.name" may be a dotted name,
            "keras.applications.MobileNetV2" or "my_package.my_module.make_encoder", which is code
            that is imported and run; the group then has the other keys that are given for it.

    Raises:
        UserError: if a key is unknown, with the nearest ones, or a text spells no such value.

    Example:
        >>> from tfvae.experiments import load_config, set_keys
        >>> config = load_config("vae:digits")
        >>> set_keys(config, {"model.encoder.hidden": "32,16", "data.cache": "false"})
        >>> config.model.encoder.hidden, config.data.cache
        ((32, 16), False)
    """
    if any("." in keys[key] for key in keys if key.endswith(".name")):
        from tfvae.experiments import own_networks

        keys = own_networks.set_names(config, keys)
    valid = config_file.flatten(config)
    for key in keys:
        if key not in valid:
            raise UserError(_unknown_key(key, valid))
    # Flags of their own: those of the process belong to whoever runs it.
    own = flags.FlagValues()
    arguments = ["", *(f"--config.{key}={text}" for key, text in keys.items())]
    config_flags.DEFINE_config_dict(
        "config", config, flag_values=own, sys_argv=arguments, lock_config=False
    )
    try:
        own(arguments)
    except flags.Error as error:
        refused = [key for key in keys if str(error).startswith(f"flag --config.{key}=")]
        message = _wrong_type(refused[0], keys, valid) if refused else str(error)
        raise UserError(message) from error
    for key, text in keys.items():
        if _holds_numbers(valid[key]) and not _holds_numbers(own[f"config.{key}"].value):
            raise UserError(_wrong_type(key, keys, valid))
        if own[f"config.{key}"].flag_type() in _NUMERIC:
            check_digits(f"config.{key}", text)


def _holds_numbers(value) -> bool:
    """Whether a value is a sequence of numbers, with one at least."""
    numbers = value if isinstance(value, (tuple, list)) and value else [None]
    return all(isinstance(one, (int, float)) for one in numbers)


def _wrong_type(key: str, keys: Mapping[str, str], valid: dict) -> str:
    """What a key's value must be, with the one that it has as an example."""
    value = valid[key]
    words = _WORDS.get(type(value), f"of the type {type(value).__name__}")
    example = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
    return f"--config.{key} must be {words}, such as {example}, received {keys[key]!r}."


def check_digits(name: str, text: str) -> None:
    """Raises a UserError for 1_000 and digits of other scripts, which Python takes for numbers."""
    for word in re.split(r"[\s,()\[\]]+", text):
        try:
            float(word)
        except ValueError:
            continue
        try:
            _checks.number(word)
        except ValueError as error:
            message = f"--{name} must be in the digits 0 to 9, received {text!r}."
            raise UserError(message) from error


def _names() -> list[str]:
    found = {module.name for module in pkgutil.iter_modules(configs.__path__)}
    return sorted(found - {"settings"})


def _summary(module) -> str:
    """The first line of a docstring without its full stop."""
    return module.__doc__.partition("\n")[0].removesuffix(".")


def _of_package(family: str, name: str) -> Callable[..., config_dict.ConfigDict]:
    known = _names()
    if family not in known:
        last = re.split(r"[/\\]", family)[-1]
        nearest = difflib.get_close_matches(last, known, n=3, cutoff=0.5)
        hint = f" Nearest: {', '.join(nearest)}." if nearest else ""
        raise UserError(
            f"--config must name a config of the package, such as vhp_vae:pendulum, or a file that "
            f"ends in .py, received {name!r}.{hint} The configs are {', '.join(known)}; "
            "`tfvae list configs` shows their data sets."
        )
    return importlib.import_module(f"{configs.__name__}.{family}").get_config


def _of_file(path: str) -> Callable[..., config_dict.ConfigDict]:
    if not os.path.isfile(path):
        raise UserError(
            f"--config must name a config of the package, such as vhp_vae:pendulum, or a file, "
            f"received no file {path!r}. `tfvae list configs` shows those of the package."
        )
    defined = runpy.run_path(path)
    if "get_config" not in defined:
        raise UserError(
            f"--config must name a file with a function get_config, received {path!r}, which has "
            "none. `python -c 'import tfvae.experiments.configs as c; help(c)'` shows one."
        )
    return defined["get_config"]


def _unknown_key(key: str, valid: dict) -> str:
    if any(name.startswith(f"{key}.") for name in valid):
        inside = [name for name in valid if name.startswith(f"{key}.")]
        return f"--config.{key} is a group of keys: {', '.join(inside)}. Set one of them."
    nearest = difflib.get_close_matches(key, valid, n=3, cutoff=0.5)
    if not nearest:
        last = key.rsplit(".", 1)[-1]
        nearest = [n for n in valid if difflib.get_close_matches(last, [n.rsplit(".", 1)[-1]])]
    return f"--config.{key} is not a known key. Nearest: {', '.join(nearest or valid)}."
