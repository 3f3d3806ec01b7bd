"""What the commands share: their parser, --config with its keys, --workdir, and errors."""

import argparse
import contextlib
import pathlib
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ml_collections import config_dict

from tfvae.experiments import config_file, loading
from tfvae.experiments.errors import UserError

_KEY, _GRID = "--config.", "--grid."


class _Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the docstring as it is written, and tells each default that the words do not tell."""

    def _get_help_string(self, action):
        plain = action.help or ""
        if "default" in plain.lower() or action.default in (None, "", False, [], argparse.SUPPRESS):
            return plain
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """A parser whose help is a docstring as it is written, and whose errors are one line.

    Its help tells all defaults.
    """

    def __init__(self, prog: str, **more: Any):
        super().__init__(prog, formatter_class=_Help, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        """Ends the process with the status 2."""
        self.exit(
            2, f"{self.prog}: error: {message}\n`{self.prog} --help` explains the arguments.\n"
        )

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Returns the options; `config` becomes a config, with the keys that are set.

        A parser with the defaults `keys` and `grid` gets the texts of --config.KEY and --grid.KEY.

        Raises:
            UserError: if the config or a key cannot be used.
            SystemExit: if an argument cannot be used.
        """
        options, rest = self.parse_known_args(arguments)
        keys = _take_keys(rest, _KEY) if "config" in options or "keys" in options else {}
        if "keys" in options:
            options.keys = keys
        if "grid" in options:
            options.grid = _take_keys(rest, _GRID)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        if "config" in options:
            options.config = _config_of(options, keys)
        return options


def add_config(parser: argparse.ArgumentParser) -> None:
    """Adds --config, with keys as --config.KEY=VALUE, and --workdir."""
    parser.add_argument(
        "--config",
        metavar="NAME:DATASET",
        help="Config of the package, such as vhp_vae:pendulum (`tfvae list configs` shows them), "
        "or path/to/own.py:DATASET. A file is a Python program that is run: give only files that "
        "you trust. --config.KEY=VALUE sets a key. Default: the config of the run in --workdir.",
    )
    add_workdir(parser, "Folder of the run, for all its files. It resumes from them.")


def add_workdir(parser: argparse.ArgumentParser, words: str) -> None:
    """Adds --workdir, which must be given."""
    parser.add_argument("--workdir", type=pathlib.Path, required=True, metavar="FOLDER", help=words)


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Makes a `UserError` of what the library says of arguments, files and packages.

    A decorator of `run`, or a `with` block.
    """
    try:
        yield
    except (ImportError, OSError, ValueError) as error:
        raise UserError(str(error)) from error


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Shows warnings of the block as lines on stderr, without the place in the program."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


def warn(message: str) -> None:
    """Shows a warning."""
    print(f"Warning: {message}", file=sys.stderr, flush=True)


def _take_keys(arguments: list[str], prefix: str) -> dict[str, str]:
    """Removes --config.KEY=VALUE, and --config.KEY VALUE, from the arguments; returns them."""
    keys, others, waiting = {}, [], list(arguments)
    while waiting:
        argument = waiting.pop(0)
        name, given, value = argument.partition("=")
        if not name.startswith(prefix):
            others.append(argument)
            continue
        if not given:
            if not waiting or waiting[0].startswith("--"):
                raise UserError(f"{name} must have a value: {name}=VALUE.")
            value = waiting.pop(0)
        keys[name.removeprefix(prefix)] = value
    arguments[:] = others
    return keys


def _config_of(options: argparse.Namespace, keys: dict[str, str]) -> config_dict.ConfigDict:
    """The config of --config, or of the run in --workdir."""
    if options.config:
        return loading.load_config(options.config, keys)
    example = "--config=vhp_vae:pendulum"
    saved = options.workdir / config_file.NAME
    if not options.workdir.exists():
        raise UserError(
            f"--workdir must be the folder of an earlier run if --config is missing, but "
            f"{options.workdir} does not exist. Start a run there by {example}."
        )
    if not saved.is_file():
        raise UserError(
            f"--config is missing. Give it, e.g. {example}, or a --workdir with an earlier run."
        )
    with user_errors():
        config = config_file.read(saved)
    leaves = config_file.flatten(config)
    # The module imports Keras, which takes seconds.
    if any("." in f"{value}" for key, value in leaves.items() if key.endswith(".name")):
        from tfvae.experiments import own_networks

        own_networks.check_named(leaves, keys, str(saved))
    loading.set_keys(config, keys)
    return config
