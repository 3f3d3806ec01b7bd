"""The arguments of a model in a form to read: what Keras' configs say, without their machinery."""

from typing import Any

# Said elsewhere, or of use to Keras alone.
_LEFT_OUT = ("name", "trainable", "dtype", "seed", "batch_shape", "build_config", "data_format")


def readable(value: Any) -> Any:
    """A part of a Keras config as plain JSON.

    A serialized object becomes {"class": its name, **its arguments}, without those that are None or
    that Keras makes up; one without arguments its name, and a network the list of its layers.

    Example:
        >>> import keras
        >>> from tfvae.presets.readable import readable
        >>> network = keras.Sequential([keras.layers.Dense(8, activation="relu")])
        >>> config = readable(keras.saving.serialize_keras_object(network))
        >>> layer = config["layers"][0]
        >>> layer["class"], layer["units"], layer["kernel_initializer"]
        ('Dense', 8, 'GlorotUniform')
    """
    if isinstance(value, (list, tuple)):
        return [readable(one) for one in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if "class_name" not in value or not isinstance(config, dict):
        if value.get("class_name") == "__tuple__":
            return readable(value["items"])
        return {name: readable(one) for name, one in value.items()}
    name = value["class_name"]
    if "layers" in config:
        layers = [one for one in config["layers"] if one["class_name"] != "InputLayer"]
        return {"class": name, "layers": [readable(_without_edges(one)) for one in layers]}
    kept = {key: readable(one) for key, one in config.items() if key not in _LEFT_OUT}
    kept = {key: one for key, one in kept.items() if one is not None}
    return {"class": name, **kept} if kept else name


def _without_edges(layer: dict) -> dict:
    return {name: layer[name] for name in ("class_name", "config")}
