"""Data sets: TFDS builders, readers of raw files, and `load`, one function for all of them.

Every name is imported when it is first used, because TensorFlow Datasets takes seconds to import
and most programs need only one data set.
"""

import importlib
from typing import Any

_MODULES = {
    "CMUMocap": "cmu_mocap",
    "CMUMocapConfig": "cmu_mocap",
    "COIL20": "coil20",
    "COIL20Config": "coil20",
    "Motion": "motion",
    "Pendulum": "pendulum",
    "PendulumConfig": "pendulum",
    "PoseTransform": "motion",
    "SPRITE_FACTORS": "sprites",
    "Skeleton": "skeleton",
    "Sprites": "sprites_builder",
    "SpritesConfig": "sprites_builder",
    "area_average": "images",
    "as_arrays": "loading",
    "factor_sequences": "grid_sequences",
    "find_idx": "idx",
    "hue_shifted": "transformations",
    "load": "loading",
    "pendulum_images": "images",
    "pose_transform": "loading",
    "read_amc": "acclaim",
    "read_asf": "acclaim",
    "read_idx": "idx",
    "read_walk_jog": "motion",
    "rotated": "transformations",
    "scaled": "transformations",
    "sequences": "image_sequences",
    "sprite_grid": "sprites",
    "sprite_images": "sprites",
    "sprite_values": "sprites",
    "tilted": "transformations",
}

__all__ = [
    "COIL20",
    "SPRITE_FACTORS",
    "CMUMocap",
    "CMUMocapConfig",
    "COIL20Config",
    "Motion",
    "Pendulum",
    "PendulumConfig",
    "PoseTransform",
    "Skeleton",
    "Sprites",
    "SpritesConfig",
    "area_average",
    "as_arrays",
    "factor_sequences",
    "find_idx",
    "hue_shifted",
    "load",
    "pendulum_images",
    "pose_transform",
    "read_amc",
    "read_asf",
    "read_idx",
    "read_walk_jog",
    "rotated",
    "scaled",
    "sequences",
    "sprite_grid",
    "sprite_images",
    "sprite_values",
    "tilted",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
