"""Encoders for images from `keras.applications`."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import keras

from tfvae import _checks


def backbone(
    name: str, weights: str | None = None, trainable: bool = True, **arguments: Any
) -> keras.Sequential:
    """A network of `keras.applications` without its classifier: image in [0, 1] -> features.

    The layer `ImageNetScaling` before it turns pixels into what the network was trained on.

    Args:
        name: of the function, such as "MobileNetV2" or "EfficientNetB0".
        weights: "imagenet" downloads weights, a path reads them; None: drawn anew.
        trainable: whether training changes the weights of the network.
        **arguments: of the function, such as `pooling` ("avg" by default) or `alpha`.

    Returns:
        A `keras.Sequential` for images (B, H, W, 3), or (B, H, W, 1), which become grey colours.

    Raises:
        ValueError: when there is no such network, with the names of all, or it does not take an
            argument.

    Example:
        >>> from tfvae import networks
        >>> encoder = networks.backbone("MobileNetV2", alpha=0.35)
        >>> encoder(keras.ops.zeros((2, 32, 32, 3))).shape
        TensorShape([2, 1280])
    """
    make = _function(name)
    own = {"include_top": False, "pooling": "avg", "weights": weights, **arguments}
    unknown = sorted({*own} - {*inspect.signature(make).parameters})
    if unknown:
        raise ValueError(
            f"`{unknown[0]}` must be an argument of keras.applications.{name}, which takes "
            f"{', '.join(inspect.signature(make).parameters)}."
        )
    network = make(**own)
    network.trainable = _checks.true_or_false("trainable", trainable)
    return keras.Sequential([ImageNetScaling(name), network])


@keras.saving.register_keras_serializable(package="tfvae")
class ImageNetScaling(keras.layers.Layer):
    """Pixels in [0, 1] to the inputs of a network of `keras.applications`.

    Applies the `preprocess_input` of the network to 255 x. Grey images get three channels.

    Args:
        network: name of the network, such as "MobileNetV2".

    Raises:
        ValueError: when there is no such network.

    Example:
        >>> from tfvae import networks
        >>> networks.ImageNetScaling("MobileNetV2")(keras.ops.ones((1, 1, 1, 1))).numpy().ravel()
        array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, network: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        # Each network's module has the function beside it; Keras exports both.
        module = sys.modules[_function(network).__module__]
        self._preprocess = module.preprocess_input

    def call(self, x: Any) -> Any:
        """Returns the inputs of the network, (B, H, W, 3)."""
        if x.shape[-1] == 1:
            x = keras.ops.repeat(x, 3, axis=-1)
        return self._preprocess(255.0 * x, data_format="channels_last")

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """Returns (B, H, W, 3)."""
        return (*input_shape[:-1], 3)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "network": self.network}


def _function(name: str) -> Callable[..., keras.Model]:
    """The function of a network; nothing else of `keras.applications`."""
    found = {
        key: value
        for key, value in vars(keras.applications).items()
        if inspect.isfunction(value) and "include_top" in inspect.signature(value).parameters
    }
    return found[_checks.one_of("name", name, sorted(found))]
