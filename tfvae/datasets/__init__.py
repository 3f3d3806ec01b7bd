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
    "EventCoordinates": "event_coordinates",
    "Events": "event_files",
    "Motion": "motion",
    "Pendulum": "pendulum",
    "PendulumConfig": "pendulum",
    "PoseTransform": "motion",
    "SPRITE_FACTORS": "sprites",
    "Skeleton": "skeleton",
    "Sprites": "sprites_builder",
    "SpritesConfig": "sprites_builder",
    "TwoBodyDecays": "decays_builder",
    "TwoBodyDecaysConfig": "decays_builder",
    "area_average": "images",
    "as_arrays": "loading",
    "azimuth": "kinematics",
    "boosted": "kinematics",
    "event_observables": "kinematics",
    "factor_sequences": "grid_sequences",
    "find_idx": "idx",
    "four_vectors": "kinematics",
    "hue_shifted": "transformations",
    "invariant_mass": "kinematics",
    "load": "loading",
    "pendulum_images": "images",
    "pose_transform": "loading",
    "pseudorapidity": "kinematics",
    "read_amc": "acclaim",
    "read_asf": "acclaim",
    "read_idx": "idx",
    "read_lhe": "event_files",
    "read_root": "event_files",
    "read_walk_jog": "motion",
    "rotated": "transformations",
    "scaled": "transformations",
    "sequences": "image_sequences",
    "sprite_grid": "sprites",
    "sprite_images": "sprites",
    "sprite_values": "sprites",
    "tilted": "transformations",
    "transverse_momentum": "kinematics",
    "two_body_decays": "decays",
}

__all__ = [
    "COIL20",
    "SPRITE_FACTORS",
    "CMUMocap",
    "CMUMocapConfig",
    "COIL20Config",
    "EventCoordinates",
    "Events",
    "Motion",
    "Pendulum",
    "PendulumConfig",
    "PoseTransform",
    "Skeleton",
    "Sprites",
    "SpritesConfig",
    "TwoBodyDecays",
    "TwoBodyDecaysConfig",
    "area_average",
    "as_arrays",
    "azimuth",
    "boosted",
    "event_observables",
    "factor_sequences",
    "find_idx",
    "four_vectors",
    "hue_shifted",
    "invariant_mass",
    "load",
    "pendulum_images",
    "pose_transform",
    "pseudorapidity",
    "read_amc",
    "read_asf",
    "read_idx",
    "read_lhe",
    "read_root",
    "read_walk_jog",
    "rotated",
    "scaled",
    "sequences",
    "sprite_grid",
    "sprite_images",
    "sprite_values",
    "tilted",
    "transverse_momentum",
    "two_body_decays",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
