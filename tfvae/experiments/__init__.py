"""Experiments: from a config to a trained model, its report, figures and files, in one folder.

`tfvae train` and the other commands are made of these functions. A config is an
`ml_collections.ConfigDict`; `list_configs` tells which ones come with the package.
"""

from tfvae import _late
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

__getattr__, __dir__ = _late.names(__name__, _MODULES, globals())
