"""All that decides how training goes on, as arrays and JSON."""

import json
import random

import keras
import ml_dtypes
import numpy as np

# EarlyStopping and ReduceLROnPlateau turn its sign at the first epoch's end of each run.
_NOT_A_COUNTER = ("min_delta",)


def variables(model) -> dict:
    """The variables of a compiled model by the name that they have in a file.

    Weights, the states of all SeedGenerators, and the optimizers' moments and iterations.
    """
    if not model.optimizer.built:
        build = getattr(model, "build_optimizers", None)
        build() if build else model.optimizer.build(model.trainable_variables)
    optimizers = [v for v in vars(model).values() if isinstance(v, keras.optimizers.Optimizer)]
    own = [variable for optimizer in optimizers for variable in optimizer.variables]
    unique = {id(v): v for v in [*model.variables, *own]}
    return {f"variable_{i:05d}": variable for i, variable in enumerate(unique.values())}


def metric_variables(model) -> dict:
    """The variables of the running means of an epoch, by the name that they have in a file."""
    return {f"metric_{i:05d}": v for i, v in enumerate(model.metrics_variables)}


def arrays(named: dict) -> dict:
    """The values of named variables."""
    return {name: np.asarray(variable.numpy()) for name, variable in named.items()}


def fits(named: dict, found: dict) -> str | None:
    """Why arrays do not fit variables; None if they do."""
    prefix = next(iter(named), "").partition("_")[0]
    found = {name: value for name, value in found.items() if name.startswith(f"{prefix}_")}
    if len(found) != len(named):
        return f"{len(found)} variables there, {len(named)} here"
    for name, variable in named.items():
        if found[name].shape != tuple(variable.shape):
            return f"{variable.path}: shape {found[name].shape} there, {tuple(variable.shape)} here"
        if _typed(found[name], variable).dtype.name != variable.dtype:
            return f"{variable.path}: {found[name].dtype} there, {variable.dtype} here"
    return None


def assign(named: dict, found: dict):
    """Gives variables the values of arrays that fit them."""
    for name, variable in named.items():
        variable.assign(_typed(found[name], variable))


def _typed(value, variable):
    """NumPy reads back types that it does not know, as bfloat16, as plain bytes."""
    if value.dtype.kind == "V" and variable.dtype == "bfloat16":
        return value.view(ml_dtypes.bfloat16)
    return value


def config(model) -> dict:
    """What the model was made and compiled with, in dotted keys, without the names of layers."""
    try:
        plain = keras.saving.serialize_keras_object(model)
    except (NotImplementedError, TypeError):
        return {"class_name": type(model).__name__}
    # What JSON does not know counts by its type: its text may hold an address.
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


def differences(before: dict, now: dict) -> list[str]:
    """What differs between two configs, a line each."""
    absent = "absent"
    return [
        f"{key}: {before.get(key, absent)!r} there, {now.get(key, absent)!r} here"
        for key in sorted(before.keys() | now.keys())
        if before.get(key, absent) != now.get(key, absent)
    ]


def random_states() -> dict:
    """The states of Python's and NumPy's global generators, by which PyDatasets are shuffled."""
    numpy_state = np.random.get_state(legacy=False)
    numpy_state["state"]["key"] = numpy_state["state"]["key"].tolist()
    return {"python": random.getstate(), "numpy": numpy_state}


def set_random_states(states: dict):
    """Puts Python's and NumPy's global generators back."""
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    inner = states["numpy"]["state"]
    inner = {**inner, "key": np.asarray(inner["key"], np.uint32)}
    np.random.set_state({**states["numpy"], "state": inner})


def callback_state(callbacks) -> tuple[list[dict], dict]:
    """The counters of callbacks (numbers and words), and their lists of arrays (best weights)."""
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


def set_callback_state(callbacks, counters: list[dict], found: dict):
    """Puts the counters and lists of arrays of callbacks back."""
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
