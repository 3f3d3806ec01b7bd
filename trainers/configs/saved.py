"""The config of an earlier run. `--config=trainers/configs/saved.py:WORKDIR/config.json`."""

from trainers import config_file


def get_config(path="config.json"):
    """The config that a run has written."""
    return config_file.read(path)
