"""Dense encoders and decoders, for vectors and for anything that can be flattened."""

import functools
import math
from collections.abc import Callable, Sequence

import keras

from tfvae import _checks


def mlp(
    hidden: Sequence[int] = (256, 256),
    output_shape: Sequence[int] | None = None,
    activation: str | Callable | None = "relu",
    normalize: bool = False,
    kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
) -> keras.Sequential:
    """Dense layers: an encoder x -> features, or with `output_shape` a decoder z -> outputs.

    Args:
        hidden: units of the hidden layers, in order.
        output_shape: shape of one example of the data; None for an encoder.
        activation: of the hidden layers, any that Keras knows; a decoder's last layer is linear.
        normalize: whether the first layer is a LayerNormalization over the features. It helps
            decoders whose latents are far from zero mean and unit scale, as in a `TopographicVAE`.
        kernel_regularizer: of every dense layer, any that Keras knows, such as
            `keras.regularizers.L2(4e-5)`; the penalty is a part of the loss.

    Returns:
        An unbuilt `keras.Sequential`; it flattens inputs of any shape.

    Raises:
        ValueError: when a number of units or a length of the shape is not a whole number ≥ 1.

    Example:
        >>> from tfvae import networks
        >>> decoder = networks.mlp([64, 64], output_shape=(16, 16, 1))
        >>> decoder(keras.ops.zeros((5, 2))).shape
        TensorShape([5, 16, 16, 1])
    """
    dense = functools.partial(keras.layers.Dense, kernel_regularizer=kernel_regularizer)
    layers = [keras.layers.Flatten()]
    if normalize:
        layers.append(keras.layers.LayerNormalization())
    for units in _checks.positive_ints("hidden", hidden):
        layers.append(dense(units, activation))
    if output_shape is not None:
        shape = _checks.positive_ints("output_shape", output_shape)
        layers += [dense(math.prod(shape)), keras.layers.Reshape(shape)]
    return keras.Sequential(layers)
