"""What a sweep trains: configs, a grid of their keys, and seeds, and what its tables show."""

import dataclasses
import difflib
import hashlib
import importlib.resources
import itertools
import os
import pathlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_collections import config_dict

from tfvae.experiments import config_file, loading
from tfvae.experiments.errors import UserError

METRICS = (
    "ELBO",
    "rate",
    "distortion",
    "constraint",
    "log-likelihood",
    "KL(aggregated posterior ‖ prior)",
)
TRADEOFF = ("constraint", "KL(aggregated posterior ‖ prior)")
# Where the files of the package are, and how their names end.
_FILES = importlib.resources.files("tfvae.experiments.sweeps") / "files"
_ENDING = ".toml"
# A name of a file or a folder has at most 255 bytes.
_LONGEST = 180


class Trial(NamedTuple):
    """One run of a sweep.

    Attributes:
        name: of its folder, after its settings.
        label: name of its config.
        settings: values of the keys of the grid, those that its config has.
        seed: seed of the run.
        config: the config of the run.
    """

    name: str
    label: str
    settings: dict[str, Any]
    seed: int
    config: config_dict.ConfigDict


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Configs × values of their keys × seeds.

    A key that some of the configs do not have, such as a bound beside a VAE without one, is set in
    the others alone.

    Attributes:
        configs: names of configs, as for `load_config`. A file is a program that is run.
        grid: values by key: {"model.latent_dim": [2, 4]}. A value may be a text, which becomes a
            value of the type that the key has.
        seeds: a run for each.
        keys: values of other keys, the same in all runs: {"epochs": 20}.
        metrics: what the tables show, and sort by (the first): names in the report of a run, or how
            only one of them begins.
        tradeoff: two of these, for the axes of the Pareto front.

    Raises:
        UserError: if there is no config or seed, a name, key or value is unknown or given twice.

    Example:
        >>> from tfvae.experiments import Sweep
        >>> plan = Sweep(["vae:digits"], {"model.latent_dim": [2, 4]}, seeds=[0, 1])
        >>> [trial.name for trial in plan.trials()][:2]
        ['vae-digits_model.latent_dim=2_seed=0', 'vae-digits_model.latent_dim=2_seed=1']
    """

    configs: Sequence[str]
    grid: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    seeds: Sequence[int] = (0,)
    keys: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    metrics: Sequence[str] = METRICS
    tradeoff: Sequence[str] = TRADEOFF

    def __post_init__(self):
        for name in ("configs", "seeds", "metrics"):
            values = getattr(self, name)
            _check_list(name, values)
        for key, values in self.grid.items():
            _check_list(f"grid.{key}", values)
        if any(isinstance(seed, bool) or not isinstance(seed, int) for seed in self.seeds):
            raise UserError(f"--seeds must be whole numbers, received {list(self.seeds)}.")
        if "seed" in {*self.grid, *self.keys}:
            raise UserError(
                "--seeds gives the seeds; --config.seed and --grid.seed must be absent."
            )
        twice = sorted({*self.grid} & {*self.keys})
        if twice:
            raise UserError(f"--grid.{twice[0]} and --config.{twice[0]} exclude each other.")
        if len(self.tradeoff) != 2 or isinstance(self.tradeoff, str):
            raise UserError(f"--tradeoff must be two metrics, received {self.tradeoff!r}.")

    def bases(self) -> dict[str, config_dict.ConfigDict]:
        """Returns the configs by name, with `keys` set."""
        configs = {name: loading.load_config(name) for name in self.configs}
        known = {name: config_file.flatten(config) for name, config in configs.items()}
        for key in {**self.keys, **self.grid}:
            if not any(key in leaves for leaves in known.values()):
                loading.set_keys(next(iter(configs.values())), {key: ""})  # That says why not.
        for name, config in configs.items():
            keys = {key: spelled(v) for key, v in self.keys.items() if key in known[name]}
            loading.set_keys(config, keys)
        return configs

    def trials(self) -> list[Trial]:
        """Returns all runs: config by config, value by value, seed by seed."""
        found = []
        for label, base in self.bases().items():
            own = [key for key in self.grid if key in config_file.flatten(base)]
            for values in itertools.product(*(self.grid[key] for key in own)):
                texts = {key: spelled(value) for key, value in zip(own, values, strict=True)}
                for seed in self.seeds:
                    found.append(_trial(label, base, texts, seed))
        names = [trial.name for trial in found]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"--grid must have different values, received {name} twice.")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Returns the arguments, as plain lists and dicts."""
        grid = {key: list(values) for key, values in self.grid.items()}
        lists = {name: list(getattr(self, name)) for name in ("configs", "seeds", "metrics")}
        return {**lists, "grid": grid, "keys": dict(self.keys), "tradeoff": list(self.tradeoff)}


