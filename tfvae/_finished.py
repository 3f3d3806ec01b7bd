"""Runs that are finished, kept as lines of JSON, so that a long comparison can be resumed."""

import json
import os
import pathlib
from typing import Any

from tfvae import _files

# How each line begins.
_BEGINS = b'{"key": '


class Finished:
    """The runs that are finished, as lines of a file; without a file they are kept in memory.

    Raises:
        ValueError: when the file is one of another kind, to which nothing must be appended, or
            cannot be written: better now than after hours.
    """

    def __init__(self, path: str | os.PathLike | None = None):
        self.path = path
        self.lines = {}
        if path is not None:
            _check(path)
        if path is not None and os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._read(line)

    def _read(self, line):
        try:
            content = json.loads(line)
            self.lines[json.dumps(content["key"], sort_keys=True)] = content["run"]
        except (ValueError, KeyError, TypeError):  # A process was killed while it wrote the line.
            return

    def get(self, key: Any) -> Any:
        """The run of this key, or None."""
        return self.lines.get(json.dumps(key, sort_keys=True))

    def add(self, key: Any, run: Any) -> None:
        """Appends a run in one write, so that several processes can share the file."""
        self.lines[json.dumps(key, sort_keys=True)] = run
        if self.path is not None:
            # A line of its own, even after one that was cut off.
            text = "\n" + json.dumps({"key": key, "run": run}, ensure_ascii=False) + "\n"
            pathlib.Path(self.path).absolute().parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab", buffering=0) as file:
                file.write(text.encode())


def _check(path):
    expected = f"`path` must be a file of finished runs, or a new one, received {os.fspath(path)!r}"
    if os.path.isdir(path):
        raise ValueError(f"{expected}, which is a folder. Give a file in it.")
    _files.check_folder("The folder of `path`", os.path.dirname(os.path.abspath(path)))
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        # A power cut can leave zeros, and a killed process a part of a line.
        begins = file.read(2**16).strip(b"\0\r\n ")[: len(_BEGINS)]
    if not _BEGINS.startswith(begins):
        raise ValueError(f"{expected}, which holds something else. Give another file.")
