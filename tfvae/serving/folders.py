"""Folders that get their name only when they are complete."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from tfvae import _files


@contextlib.contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yields a new folder beside `path`, renamed to `path` if the block succeeds.

    Its name belongs to this call alone. On a local disk the files are flushed first, and the one
    rename refuses a `path` that another process has filled meanwhile; other file systems have no
    such rename, and `path` is only looked at just before.

    Args:
        path: a folder that does not exist or is empty, on any file system of `tf.io.gfile`.

    Raises:
        ValueError: if `path` exists, now or in the end, and is not an empty folder, or cannot be
            created.
    """
    path = os.fspath(path).rstrip("/")
    _check_free(path)
    # The name is not a number, so a server that watches the folder above ignores it.
    above, name = os.path.split(path)
    partial = os.path.join(above, _files.partial_name(name))
    try:
        tf.io.gfile.makedirs(partial)
    except tf.errors.OpError as error:
        reason = error.message.rpartition("; ")[2]
        raise _files.cannot_create("`path`", path, reason) from error
    try:
        yield partial
        _publish(partial, path)
    finally:
        if tf.io.gfile.exists(partial):
            tf.io.gfile.rmtree(partial)


def write(path: str, content: str | bytes) -> None:
    """Writes a file, and creates its folder if it is missing."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)


def _publish(partial: str, path: str) -> None:
    """Gives the finished folder its name."""
    if "://" in path:
        _check_free(path)
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)
        tf.io.gfile.rename(partial, path)
        return
    for folder, _, names in os.walk(partial):
        for name in (*names, "."):
            _files.flush(os.path.join(folder, name))
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(path)  # It removes nothing but an empty folder.
        os.rename(partial, path)
    except OSError:
        _check_free(path)  # Another export has ended first.
        raise
    _files.flush(os.path.dirname(path) or ".")


def _check_free(path: str) -> None:
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path) or tf.io.gfile.listdir(path):
        raise ValueError(
            f"`path` must be a new or empty folder, received {path!r}, which is not empty. Choose "
            "another folder (for a served model the next version number) or remove this one."
        )
