"""The command line of all programs: --config, --workdir, and errors without traceback."""

import difflib
import itertools
import os
import pathlib
import re
import runpy
import signal
import sys
from collections.abc import Callable, Iterator

from absl import app, flags, logging
from ml_collections import config_dict, config_flags

from trainers import config_file

CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "Config file and data set, joined by a colon: trainers/configs/vhp_vae.py:pendulum. "
    "A config file is a Python program that is run: give only files that you trust. "
    "--config.<key>=<value> sets a key. Default: the config of an earlier run in --workdir.",
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run. The run writes all its files there, and resumes from them."
)
flags.mark_flag_as_required("workdir")

_SAVED = pathlib.Path(__file__).parent / "configs" / "saved.py"
# Types of flags, as absl and ml_collections name them, that may hold numbers.
_NUMERIC = ("int", "float", "tuple", "config_literal")
_CONFIG_KEY = re.compile(r"--?config\.(?P<key>[^=]+)(=.*)?", re.DOTALL)


class UserError(Exception):
    """An error that the user can correct; only its text is shown."""


def run(main: Callable[[config_dict.ConfigDict, pathlib.Path], None]) -> None:
    """Runs `main(config, workdir)`; a UserError exits with its message, Ctrl-C with code 130."""

    def checked(argv: list[str]) -> None:
        check_no_arguments(argv)
        try:
            main(CONFIG.value, pathlib.Path(WORKDIR.value))
        except KeyboardInterrupt:
            print("Stopped by Ctrl-C. To go on, give the same command again.")
            sys.exit(128 + signal.SIGINT)

    try:
        sys.argv = _with_config_first(sys.argv)
        app.run(checked, flags_parser=_parse)
    except UserError as error:
        sys.exit(f"error: {error}")


def check_no_arguments(argv: list[str]) -> None:
    """Raises a UserError if `argv` holds an argument that is not a flag."""
    if len(argv) > 1:
        raise UserError(f"arguments must be flags that begin with --, received {argv[1]!r}.")


def _with_config_first(argv: list[str]) -> list[str]:
    """Puts --config, given or from --workdir, before its keys, because absl requires it."""
    spec, rest = _take("config", argv[1:])
    workdir, _ = _take("workdir", rest)
    if spec is None and workdir and pathlib.Path(workdir, config_file.NAME).is_file():
        # Relative, because the colon of a drive letter would end the file's name.
        spec = f"{os.path.relpath(_SAVED)}:{pathlib.Path(workdir, config_file.NAME)}"
    return [argv[0], *([] if spec is None else [f"--config={spec}"]), *rest]


def _take(flag: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    """Returns the last value of a flag, None if absent, and the arguments without the flag."""
    found, rest, pending = None, [], False
    for argument in arguments:
        name, given, value = argument.lstrip("-").partition("=")
        if pending:
            found, pending = argument, False
        elif argument.startswith("-") and name == flag:
            found, pending = (value, False) if given else (found, True)
        else:
            rest.append(argument)
    return found, rest


def _parse(argv: list[str]) -> list[str]:
    """Checks the config, whose errors would give a traceback, and parses the flags."""
    asks_for_help = any(argument.lstrip("-").startswith("help") for argument in argv[1:])
    if not asks_for_help:
        _check_config(argv)
    return parse_flags(argv)


def parse_flags(argv: list[str]) -> list[str]:
    """Returns `flags.FLAGS(argv)` and sets the verbosity to warnings unless it is given.

    Raises:
        UserError: if a flag is wrong.
    """
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        raise UserError(f"{error} (--helpshort explains the flags)") from error
    for name, text in _given(argv[1:]):
        if name in flags.FLAGS and flags.FLAGS[name].flag_type() in _NUMERIC:
            _check_digits(name, text)
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.WARNING  # The default of absl is INFO.
    return rest


def _given(arguments: list[str]) -> Iterator[tuple[str, str]]:
    """Yields the names of flags and the texts of their values."""
    for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        name, given, value = argument.lstrip("-").partition("=")
        if argument.startswith("-"):
            yield name, value if given else following


def _check_digits(name: str, text: str) -> None:
    """Raises a UserError for 1_000 and digits of other scripts, which Python takes for numbers."""
    for word in re.split(r"[\s,()\[\]]+", text):
        # As `tfvae._checks.number`, without the seconds that the import of TensorFlow takes.
        if word.isascii() and "_" not in word:
            continue
        try:
            float(word)
        except ValueError:
            continue
        raise UserError(f"--{name} must be in the digits 0 to 9, received {text!r}.")


def _check_config(argv: list[str]) -> None:
    spec, rest = _take("config", argv[1:])
    keys = [match["key"] for match in map(_CONFIG_KEY.fullmatch, rest) if match]
    workdir, _ = _take("workdir", argv[1:])
    if not spec and workdir and not os.path.exists(workdir):
        raise UserError(
            f"--workdir must be the folder of an earlier run if --config is missing, but {workdir} "
            "does not exist. Start a run there by --config=trainers/configs/vhp_vae.py:pendulum."
        )
    if not spec:
        raise UserError(
            "--config is missing. Give it, e.g. --config=trainers/configs/vhp_vae.py:pendulum, or "
            "a --workdir with an earlier run."
        )
    valid = config_file.flatten(load_config(spec))
    for key in keys:
        if key not in valid:
            raise UserError(_unknown(key, valid))


def load_config(spec: str) -> config_dict.ConfigDict:
    """Returns the config of `FILE:DATASET`.

    Raises:
        UserError: if there is no such file or data set.
    """
    path, _, argument = spec.partition(":")
    if not os.path.isfile(path):
        raise UserError(
            f"--config must name a config file, received no file {path!r}. The experiments are in "
            "trainers/configs."
        )
    try:
        return runpy.run_path(path)["get_config"](*([argument] if argument else []))
    except ValueError as error:
        raise UserError(f"--config={spec}: {error}") from error


def _unknown(key: str, valid: dict) -> str:
    if any(name.startswith(f"{key}.") for name in valid):
        inside = [name for name in valid if name.startswith(f"{key}.")]
        return f"--config.{key} is a group of keys: {', '.join(inside)}. Set one of them."
    nearest = difflib.get_close_matches(key, valid, n=3, cutoff=0.5)
    if not nearest:
        last = key.rsplit(".", 1)[-1]
        nearest = [n for n in valid if difflib.get_close_matches(last, [n.rsplit(".", 1)[-1]])]
    return f"--config.{key} is not a known key. Nearest: {', '.join(nearest or valid)}."
