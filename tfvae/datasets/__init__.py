"""Data: TFDS builders, readers of raw files, and one function, `load`, that feeds any of them.

Every name is imported when it is first used, because TensorFlow Datasets takes seconds to import
and most programs need one source only.
"""

import importlib

_MODULES = {
    "CMUMocap": "cmu_mocap",
    "CMUMocapConfig": "cmu_mocap",
    "COIL20": "coil20",
    "COIL20Config": "coil20",
    "Motion": "motion",
    "Pendulum": "pendulum",
    "PendulumConfig": "pendulum",
    "PoseTransform": "motion",
    "Skeleton": "skeleton",
    "area_average": "images",
    "as_arrays": "loading",
    "find_idx": "idx",
    "load": "loading",
    "pendulum_images": "images",
    "pose_transform": "loading",
    "read_amc": "acclaim",
    "read_asf": "acclaim",
    "read_idx": "idx",
    "read_walk_jog": "motion",
}

__all__ = [
    "COIL20",
    "CMUMocap",
    "CMUMocapConfig",
    "COIL20Config",
    "Motion",
    "Pendulum",
    "PendulumConfig",
    "PoseTransform",
    "Skeleton",
    "area_average",
    "as_arrays",
    "find_idx",
    "load",
    "pendulum_images",
    "pose_transform",
    "read_amc",
    "read_asf",
    "read_idx",
    "read_walk_jog",
]


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
