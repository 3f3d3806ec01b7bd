"""The command line: `tfvae COMMAND`, also as `python -m tfvae COMMAND`.

A command is a module of this package, and its name in `COMMANDS`. The module has

- a docstring: its first line stands in `tfvae --help`, all of it in `tfvae COMMAND --help`;
- `add_arguments(parser)`, which adds to a `parsing.Parser`, an `argparse.ArgumentParser`;
- `run(options)`, which does it. What the user can correct is raised as a `UserError`, whose text
  alone is shown, as is that of an `OSError`; the decorator `parsing.user_errors()` makes one of
  the library's errors.

`parsing.add_config` gives a command --config with its keys, and --workdir: `options.config` is the
config then. Modules import what takes long, such as Matplotlib, in these functions: `tfvae --help`
imports all of them.
"""

import difflib
import importlib
import signal
import sys
import types
from collections.abc import Sequence

from tfvae._version import __version__
from tfvae.commands.parsing import Parser
from tfvae.experiments.errors import UserError

# Modules, in the order of the help. In this file `list` is one of them, not the type.
COMMANDS = (
    "list",
    "train",
    "compare",
    "sweep",
    "evaluate",
    "export",
    "infer",
    "score",
    "track",
    "explore",
)

__all__ = ["COMMANDS", "main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; without one it prints the help.

    Args:
        arguments: the name of a command and its arguments; None: those of the process.

    Raises:
        SystemExit: with the status 2 and a line on stderr if the arguments, or what they name,
            cannot be used; 130 after Ctrl-C; 0 after `COMMAND --help`.

    Example:
        >>> from tfvae import commands
        >>> commands.main(["list", "configs"])                         # doctest: +ELLIPSIS
        adversarial_autoencoder ...
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(_help())
    elif name == "--version":
        print(f"tfvae {__version__}")
    elif name in COMMANDS:
        _run(name, rest)
    else:
        Parser("tfvae").error(_unknown(name))


def _run(name: str, arguments: Sequence[str]) -> None:
    command = _module(name)
    parser = Parser(f"tfvae {name}", description=command.__doc__)
    command.add_arguments(parser)
    try:
        command.run(parser.parse(arguments))
    except UserError as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    except OSError as error:  # A disk that is full, a folder or file that cannot be used.
        parser.exit(2, f"{parser.prog}: error: {type(error).__name__}: {error}\n")
    except KeyboardInterrupt:
        print("Stopped by Ctrl-C. To go on, give the same command again.")
        sys.exit(128 + signal.SIGINT)


def _module(name: str) -> types.ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {_summary(name)}" for name in COMMANDS]
    return "\n".join(
        [
            "usage: tfvae COMMAND [arguments]",
            "       tfvae COMMAND --help",
            "       tfvae --version",
            "",
            "Variational autoencoders with structured latent spaces, from the command line.",
            "",
            *lines,
        ]
    )


def _summary(name: str) -> str:
    """The first line of a command's docstring."""
    return _module(name).__doc__.partition("\n")[0]


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, COMMANDS, n=2, cutoff=0.5)
    hint = f" Nearest: {', '.join(nearest)}." if nearest else ""
    return f"COMMAND must be one of {', '.join(COMMANDS)}, received {name!r}.{hint}"
