"""What every benchmark needs: a table for people, the same numbers as JSON, and the machine."""

import datetime
import json
import os
import platform
from importlib import metadata

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
