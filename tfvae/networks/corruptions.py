"""Layers that corrupt their inputs in training only, for models that learn to remove noise.

`keras.layers.GaussianNoise` adds Gaussian noise in the same way.
"""

import abc
import math
from typing import Any

import keras

from tfvae import _checks


class _Corruption(keras.layers.Layer, abc.ABC):
    """Base class: `corrupted` where `training` is true, else the inputs as they are."""

    def __init__(self, rate: float, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, **kwargs})
        self.rate = _checks.number_in("rate", rate, 0.0, 1.0)
        self.seed = None if seed is None else _checks.whole("seed", seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.built = True

    @abc.abstractmethod
    def corrupted(self, inputs: Any) -> Any:
        """The corrupted inputs, of the same shape and dtype."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The inputs, corrupted in training."""
        return self.corrupted(inputs) if training and self.rate > 0.0 else inputs

    def compute_output_spec(self, inputs: Any, training: bool = False) -> keras.KerasTensor:
        """The shape and dtype of the inputs."""
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.pop("autocast", None)
        return {**config, "rate": self.rate, "seed": self.seed}

    def _uniform(self, shape):
        """Numbers in [0, 1), float32."""
        return keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)


@keras.saving.register_keras_serializable(package="tfvae")
class SaltAndPepper(_Corruption):
    """Sets each feature to `low` or `high`, with probability rate/2 each, in training only.

    Args:
        rate: share of the features that are replaced, in [0, 1].
        low: what pepper is, in the unit of the data.
        high: what salt is.
        seed: of the noise. None: the seed of the model that the layer belongs to decides.

    Raises:
        ValueError: when `rate` lies outside [0, 1], or `low` or `high` is not a finite number.

    Example:
        >>> import numpy as np, tfvae
        >>> noise = tfvae.networks.SaltAndPepper(0.6, seed=0)
        >>> noisy = noise(np.full((100, 100), 0.3, "float32"), training=True)
        >>> values, counts = np.unique(noisy, return_counts=True)
        >>> values, np.round(counts / 10_000, 1)
        (array([0. , 0.3, 1. ], dtype=float32), array([0.3, 0.4, 0.3]))
    """

    def __init__(
        self,
        rate: float = 0.1,
        low: float = 0.0,
        high: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.low, self.high = _finite("low", low), _finite("high", high)

    def corrupted(self, inputs: Any) -> Any:
        """One uniform number for each feature decides."""
        u = self._uniform(keras.ops.shape(inputs))
        low, high = (keras.ops.cast(value, inputs.dtype) for value in (self.low, self.high))
        salted = keras.ops.where(u < self.rate, high, inputs)
        return keras.ops.where(u < self.rate / 2.0, low, salted)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}


@keras.saving.register_keras_serializable(package="tfvae")
class MaskingNoise(_Corruption):
    """Sets each feature to `value` with probability `rate`, in training only.

    Unlike `keras.layers.Dropout` it leaves the other features as they are.

    Args:
        rate: share of the features that are replaced, in [0, 1].
        value: what stands in their place, in the unit of the data.
        seed: of the noise. None: the seed of the model that the layer belongs to decides.

    Raises:
        ValueError: when `rate` lies outside [0, 1], or `value` is not a finite number.

    Example:
        >>> import numpy as np, tfvae
        >>> noise = tfvae.networks.MaskingNoise(0.25, seed=0)
        >>> x = np.ones((100, 100), "float32")
        >>> round(float(np.mean(noise(x, training=True) == 0.0)), 2)
        0.25
        >>> bool(np.all(noise(x) == x))
        True
    """

    def __init__(
        self, rate: float = 0.25, value: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.value = _finite("value", value)

    def corrupted(self, inputs: Any) -> Any:
        """One uniform number for each feature decides."""
        masked = self._uniform(keras.ops.shape(inputs)) < self.rate
        return keras.ops.where(masked, keras.ops.cast(self.value, inputs.dtype), inputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "value": self.value}


@keras.saving.register_keras_serializable(package="tfvae")
class DroppedPatches(_Corruption):
    """Sets square patches of images to `value` with probability `rate`, in training only.

    The patches form a grid, cut off at the right and the lower edge. All channels of a patch are
    replaced. `keras.layers.RandomErasing` drops one rectangle of any place and size.

    Args:
        rate: share of the patches that are replaced, in [0, 1].
        patch_size: height and width of a patch, pixels.
        value: what stands in their place, in the unit of the data.
        seed: of the noise. None: the seed of the model that the layer belongs to decides.

    Raises:
        ValueError: when `rate` lies outside [0, 1], `patch_size` is no whole number of at least 1,
            `value` is not finite, or the inputs are not images, (B, height, width, channels).

    Example:
        >>> import numpy as np, tfvae
        >>> noise = tfvae.networks.DroppedPatches(0.5, patch_size=2, seed=3)
        >>> noisy = noise(np.ones((500, 4, 6, 1), "float32"), training=True).numpy()
        >>> patches = noisy.reshape(500, 2, 2, 3, 2)  # 2 × 3 patches of 2 × 2 pixels
        >>> round(float(noisy.mean()), 1), float(np.ptp(patches, axis=(2, 4)).max())
        (0.5, 0.0)
    """

    def __init__(
        self,
        rate: float = 0.25,
        patch_size: int = 4,
        value: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.patch_size = _checks.positive_int("patch_size", patch_size)
        self.value = _finite("value", value)

    def corrupted(self, inputs: Any) -> Any:
        """One uniform number for each patch decides."""
        batch, (height, width) = keras.ops.shape(inputs)[0], inputs.shape[1:3]
        grid = [math.ceil(length / self.patch_size) for length in (height, width)]
        u = self._uniform((batch, *grid, 1))
        for axis in (1, 2):
            u = keras.ops.repeat(u, self.patch_size, axis=axis)
        dropped = u[:, :height, :width] < self.rate
        return keras.ops.where(dropped, keras.ops.cast(self.value, inputs.dtype), inputs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The images, corrupted in training."""
        self._check(inputs.shape)
        return super().call(inputs, training)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> keras.KerasTensor:
        """The shape and dtype of the images."""
        self._check(inputs.shape)
        return super().compute_output_spec(inputs, training)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {"patch_size": self.patch_size, "value": self.value}
        return {**super().get_config(), **own}

    def _check(self, shape):
        if len(shape) != 4 or None in shape[1:3]:
            raise ValueError(
                "`inputs` of DroppedPatches must be images, (batch, height, width, channels), "
                f"received the shape {tuple(shape)}. MaskingNoise takes data of any shape."
            )


def _finite(name, value):
    return _checks.number_in(name, value, -math.inf, math.inf, low_open=True, high_open=True)
