"""What benchmarks share: a table and the same numbers as JSON, the machine, and finished runs."""

import argparse
import datetime
import functools
import hashlib
import json
import os
import pathlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import NamedTuple

import numpy as np

import tfvae
from tfvae._files import write_text
from tfvae._finished import Finished
from tfvae.evaluation.tables import markdown

__all__ = [
    "Finished", "Goal", "add_data", "code", "digest_of", "divided", "environment", "exit_code",
    "print_goals", "report",
]  # fmt: skip

PACKAGES = ("tfvae", "keras", "tensorflow", "tensorflow-probability", "numpy")


class Goal(NamedTuple):
    """What a benchmark is to show, and what it showed."""

    name: str
    wanted: str
    reached: str
    holds: bool


def print_goals(goals: Sequence[Goal]) -> None:
    """Prints a table of what was wanted and what was reached."""
    rows = [[*goal[:3], "yes" if goal.holds else "NO"] for goal in goals]
    print("\n" + markdown(["", "wanted", "reached", "holds"], rows), flush=True)


def exit_code(goals: Sequence[Goal]) -> int:
    """0 if all goals hold, else 1."""
    return 0 if all(goal.holds for goal in goals) else 1


def add_data(parser: argparse.ArgumentParser) -> None:
    """Adds `--data`, the folder of the data sets, to a command line."""
    folder = os.environ.get("TFVAE_DATA_DIR")
    parser.add_argument(
        "--data",
        default=folder,
        required=not folder,
        help="folder of the data sets; the environment variable TFVAE_DATA_DIR otherwise",
    )


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
