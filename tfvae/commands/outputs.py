"""Whether what a command writes can be written, looked at before hours of work."""

import os
from collections.abc import Mapping, Sequence

from tfvae import _files
from tfvae.experiments.errors import UserError


def check_file(
    option: str,
    path: str | os.PathLike[str],
    inputs: Mapping[str, str | os.PathLike[str] | None],
    endings: Sequence[str] = (),
) -> None:
    """Looks whether a file can be written, before anything is read or trained.

    A file that is there is replaced, unless it is an input.

    Args:
        option: the name of the option, such as "--output".
        path: of the file to write.
        inputs: files that are read, or written before, by what the user calls them.
        endings: that the name may have, such as ".png"; none: any.

    Raises:
        UserError: when the file is an input, or cannot be written.
    """
    path = os.fspath(path)
    if endings and not path.lower().endswith(tuple(endings)):
        raise UserError(f"{option} must end in {' or '.join(endings)}, received {path}.")
    for name, other in inputs.items():
        if other is not None and _is_same(path, other):
            raise UserError(
                f"{option} must be another file than {name}, received {path} for both, which "
                "would be overwritten. Choose another name."
            )
    if os.path.isdir(path):
        raise UserError(f"{option} must be a file, received the folder {path}.")
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise UserError(
            f"{option} must be in a folder that exists, received {path}. Make {folder} first."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"{option} must be in a folder that you may write to, received {path}, but {folder} "
            "cannot be written."
        )


def check_new_folder(option: str, path: str | os.PathLike[str]) -> None:
    """Looks whether a new folder can be made, before anything is read or trained.

    Raises:
        UserError: when it exists.
        ValueError: when it cannot be made.
    """
    if os.path.lexists(path):
        raise UserError(f"{option} must be a new folder, received {path}, which exists.")
    _files.check_folder(option, path)


def _is_same(path, other):
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    # Also where capital letters or links give a file two names.
    return os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)
