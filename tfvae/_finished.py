"""Runs that are finished, kept as lines of JSON, so that a long comparison can be resumed."""

import json
import os
import pathlib
from typing import Any


class Finished:
    """The runs that are finished, as lines of a file; without a file they are kept in memory."""

    def __init__(self, path: str | os.PathLike | None = None):
        self.path = path
        self.lines = {}
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
