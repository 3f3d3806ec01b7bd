"""Configs as JSON files, and the differences between two of them."""

import json
import os
import pathlib
from typing import Any

from ml_collections import config_dict

from tfvae._files import write_text

NAME = "config.json"

# The place and the form of the files, and the report, do not change the training.
_FORM = tuple(f"data.options.{one}" for one in ("encoding", "separator", "decimal", "thousands"))
FREE_TO_CHANGE = ("data.path", "data.data_dir", *_FORM, "report.")


def read(path: str | os.PathLike[str]) -> config_dict.ConfigDict:
    """Reads a config from a JSON file.

    Raises:
        ValueError: if there is no such file, or it is not valid JSON of a config.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(
            f"`path` must be the {NAME} of a finished or interrupted run, received {path}, which "
            "does not exist."
        )
    plain = _plain(path)
    if not isinstance(plain, dict):
        raise ValueError(
            f"`path` must hold the groups of a run's config, received {path} with {plain!r:.60}. "
            "Take another copy."
        )
    return config_dict.create(**_with_types(plain))


def is_of_run(path: str | os.PathLike[str]) -> bool:
    """Whether a JSON file has the groups of a run's config; a preset's and Keras' have others.

    Raises:
        ValueError: if it is not valid JSON.
    """
    plain = _plain(pathlib.Path(path))
    groups = ("data", "model", "optimizer", "report")
    return isinstance(plain, dict) and all(isinstance(plain.get(name), dict) for name in groups)


def write(config: config_dict.ConfigDict, path: str | os.PathLike[str]) -> None:
    """Writes all keys of a config; the file gets its name only when it is complete."""
    write_text(path, json.dumps(config.to_dict(), indent=2) + "\n")


def flatten(config: config_dict.ConfigDict) -> dict[str, Any]:
    """Returns a dict from keys such as "model.prior.name" to values, with sequences as lists."""
    return flattened(json.loads(json.dumps(config.to_dict())))


def flattened(node: Any, prefix: str = "") -> dict[str, Any]:
    """Returns a dict from keys such as "model.prior.name" to what a dict of dicts holds there."""
    if not isinstance(node, dict):
        return {prefix: node}
    leaves = {}
    for key, value in node.items():
        leaves |= flattened(value, f"{prefix}.{key}" if prefix else key)
    return leaves


def differences(
    before: config_dict.ConfigDict, now: config_dict.ConfigDict, *, finished: bool = False
) -> list[str]:
    """Lists the differences that forbid resuming the run of `before` with the config `now`.

    Args:
        before: config of the run.
        now: config to resume it with.
        finished: whether the training has ended, so more epochs count as a difference too.
    """
    before, now = flatten(before), flatten(now)
    lines = []
    for key in sorted(before.keys() | now.keys()):
        old, new = (repr(c[key]) if key in c else "absent" for c in (before, now))
        if old == new or key.startswith(FREE_TO_CHANGE):
            continue
        if key == "epochs" and key in before and key in now and not finished:
            if now[key] < before[key]:
                lines.append(f"epochs: {old} before, now {new} (it may grow, not shrink)")
            continue
        lines.append(f"{key}: {old} before, now {new}")
    return lines


def _plain(path: pathlib.Path) -> Any:
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"`path` must be valid JSON, received {path}: {error}.") from error


def _with_types(node: Any) -> Any:
    """Turns lists into tuples, and None into a field that may be set to a text."""
    if isinstance(node, dict):
        return {key: _with_types(value) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(_with_types(value) for value in node)
    return config_dict.placeholder(str) if node is None else node
