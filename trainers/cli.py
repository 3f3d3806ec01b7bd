"""The command line that all programs share: --config, --workdir, and errors without traceback."""

import difflib
import os
import pathlib
import re
import runpy
import sys

from absl import app, flags, logging
from ml_collections import config_flags

from trainers import config_file

CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "Config file, with the data set after a colon: trainers/configs/vhp_vae.py:pendulum. Any key "
    "is set by --config.<key>=<value>. Default: the config that an earlier run wrote to --workdir.",
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of the run: all that it writes, and what it resumes from."
)
flags.mark_flag_as_required("workdir")

_SAVED = pathlib.Path(__file__).parent / "configs" / "saved.py"
_CONFIG_KEY = re.compile(r"--?config\.(?P<key>[^=]+)(=.*)?", re.DOTALL)


class UserError(Exception):
    """Something that the user can put right; its text is all that is shown."""


def run(main):
    """Runs `main(config, workdir)`; what a user got wrong ends it with one clear message."""

    def checked(argv):
        if len(argv) > 1:
            raise UserError(f"unexpected argument {argv[1]!r}; flags begin with --.")
        main(CONFIG.value, pathlib.Path(WORKDIR.value))

    try:
        sys.argv = _with_config_first(sys.argv)
        app.run(checked, flags_parser=_parse)
    except UserError as error:
        sys.exit(f"error: {error}")


def _with_config_first(argv):
    """Puts --config, given or that of the working directory, before its keys, as it must be."""
    spec, rest = _take("config", argv[1:])
    workdir, _ = _take("workdir", rest)
    if spec is None and workdir and pathlib.Path(workdir, config_file.NAME).is_file():
        # Relative, for a path with a drive letter holds the colon that ends the file's name.
        spec = f"{os.path.relpath(_SAVED)}:{pathlib.Path(workdir, config_file.NAME)}"
    return [argv[0], *([] if spec is None else [f"--config={spec}"]), *rest]


def _take(flag, arguments):
    """The last value of a flag, None where it is not given, and the arguments without it."""
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


def _parse(argv):
    """`flags.FLAGS(argv)` after a look at the config: its errors would end in a traceback."""
    asks_for_help = any(argument.lstrip("-").startswith("help") for argument in argv[1:])
    if not asks_for_help:
        _check_config(argv)
    return parse_flags(argv)


def parse_flags(argv):
    """`flags.FLAGS(argv)`, quiet unless --verbosity is given; what is wrong is a UserError."""
    try:
        rest = flags.FLAGS(argv)
    except flags.Error as error:
        raise UserError(f"{error} (--helpshort explains the flags)") from error
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.WARNING  # else absl makes it INFO
    return rest


def _check_config(argv):
    spec, rest = _take("config", argv[1:])
    keys = [match["key"] for match in map(_CONFIG_KEY.fullmatch, rest) if match]
    workdir, _ = _take("workdir", argv[1:])
    if not spec and workdir and not os.path.exists(workdir):
        raise UserError(
            f"--workdir: {workdir} does not exist, and --config is missing, which starts a run "
            "there: --config=trainers/configs/vhp_vae.py:pendulum."
        )
    if not spec:
        raise UserError(
            "--config is missing, e.g. --config=trainers/configs/vhp_vae.py:pendulum; it may be "
            "left out where --workdir is the folder of an earlier run."
        )
    valid = config_file.flatten(load_config(spec))
    for key in keys:
        if key not in valid:
            raise UserError(_unknown(key, valid))


def load_config(spec):
    """The config of `FILE:DATASET`.

    Raises:
        UserError: when there is no such file or data set.
    """
    path, _, argument = spec.partition(":")
    if not os.path.isfile(path):
        raise UserError(f"--config: no file {path!r}; the experiments are in trainers/configs.")
    try:
        return runpy.run_path(path)["get_config"](*([argument] if argument else []))
    except ValueError as error:
        raise UserError(f"--config={spec}: {error}") from error


def _unknown(key, valid):
    if any(name.startswith(f"{key}.") for name in valid):
        inside = [name for name in valid if name.startswith(f"{key}.")]
        return f"--config.{key} is a group of keys: {', '.join(inside)}."
    nearest = difflib.get_close_matches(key, valid, n=3, cutoff=0.5)
    if not nearest:
        last = key.rsplit(".", 1)[-1]
        nearest = [n for n in valid if difflib.get_close_matches(last, [n.rsplit(".", 1)[-1]])]
    return f"--config.{key}: there is no such key. Nearest: {', '.join(nearest or valid)}."
