"""Lists the models, the data sets, the configs and the sweeps, a line each.

    tfvae list
    tfvae list configs

`models` are classes of the package: tfvae.VHPVAE. `datasets` are names for tfvae.datasets.load, and
for the key data.name of a config. `configs` are experiments, for --config: vhp_vae:pendulum is the
config vhp_vae with one of its data sets. `data` are these data sets; the last ones are files of
your own. `sweeps` are many runs, for `tfvae sweep`.
"""

import argparse
import re

from tfvae.commands.parsing import Parser

# What can be listed, and the line above it.
TITLES = {
    "models": "Models: tfvae.NAME",
    "datasets": "Data sets: tfvae.datasets.load(NAME)",
    "configs": "Configs: tfvae train --config=NAME:DATASET",
    "data": "Data sets of configs: tfvae train --config=CONFIG:NAME",
    "sweeps": "Sweeps: tfvae sweep --file=NAME",
}


# What stands for all other names in the table of `load`.
CATALOGUE = "any name in the TFDS catalogue"


def add_arguments(parser: Parser) -> None:
    """What to list."""
    parser.add_argument("what", nargs="?", choices=TITLES, help="One of the lists; default: all.")


def run(options: argparse.Namespace) -> None:
    """Prints the lists."""
    lists = {
        "models": models,
        "datasets": datasets,
        "configs": configs,
        "data": data,
        "sweeps": sweeps,
    }
    if options.what:
        print(_table(lists[options.what]()))
    else:
        tables = (f"{title}\n{_table(lists[what](), '  ')}" for what, title in TITLES.items())
        print("\n\n".join(tables))


def models() -> dict[str, str]:
    """Names of models, and the first sentence of their docstrings."""
    import tfvae
    from tfvae.models import LatentVariableModel

    found = {name: getattr(tfvae, name) for name in tfvae.__all__}
    return {
        name: re.split(r"\.(?:\s|$)", " ".join(value.__doc__.split()), maxsplit=1)[0]
        for name, value in found.items()
        if isinstance(value, type) and issubclass(value, LatentVariableModel)
    }


def datasets() -> dict[str, str]:
    """Names of data sets, with x, y and the raw files that they need: the table of `load`."""
    import tfvae.datasets

    rows = re.findall(r"^ *\| (.*) \|$", tfvae.datasets.load.__doc__, re.MULTILINE)
    _, *cells = [row.split(" | ") for row in rows]
    return {
        name: f"{x} → {y}" + ("" if raw == "–" else f"; needs {raw}") for name, x, y, raw in cells
    }


def data() -> dict[str, str]:
    """What may follow the colon of a config, with the data set that it is; own files at the end."""
    from tfvae.experiments import own_table
    from tfvae.experiments.configs import settings

    known = {**datasets(), own_table.NAME: own_table.SUMMARY}
    found = {}
    for name, chosen in {**settings.DATASETS, **settings.OWN}.items():
        source = chosen["data"]["name"]
        words = known.get(source, known[CATALOGUE])
        if "; needs " in words:
            words += ", as --config.data.path"
        found[name] = words if name == source else f"{source} as published: {words}"
    return found


def sweeps() -> dict[str, str]:
    """Names of the package's sweeps, and what they show."""
    from tfvae.experiments.sweeps import plan

    return plan.summaries()


def configs() -> dict[str, str]:
    """Names of configs, with what they train and on which data sets."""
    from tfvae.experiments import list_configs

    return {one.name: f"{one.summary} [{', '.join(one.choices)}]" for one in list_configs()}


def _table(lines: dict[str, str], indent: str = "") -> str:
    width = max(map(len, lines))
    return "\n".join(f"{indent}{name:{width}}  {words}" for name, words in lines.items())
