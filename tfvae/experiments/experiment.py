"""Makes the model of a config."""

import collections.abc
import difflib
import inspect
from typing import Any

import keras
from ml_collections import config_dict

import tfvae
import tfvae.tables
from tfvae.experiments import own_networks
from tfvae.experiments.run_data import TrainingData
from tfvae.models import LatentVariableModel

_SCHEDULES = keras.optimizers.schedules
# Numbers that may change during training; a group with a `name` is a schedule of the steps.
COEFFICIENTS = (
    "alpha",
    "beta",
    "beta_high",
    "beta_low",
    "classifier_weight",
    "continuous",
    "diagonal_ratio",
    "kappa",
    "nu",
    "tau",
    "temperature",
    "weight",
)
# The package of a group's `name`, by the key of the group, or by the keys of its parent and itself.
PACKAGES = {
    "model": tfvae,
    "encoder": tfvae.networks,
    "encoder_u": tfvae.networks,
    "decoder": tfvae.networks,
    "likelihood": tfvae.likelihoods,
    "prior": tfvae.priors,
    "neighborhood": tfvae.distributions,
    "discrete": tfvae.discrete,
    "assignment": tfvae.assignment,
    "objective": tfvae.objectives,
    "objective.discrete": _SCHEDULES,
    "multiplier": tfvae.objectives,
    "penalties": tfvae.penalties,
    "discriminator": tfvae.networks,
    "kernel_regularizer": keras.regularizers,
    "optimizer": keras.optimizers,
    "learning_rate": _SCHEDULES,
    **dict.fromkeys(COEFFICIENTS, _SCHEDULES),
}
# The name of a likelihood with one part for each column of a table.
COLUMNS = "columns"
# Keys that count something.
COUNTS = ("epochs", "batch_size", "report.num_samples", "report.num_examples")


def check_counts(config: config_dict.ConfigDict) -> None:
    """Raises a ValueError if a key that counts something is below 1."""
    for key in COUNTS:
        value = config
        for part in key.split("."):
            value = value[part]
        if value < 1:
            raise ValueError(f"--config.{key} must be at least 1, received {value}.")


def create(kind: str, settings: collections.abc.Mapping[str, Any], **more: Any) -> Any:
    """Creates the object that a group of a config describes.

    Args:
        kind: key of the group, as in `PACKAGES`.
        settings: a `name` and its arguments. An argument that is a group is created first; it is
            left out if its `name` is empty. An argument that is a group of groups, such as
            `penalties`, becomes a list of objects with the names of their keys.
        **more: arguments that are not in the config.

    Raises:
        ValueError: for an unknown name or argument, with the nearest ones.
    """
    return _create(kind, {**settings, **more})


def _create(kind: str, settings: dict[str, Any], **finished: Any) -> Any:
    """Creates an object; `finished` are arguments that are no part of the config."""
    maker = _maker(kind, settings["name"])
    arguments = {}
    for key, value in settings.items():
        inner = f"{kind}.{key}" if f"{kind}.{key}" in PACKAGES else key
        if not isinstance(value, collections.abc.Mapping) or inner not in PACKAGES:
            arguments[key] = value
        elif "name" not in value:
            groups = {label: group for label, group in value.items() if group["name"]}
            arguments[key] = [_create(inner, one, name=label) for label, one in groups.items()]
        elif value["name"]:
            arguments[key] = _create(inner, value)
    del arguments["name"]
    try:
        return maker(**arguments, **finished)
    except (TypeError, ValueError) as error:
        known = ", ".join(inspect.signature(maker).parameters)
        raise ValueError(f"{kind}: {error} ({settings['name']} takes {known})") from error


def _maker(kind: str, name: str) -> collections.abc.Callable[..., Any]:
    """Returns the class or function of a name."""
    if "." in name and kind in own_networks.KINDS:
        return own_networks.maker(name)
    package = PACKAGES[kind]
    maker = getattr(package, name, None)
    if not callable(maker):
        names = [n for n in dir(package) if callable(getattr(package, n)) and n[0] != "_"]
        nearest = ", ".join(difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names)
        raise ValueError(
            f"{kind}.name must be a name in {package.__name__}, received {name!r}. "
            f"Nearest: {nearest}."
        )
    return maker


def build_model(
    config: config_dict.ConfigDict,
    data_shape: tuple[int, ...],
    table: tfvae.tables.Table | None = None,
) -> LatentVariableModel:
    """Returns the compiled model, built for `data_shape`, with weights drawn by `config.seed`.

    The likelihood with the name "columns" is that of the table; `model.columns` are its features.
    """
    keras.utils.set_random_seed(config.seed)
    settings = config.model.to_dict()
    # The networks of a model of sequences see one frame at a time.
    shape = data_shape[1:] if config.data.sequences else data_shape
    if settings["likelihood"]["name"] == COLUMNS:
        if table is None:
            raise ValueError(
                f"--config.model.likelihood.name must be {COLUMNS} for --config.data.name=table "
                f"alone, received it for {config.data.name}. Choose another one, such as Gaussian."
            )
        settings["likelihood"] = table.likelihood()
        shape = settings["likelihood"].decoder_output_shape(shape)
    settings["decoder"] = create("decoder", settings["decoder"], output_shape=shape)
    model = create("model", settings, seed=config.seed)
    check_needs(model, config)
    if table is not None:
        # Figures and messages name the features then.
        model.columns = table.get_feature_names_out().tolist()
    model.build((None, *data_shape))
    model.compile(create("optimizer", config.optimizer.to_dict()))
    return model


def check_needs(model: LatentVariableModel, config: config_dict.ConfigDict) -> None:
    """Raises a ValueError if the data of the config do not give what the model needs beside x."""
    name, supervised = type(model).__name__, config.data.supervised
    other = [need for need in model.needs.names if need != "labels"]
    if other:
        raise ValueError(
            f"--config.model must describe a model that needs only x and labels, received a {name} "
            f"that needs {' and '.join(other)}. Train it by `fit` of the library."
        )
    if "labels" in model.needs.required and not supervised:
        raise ValueError(
            f"--config.data.supervised must be True, received False. This {name} needs labels, as "
            f"its categories are {type(model.discrete).__name__}."
        )
    if supervised and "labels" not in model.needs.names:
        raise ValueError(
            f"--config.data.supervised must be False, received True. This {name} takes no labels; "
            "--config.model.discrete.name=Labels makes a model that does."
        )


def start_prior(model: LatentVariableModel, data: TrainingData) -> None:
    """Starts a prior made of training examples (VampPrior) with the first examples of epoch 0."""
    if not hasattr(model.prior, "adapt"):
        return
    size = min(model.prior.num_components, data.size)
    examples = next(data.batches(0, 1).unbatch().batch(size).as_numpy_iterator())
    model.prior.adapt(keras.utils.unpack_x_y_sample_weight(examples)[0])
