"""Folders that get their name only when they are complete."""

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf


@contextlib.contextmanager
def new_folder(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yields a temporary folder beside `path`, renamed to `path` if the block succeeds.

    Args:
        path: a folder that does not exist or is empty, on any file system of `tf.io.gfile`.

    Raises:
        ValueError: if `path` exists and is not an empty folder.
    """
    path = os.fspath(path).rstrip("/")
    _check_free(path)
    # The name is not a number, so a server that watches the folder above ignores it.
    partial = f"{path}.partial-{os.getpid()}"
    tf.io.gfile.makedirs(os.path.dirname(path) or ".")
    try:
        yield partial
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)
        tf.io.gfile.rename(partial, path)
    finally:
        if tf.io.gfile.exists(partial):
            tf.io.gfile.rmtree(partial)


def write(path: str, content: str | bytes) -> None:
    """Writes a file, and creates its folder if it is missing."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)


def _check_free(path: str) -> None:
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path) or tf.io.gfile.listdir(path):
        raise ValueError(
            f"`path` must be a new or empty folder, received {path!r}, which is not empty. Choose "
            "another folder (for a served model the next version number) or remove this one."
        )
