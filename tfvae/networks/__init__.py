"""Encoder and decoder builders; any Keras model or layer serves in their place."""

import functools
from collections.abc import Sequence

import keras

from tfvae import _late
from tfvae.networks.backbone import ImageNetScaling, backbone
from tfvae.networks.color_histogram import ColorHistogram
from tfvae.networks.columns import Columns
from tfvae.networks.convolutional import check_data_format, conv_decoder, conv_encoder
from tfvae.networks.corruptions import DroppedPatches, MaskingNoise, SaltAndPepper
from tfvae.networks.dense import mlp
from tfvae.networks.heads import (
    CategoricalHead,
    GaussianHead,
    PointHead,
)
from tfvae.networks.standardize import Standardize

__all__ = [
    "CategoricalHead",
    "ColorHistogram",
    "Columns",
    "DroppedPatches",
    "GaussianHead",
    "ImageNetScaling",
    "MaskingNoise",
    "PointHead",
    "SaltAndPepper",
    "Standardize",
    "backbone",
    "conv_decoder",
    "conv_encoder",
    "default_decoder",
    "default_encoder",
    "mlp",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())


def _is_image(data_shape: tuple[int, ...]) -> bool:
    """Whether convolutions pay off: at least 24 pixels in height and width, at most 4 channels."""
    if len(data_shape) != 3:
        return False
    check_data_format()
    return min(data_shape[:2]) >= 24 and data_shape[2] <= 4


def default_encoder(
    data_shape: tuple[int, ...], columns: Sequence[str | int] | None = None
) -> keras.Sequential:
    """Convolutions for images of at least 24×24 pixels, else dense layers of 256, 256 units.

    Its first layer is a `Standardize`, or `Columns(columns)` for a table whose columns are not all
    plain numbers.
    """
    network = conv_encoder(image_shape=data_shape) if _is_image(data_shape) else mlp()
    first = Standardize if columns is None else functools.partial(Columns, columns)
    return keras.Sequential([first(dtype="float32"), *network.layers])


def default_decoder(data_shape: tuple[int, ...], means: bool = True) -> keras.Sequential:
    """The mirror image of `default_encoder`.

    Its last layer is the inverse `Standardize` if its outputs are `means` of the data, and not
    logits or other parameters of a likelihood.
    """
    network = conv_decoder(data_shape) if _is_image(data_shape) else mlp(output_shape=data_shape)
    return keras.Sequential(
        [*network.layers, *([Standardize(inverse=True, dtype="float32")] if means else [])]
    )
