"""Folders that appear under their name only when they are complete."""

import contextlib
import os

import tensorflow as tf


@contextlib.contextmanager
def new_folder(path):
    """Gives a temporary folder beside `path`, which takes its name when the block ends well.

    Args:
        path: a folder that does not exist or is empty; any file system that `tf.io.gfile` knows.

    Raises:
        ValueError: when `path` exists and is not an empty folder.
    """
    path = os.fspath(path).rstrip("/")
    _check_free(path)
    # Not a number: a server that watches the folder above takes no notice of it.
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


def write(path, content: str | bytes):
    """Writes a file, and the folder it lies in where that is missing."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)


def _check_free(path):
    if not tf.io.gfile.exists(path):
        return
    if not tf.io.gfile.isdir(path) or tf.io.gfile.listdir(path):
        raise ValueError(
            f"`path` must be a new or empty folder, but {path!r} exists and is not empty. Choose "
            "another one, for a served model the next version number, or remove it first."
        )
