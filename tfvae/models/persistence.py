"""The states of random numbers in a model's files, which Keras leaves out of them."""

from typing import Any

import numpy as np

SEED_GENERATORS = ("seed_generator", "test_seed_generator")


def save_random_states(model, store: Any) -> None:
    """Writes the states of the model's streams of random numbers, and of its layers', by name."""
    for name, state in random_states(model).items():
        store[name] = np.asarray(state)


def load_random_states(model, store: Any) -> dict[str, Any]:
    """Restores the states; returns what else the store holds.

    Raises:
        ValueError: when the store lacks a state.
    """
    states = random_states(model)
    missing = sorted(states.keys() - store.keys())
    if missing:
        raise ValueError(
            f"The file must hold {', '.join(missing)}, and does not: it was written by a model "
            "with other layers. Make the model as the saved one was made."
        )
    for name, state in states.items():
        state.assign(store[name])
    return {name: store[name] for name in store.keys() - states.keys()}


def random_states(model) -> dict[str, Any]:
    """The states of all streams of random numbers by name."""
    generators = {name: getattr(model, name) for name in SEED_GENERATORS}
    for layer in model._flatten_layers(include_self=False):
        for generator in layer._seed_generators:
            generators[f"seed_generator_of_layers_{len(generators)}"] = generator
    return {name: generator.state for name, generator in generators.items()}
