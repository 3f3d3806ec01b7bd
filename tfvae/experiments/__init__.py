"""Experiments: from a config to a trained model, its report, figures and files, in one folder.

`tfvae train` and the other commands are made of these functions. A config is an
`ml_collections.ConfigDict`; `list_configs` tells which ones come with the package.
"""

import importlib
from typing import Any

from tfvae.experiments.errors import UserError
from tfvae.experiments.loading import ConfigFamily, list_configs, load_config, set_keys

# They draw figures: what these import takes seconds, and the command line is checked before.
_MODULES = {
    "Sweep": "sweeps",
    "SweepTable": "sweeps",
    "compare": "comparison",
    "run": "training",
    "sweep": "sweeps",
}

__all__ = [
    "ConfigFamily",
    "Sweep",
    "SweepTable",
    "UserError",
    "compare",
    "list_configs",
    "load_config",
    "run",
    "set_keys",
    "sweep",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
