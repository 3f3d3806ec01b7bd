"""Convolutional encoders and decoders, for images of any size and number of channels."""

import math
from collections.abc import Callable, Sequence

import keras

from tfvae import _checks


def _default_filters(height: int, width: int) -> tuple[int, ...]:
    """The filters of [JS19] for 64×64 images, with a layer less for each halving of the size."""
    depth = max(1, min(4, int(math.log2(min(height, width))) - 2))
    return (32, 32, 64, 64)[:depth]


def conv_encoder(
    filters: Sequence[int] | None = None,
    dense: int = 256,
    kernel_size: int = 4,
    activation: str | Callable | None = "relu",
    image_shape: Sequence[int] = (64, 64, 1),
    kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
) -> keras.Sequential:
    """Stride-2 convolutions and a dense layer: image -> features [JS19].

    Args:
        filters: of the convolutions, in order. None: 32, 32, 64, 64 for 64×64 images, as in the
            paper; 32, 32 for 28×28. The last grid is never smaller than 4×4.
        dense: units of the layer after the convolutions.
        kernel_size: of every convolution.
        activation: of every layer.
        image_shape: (height, width, channels), read only when `filters` is None.
        kernel_regularizer: of every layer, any that Keras knows, such as the
            `keras.regularizers.L2(4e-5)` of [JS19]; the penalty is a part of the loss.

    Returns:
        An unbuilt `keras.Sequential` for images of any size and number of channels.

    Raises:
        ValueError: when `image_shape` is not (height, width, channels), or a number of filters or
            units is not a whole number ≥ 1.

    Example:
        >>> from tfvae import networks
        >>> networks.conv_encoder(image_shape=(28, 28, 1))(keras.ops.zeros((5, 28, 28, 1))).shape
        TensorShape([5, 256])
    """
    height, width, _ = _image_shape("image_shape", image_shape)
    filters = _default_filters(height, width) if filters is None else filters
    kwargs = {"activation": activation, "kernel_regularizer": kernel_regularizer}
    layers = [
        keras.layers.Conv2D(_checks.positive_int("filters", n), kernel_size, 2, "same", **kwargs)
        for n in filters
    ]
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(_checks.positive_int("dense", dense), **kwargs),
    ]
    return keras.Sequential(layers)


def conv_decoder(
    output_shape: Sequence[int],
    filters: Sequence[int] | None = None,
    dense: int = 256,
    kernel_size: int = 4,
    activation: str | Callable | None = "relu",
    kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
) -> keras.Sequential:
    """The mirror image of `conv_encoder`: latent -> image [JS19].

    Args:
        output_shape: (height, width, channels) of the data.
        filters: the encoder's, in the encoder's order. None: as there.
        dense: units of the first layer.
        kernel_size: of every transposed convolution.
        activation: of every layer but the last, which is linear.
        kernel_regularizer: as for the encoder. It drives the weights of categories that a
            `CascadeVAE` does not use yet to zero, and all categories start equal. Without it, they
            often keep the distinctions that their initial weights happened to make.

    Returns:
        An unbuilt `keras.Sequential`. A size that is not a multiple of 2^layers is cropped from the
        next multiple.

    Raises:
        ValueError: when `output_shape` is not (height, width, channels), or `dense` is not a whole
            number ≥ 1.

    Example:
        >>> from tfvae import networks
        >>> networks.conv_decoder((28, 28, 3))(keras.ops.zeros((5, 10))).shape
        TensorShape([5, 28, 28, 3])
    """
    height, width, channels = _image_shape("output_shape", output_shape)
    filters = tuple(_default_filters(height, width) if filters is None else filters)
    stride = 2 ** len(filters)
    grid = (math.ceil(height / stride), math.ceil(width / stride))
    kwargs = {"activation": activation, "kernel_regularizer": kernel_regularizer}
    layers = [
        keras.layers.Dense(_checks.positive_int("dense", dense), **kwargs),
        keras.layers.Dense(grid[0] * grid[1] * filters[-1], **kwargs),
        keras.layers.Reshape((*grid, filters[-1])),
    ]
    for n in filters[-2::-1]:
        layers.append(keras.layers.Conv2DTranspose(n, kernel_size, 2, "same", **kwargs))
    kwargs = {"kernel_regularizer": kernel_regularizer}
    layers.append(keras.layers.Conv2DTranspose(channels, kernel_size, 2, "same", **kwargs))
    crop = (grid[0] * stride - height, grid[1] * stride - width)
    if any(crop):
        layers.append(keras.layers.Cropping2D([(total // 2, total - total // 2) for total in crop]))
    return keras.Sequential(layers)


def check_data_format() -> None:
    """Raises a ValueError where Keras is set to channels first: images of tfvae have them last."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "`keras.config.image_data_format()` must be 'channels_last' for the networks that "
            "tfvae builds for images, received 'channels_first'. Move the channels, "
            "np.moveaxis(x, 1, -1), and call keras.config.set_image_data_format('channels_last'); "
            "or hand in an encoder and a decoder of your own."
        )


def _image_shape(name: str, shape: Sequence[int]) -> tuple[int, int, int]:
    check_data_format()
    shape = tuple(shape)
    if len(shape) != 3:
        raise ValueError(
            f"`{name}` must be (height, width, channels), received {shape}. Give grey images a "
            "last axis of 1: x[..., None]."
        )
    return tuple(_checks.positive_int(name, length) for length in shape)
