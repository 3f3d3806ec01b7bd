"""The optimizer of a part that trains weights by itself: a penalty's network, a prior."""

from collections.abc import Callable
from typing import Any

import keras

from tfvae import _checks


def get(optimizer: Any, default: Callable[[], keras.optimizers.Optimizer]) -> Any:
    """Returns the Keras optimizer that `optimizer` names or is; `default()` for None.

    Raises:
        ValueError: when it is none, or one of Keras 2.
    """
    if optimizer is None:
        return default()
    _checks.refuse_keras_2("optimizer", optimizer)
    return keras.optimizers.get(optimizer)


def scaled(layer: keras.layers.Layer, optimizer: keras.optimizers.Optimizer) -> Any:
    """Returns the optimizer, with a loss scale if a part of the layer computes in float16.

    As Keras does for a model's optimizer: small gradients in float16 would become 0.
    """
    half = any(one.dtype_policy.compute_dtype == "float16" for one in layer._flatten_layers())
    if half and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
