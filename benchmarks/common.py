"""What benchmarks share: a table and the same numbers as JSON, the machine, and finished runs."""

import datetime
import functools
import hashlib
import json
import os
import pathlib
import platform
from importlib import metadata

import numpy as np

import tfvae
from tfvae._files import write_text
from tfvae.evaluation.tables import markdown

PACKAGES = ("tfvae", "keras", "tensorflow", "tensorflow-probability", "numpy")


def environment() -> dict[str, str]:
    """Date, machine and versions, for the head of a result."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, no GPU",
        "versions": versions,
    }


def report(title, columns, rows, units, settings, json_path=None):
    """Prints the table with its settings, and writes the same numbers with units as JSON.

    Args:
        title: of the benchmark.
        columns: names of the columns, the first one that of the row.
        rows: a list for each row.
        units: unit of each column, "" where it has none.
        settings: what made the numbers: seeds, sizes, environment.
        json_path: where to write JSON; None for nowhere.
    """
    head = [f"{name} [{unit}]" if unit else name for name, unit in zip(columns, units, strict=True)]
    print(f"\n## {title}\n\n{markdown(head, rows)}\n")
    for name, value in settings.items():
        print(f"- {name}: {value}")
    if json_path:
        content = {
            "title": title,
            "settings": settings,
            "units": dict(zip(columns, units, strict=True)),
            "rows": [dict(zip(columns, row, strict=True)) for row in rows],
        }
        write_text(json_path, json.dumps(content, indent=2))


def divided(x, num_train, num_test=None):
    """Examples to train on and others to test on, in an order that is always the same.

    None: all others test.
    """
    x = x[np.random.default_rng(0).permutation(len(x))]
    return x[:num_train], x[num_train:][:num_test]


class Finished:
    """The runs that are finished, as lines of a file; without a file they are kept in memory."""

    def __init__(self, path=None):
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

    def get(self, key):
        """The run of this key, or None."""
        return self.lines.get(json.dumps(key, sort_keys=True))

    def add(self, key, run):
        """Appends a run in one write, so that several processes can share the file."""
        self.lines[json.dumps(key, sort_keys=True)] = run
        if self.path is not None:
            # A line of its own, even after one that was cut off.
            text = "\n" + json.dumps({"key": key, "run": run}, ensure_ascii=False) + "\n"
            pathlib.Path(self.path).absolute().parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab", buffering=0) as file:
                file.write(text.encode())


@functools.cache
def code():
    """Eight hex digits that change with any module of tfvae, as it was at the first call."""
    folder = pathlib.Path(tfvae.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()[:8]


def digest_of(*parts):
    """Eight hex digits that change with the arrays."""
    digest = hashlib.sha256()
    for x in parts:
        digest.update(f"{x.shape} {x.dtype}".encode() + np.ascontiguousarray(x).tobytes())
    return digest.hexdigest()[:8]
