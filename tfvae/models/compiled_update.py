"""The optimizer's update in one pass over the weights."""

import math
from collections.abc import Sequence

import keras
import tensorflow as tf

from tfvae import _fused

# Compiling takes a second, which fewer weights do not win back within a thousand steps.
FEWEST_WEIGHTS = 500_000


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | None],
    weights: Sequence[keras.Variable],
) -> None:
    """`optimizer.apply_gradients`, compiled by XLA where that pays and is known to be right.

    Each operation of an optimizer passes over all weights, a dozen of them in Adam's. XLA makes one
    pass of them, with the same numbers but for the rounding. Left as Keras has it:

    - for few weights, and in eager execution, since compiling takes longer than it saves;
    - within tf.distribute, whose replicas meet within the update;
    - with a loss scale, which decides within the update, and gradients that are no tensors, such as
      those of an embedding, of which few rows change;
    - for optimizers that are not Keras' own, whose operations XLA may not know;
    - on GPUs, where it was not measured.

    Args:
        optimizer: of the weights.
        gradients: one for each weight; None where the loss does not depend on it.
        weights: what is trained.
    """
    if not _pays(optimizer, gradients, weights):
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return
    if not optimizer.built:  # Variables are made outside of what is compiled.
        optimizer.build(weights)
    present = [one is not None for one in gradients]

    @tf.function(jit_compile=True, autograph=False)
    def compiled(given):
        given = iter(given)
        padded = [next(given) if one else None for one in present]
        optimizer.apply_gradients(zip(padded, weights, strict=True))

    compiled([one for one in gradients if one is not None])


def _pays(optimizer, gradients, weights):
    return (
        sum(math.prod(weight.shape) for weight in weights) >= FEWEST_WEIGHTS
        and not tf.executing_eagerly()
        and not tf.distribute.has_strategy()
        and type(optimizer).__module__.startswith("keras.")
        and not isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        and all(one is None or isinstance(one, tf.Tensor) for one in gradients)
        and not tf.config.list_logical_devices("GPU")
        and _fused.is_available()
    )
