"""What a file holds of a model: arguments, weights, and the states of its random numbers."""

import keras
import numpy as np

SEED_GENERATORS = ("seed_generator", "test_seed_generator")


class Persistence:
    """Saves and restores a model; `components` names the arguments that are objects."""

    components: tuple[str, ...] = ()

    def save_own_variables(self, store):
        """The model's own weights, and the states of all random numbers.

        Keras leaves the states out of its weight files.
        """
        super().save_own_variables(store)
        for name, state in self._random_states().items():
            store[name] = np.asarray(state)

    def load_own_variables(self, store):
        """The model's own weights, and the states of all random numbers."""
        states = self._random_states()
        missing = sorted(states.keys() - store.keys())
        if missing:
            raise ValueError(
                f"The file holds no {', '.join(missing)}: it was written by a model with other "
                "layers."
            )
        own = store.keys() - states.keys()
        super().load_own_variables({name: store[name] for name in own})
        for name, state in states.items():
            state.assign(store[name])

    def _random_states(self):
        """The states of the model's streams of random numbers, and of its layers', by name."""
        generators = {name: getattr(self, name) for name in SEED_GENERATORS}
        for layer in self._flatten_layers(include_self=False):
            for generator in layer._seed_generators:
                generators[f"seed_generator_of_layers_{len(generators)}"] = generator
        return {name: generator.state for name, generator in generators.items()}

    def get_config(self):
        """The constructor's arguments; networks left to the model are those that it made."""
        config = {**super().get_config(), "latent_dim": self.latent_dim, "seed": self.seed}
        for name in self.components:
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config):
        """Rebuilds the components first."""
        components = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in cls.components
            if name in config
        }
        return cls(**{**config, **components})