def split(text: str) -> list[str]:
    """Splits a list at its commas, but not within brackets.

    Example:
        >>> from tfvae.experiments.sweeps import split
        >>> split("2,4"), split("(32,16),(64,)")
        (['2', '4'], ['(32,16)', '(64,)'])
    """
    parts = re.findall(r"(?:[^,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+", text)
    if not parts or ",".join(parts) != text:
        raise UserError(
            f"A list must be values with a comma between two of them, tuples in brackets, as in "
            f"2,4 or (32,16),(64,64), received {text!r}."
        )
    return [part.strip() for part in parts]


def spelled(value: Any) -> str:
    """Returns the text that `set_keys` makes the value of.

    Example:
        >>> from tfvae.experiments.sweeps import spelled
        >>> spelled([32, 16]), spelled(True), spelled(0.001), spelled("(64,)")
        ('32,16', 'true', '0.001', '64')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(spelled, value))
    text = str(value)
    if text[:1] + text[-1:] in ("()", "[]"):
        return text[1:-1].rstrip(", ")
    return text


def read(name: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a file of a sweep: TOML with the arguments of `Sweep`, `keys` as a table `config`.

    Args:
        name: path of a file, or the name of one of the package, such as "digits_models". It is
            read, never run; what it names as `configs` is another matter: see `load_config`.

    Returns:
        Arguments of `Sweep`.

    Raises:
        UserError: if there is no such file, or it is not such a file, with the entries it may have.

    Example:
        >>> from tfvae.experiments import sweeps
        >>> plan = sweeps.Sweep(**sweeps.read("digits_models"))
        >>> len(plan.trials())
        12
    """
    path = pathlib.Path(name)
    known = files()
    if not path.is_file() and str(name) in known:
        path = pathlib.Path(str(_FILES / f"{name}{_ENDING}"))
    if not path.is_file():
        raise UserError(
            f"--file must be a file, or one of the package: {', '.join(known)}, received {name}."
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--file must be TOML, received {path}: {error}.") from error
    entries = ("configs", "seeds", "config", "grid", "metrics", "tradeoff")
    for entry in found:
        if entry not in entries:
            near = difflib.get_close_matches(entry, entries, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UserError(
                f"--file must have some of {', '.join(entries)}, received {entry!r} in "
                f"{path}.{hint}"
            )
    for table in ("config", "grid"):
        if not isinstance(found.get(table, {}), dict):
            raise UserError(f"--file must have keys in [{table}], received none in {path}.")
    arguments = {key: value for key, value in found.items() if key not in ("config", "grid")}
    keys, grid = (config_file.flattened(found.get(table, {})) for table in ("config", "grid"))
    _check_no_code(arguments.get("configs", []), {**keys, **grid}, path)
    return {**arguments, "keys": keys, "grid": grid}


def files() -> list[str]:
    """Returns the names of the package's files, for `read`."""
    names = (path.name for path in _FILES.iterdir())
    return sorted(name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING))


def summaries() -> dict[str, str]:
    """Returns the names of the package's files, and the sentences at their heads."""
    found = {}
    for name in files():
        lines = (_FILES / f"{name}{_ENDING}").read_text(encoding="utf-8").splitlines()
        head = itertools.takewhile(lambda line: line.startswith("#"), lines)
        found[name] = " ".join(line.removeprefix("#").strip() for line in head).removesuffix(".")
    return found


def _check_no_code(configs, keys, path):
    """Refuses what would run code that a file names, and not the user."""
    from tfvae.experiments import own_networks

    programs = [("configs", name) for name in configs if re.search(r"\.py(:|$)", str(name))]
    networks = [
        (f"config.{key}", name)
        for key, value in keys.items()
        for name in (value if isinstance(value, list) else [value])
        if own_networks.dotted({key: name})
    ]
    for option, name in (*programs, *networks):
        raise UserError(
            f"--file must name no code that would be run, received {name!r} in {path}. Leave it "
            f"out there, and give --{option}={name} on the command line."
        )


def _trial(label, base, texts, seed):
    config = base.copy_and_resolve_references()
    with config.unlocked():
        config.seed = int(seed)
    loading.set_keys(config, texts)
    leaves = config_file.flatten(config)
    settings = {key: leaves[key] for key in texts}
    words = [f"{key}={_word(value)}" for key, value in settings.items()]
    name = re.sub(r"[^\w.=+-]+", "-", "_".join([label, *words, f"seed={seed}"]))
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return Trial(name, label, settings, int(seed), config)


def _word(value: Any) -> str:
    """A value as a part of a name: 64x64 for a tuple."""
    return "x".join(map(_word, value)) if isinstance(value, list) else f"{value}"


def _check_list(name, values):
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence) or not values:
        raise UserError(f"--{name} must be a list with at least one value, received {values!r}.")
    for value in values:
        if list(values).count(value) > 1:
            raise UserError(f"--{name} must have different values, received {value!r} twice.")
