"""The state that determines how training continues, as arrays and JSON."""

import json
import random
from collections.abc import Sequence
from typing import Any

import keras
import ml_dtypes
import numpy as np

# EarlyStopping and ReduceLROnPlateau flip its sign at the end of the first epoch of each run.
_NOT_A_COUNTER = ("min_delta",)


def variables(model: keras.Model) -> dict[str, Any]:
    """Returns the variables of a compiled model by their name in the file.

    These are the weights, the states of all SeedGenerators, and the variables of the model's
    optimizer and of those of its penalties.
    """
    if not model.optimizer.built:
        build = getattr(model, "build_optimizers", None)
        build() if build else model.optimizer.build(model.trainable_variables)
    owners = [model, *getattr(model, "penalties", ())]
    attributes = [value for owner in owners for value in vars(owner).values()]
    optimizers = [one for one in attributes if isinstance(one, keras.optimizers.Optimizer)]
    own = [variable for optimizer in optimizers for variable in optimizer.variables]
    # The optimizers of penalties are not among the attributes of the model.
    own += getattr(model, "training_state", [])
    unique = {id(v): v for v in [*model.variables, *own]}
    return {f"variable_{i:05d}": variable for i, variable in enumerate(unique.values())}


def metric_variables(model: keras.Model) -> dict[str, Any]:
    """Returns the variables of the metrics of an epoch, by their name in the file."""
    return {f"metric_{i:05d}": v for i, v in enumerate(model.metrics_variables)}


def arrays(named: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns the values of named variables."""
    return {name: np.asarray(variable.numpy()) for name, variable in named.items()}


def fits(named: dict[str, Any], found: dict[str, np.ndarray]) -> str | None:
    """Returns why saved arrays do not fit the variables; None if they do."""
    prefix = next(iter(named), "").partition("_")[0]
    found = {name: value for name, value in found.items() if name.startswith(f"{prefix}_")}
    if len(found) != len(named):
        return f"variables: saved {len(found)}, now {len(named)}"
    for name, variable in named.items():
        if found[name].shape != tuple(variable.shape):
            return f"{variable.path}: saved shape {found[name].shape}, now {tuple(variable.shape)}"
        if _typed(found[name], variable).dtype.name != variable.dtype:
            return f"{variable.path}: saved {found[name].dtype}, now {variable.dtype}"
    return None


def assign(named: dict[str, Any], found: dict[str, np.ndarray]) -> None:
    """Assigns the values of arrays that fit to the variables."""
    for name, variable in named.items():
        variable.assign(_typed(found[name], variable))


def _typed(value, variable):
    """Restores bfloat16, which NumPy reads back as plain bytes."""
    if value.dtype.kind == "V" and variable.dtype == "bfloat16":
        return value.view(ml_dtypes.bfloat16)
    return value


def config(model: keras.Model) -> dict[str, Any]:
    """Returns the model's configuration and compilation in dotted keys, without layer names."""
    try:
        plain = keras.saving.serialize_keras_object(model)
    except (NotImplementedError, TypeError):
        return {"class_name": type(model).__name__}
    # Objects that are not JSON are compared by type: their text may contain an address.
    plain = json.loads(json.dumps(plain, default=lambda value: type(value).__name__))
    return dict(_flat(plain))


def _flat(value, key=""):
    if isinstance(value, dict) and value:
        for name, part in value.items():
            if name not in ("name", "build_config", "shared_object_id"):
                yield from _flat(part, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value:
        for i, part in enumerate(value):
            yield from _flat(part, f"{key}.{i}")
    else:
        yield key, value


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Returns the differences between two configs, one line each."""
    absent = "absent"
    return [
        f"{key}: saved {before.get(key, absent)!r}, now {now.get(key, absent)!r}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key, absent) != now.get(key, absent)
    ]


def random_states() -> dict[str, Any]:
    """Returns the states of Python's and NumPy's global generators, which shuffle PyDatasets."""
    numpy_state = np.random.get_state(legacy=False)
    numpy_state["state"]["key"] = numpy_state["state"]["key"].tolist()
    return {"python": random.getstate(), "numpy": numpy_state}


def set_random_states(states: dict[str, Any]) -> None:
    """Restores the states of Python's and NumPy's global generators."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    inner = states["numpy"]["state"]
    inner = {**inner, "key": np.asarray(inner["key"], np.uint32)}
    np.random.set_state({**states["numpy"], "state": inner})


def callback_state(
    callbacks: Sequence[keras.callbacks.Callback],
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Returns the callbacks' numbers and strings, and their lists of arrays (best weights)."""
    counters, lists = [], {}
    for i, callback in enumerate(callbacks):
        attributes = {k: v for k, v in vars(callback).items() if k[0] != "_"}
        counters.append({})
        for key, value in attributes.items():
            value = value.item() if isinstance(value, np.generic) else value
            if key not in _NOT_A_COUNTER and isinstance(value, (int, float, str, type(None))):
                counters[i][key] = value
            elif isinstance(value, list) and all(
                isinstance(v, (np.ndarray, np.generic)) for v in value
            ):
                lists |= {f"callback_{i}_{key}_{j:05d}": v for j, v in enumerate(value)}
    return counters, lists


def set_callback_state(
    callbacks: Sequence[keras.callbacks.Callback],
    counters: list[dict[str, Any]],
    found: dict[str, np.ndarray],
) -> None:
    """Restores the callbacks' numbers, strings and lists of arrays."""
    for i, (callback, attributes) in enumerate(zip(callbacks, counters, strict=True)):
        for key, value in attributes.items():
            setattr(callback, key, value)
        prefix = f"callback_{i}_"
        lists = {}
        for name in sorted(name for name in found if name.startswith(prefix)):
            key, _, _ = name.removeprefix(prefix).rpartition("_")
            lists.setdefault(key, []).append(found[name])
        for key, value in lists.items():
            setattr(callback, key, value)
