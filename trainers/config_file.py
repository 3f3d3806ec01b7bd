"""Configs as JSON files, and what two of them differ in."""

import json
import os
import pathlib

from ml_collections import config_dict

NAME = "config.json"

# Where files lie and how a result is reported does not change what is trained.
FREE_TO_CHANGE = ("data.path", "data.data_dir", "report.")


def read(path) -> config_dict.ConfigDict:
    """The config in a JSON file.

    Raises:
        ValueError: when there is no such file, or it is no JSON.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; a finished or interrupted run has one.")
    try:
        plain = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: no valid JSON ({error}).") from error
    return config_dict.create(**_with_types(plain))


def write(config, path):
    """Writes all keys of a config; the file gets its name when it is complete."""
    path = pathlib.Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(config.to_dict(), indent=2) + "\n")
    os.replace(partial, path)


def flatten(config) -> dict:
    """Dict from "model.prior.name" to the value, sequences as lists."""
    return _flatten(json.loads(json.dumps(config.to_dict())))


def differences(before, now, *, finished=False) -> list[str]:
    """What forbids to go on with the run of `before` under the config `now`, a line each.

    `finished`: nothing is to be trained any more, so that more epochs are a difference too.
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


def _flatten(node, prefix=""):
    if not isinstance(node, dict):
        return {prefix: node}
    leaves = {}
    for key, value in node.items():
        leaves |= _flatten(value, f"{prefix}.{key}" if prefix else key)
    return leaves


def _with_types(node):
    """JSON's lists as tuples, and None as a field that may be given a value of text."""
    if isinstance(node, dict):
        return {key: _with_types(value) for key, value in node.items()}
    if isinstance(node, list):
        return tuple(_with_types(value) for value in node)
    return config_dict.placeholder(str) if node is None else node
