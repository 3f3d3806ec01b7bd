"""The config of an earlier run. `--config=trainers/configs/saved.py:WORKDIR/config.json`."""

from ml_collections import config_dict

from trainers import config_file


def get_config(path: str = "config.json") -> config_dict.ConfigDict:
    """Returns the config that a run has written."""
    return config_file.read(path)
