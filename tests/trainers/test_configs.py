"""All configs: a key changes only itself."""

import importlib
import pkgutil

import pytest

import trainers.configs
from trainers import config_file
from trainers.configs import settings

FAMILIES = [
    module.name
    for module in pkgutil.iter_modules(trainers.configs.__path__)
    if module.name not in ("saved", "settings")
]


def config_of(family, dataset):
    """The config, or None if the family has none for this data set."""
    module = importlib.import_module(f"trainers.configs.{family}")
    try:
        return module.get_config(dataset)
    except ValueError:
        return None


def different(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str) or value is None:
        return f"{value}?"
    return (*value, *value)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_key_changes_only_itself(family):
    """As the command line changes it: --config.model.encoder.hidden=32,16."""
    configs = [one for name in settings.DATASETS if (one := config_of(family, name)) is not None]
    assert configs
    for config in configs:
        before = config_file.flatten(config)
        for key, value in before.items():
            if value == {}:  # a group without keys
                continue
            config.update_from_flattened_dict({key: different(value)})
            now = config_file.flatten(config)
            assert [k for k in before if now[k] != before[k]] == [key]
            before = now
