"""Losses of a batch as the scalar that an optimizer minimises."""

import keras
import tensorflow as tf

from tfvae.models.beside import Batch


def global_mean(
    losses: tf.Tensor, of_layers: tf.Tensor | float, batch: Batch, global_size: tf.Tensor
) -> tf.Tensor:
    """This replica's part of the mean loss over the global batch, with the batch's weights.

    Args:
        losses: of each example, (B,).
        of_layers: `layer_loss`, which counts once for the whole batch.
        batch: its weights count.
        global_size: number of examples of the global batch.
    """
    replica_size = tf.cast(tf.shape(losses)[0], tf.float32)
    weighted = losses if batch.weights is None else losses * batch.weights
    return (tf.reduce_sum(weighted) + replica_size * of_layers) / global_size


def layer_loss(network: keras.layers.Layer) -> tf.Tensor | float:
    """What regularisers and `add_loss` of a network's layers add to its loss, a scalar."""
    losses = network.losses
    return tf.add_n([tf.cast(loss, tf.float32) for loss in losses]) if losses else 0.0


def own_layer_loss(model) -> tf.Tensor | float:
    """`layer_loss` of a model, without the layers that an optimizer of their own trains."""
    total = layer_loss(model)
    for part in model.parts_apart:
        total -= layer_loss(part.trained_apart())
    return total
