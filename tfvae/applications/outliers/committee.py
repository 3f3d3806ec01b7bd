"""Many small VAEs side by side, each of a few rows of a table, as one model."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae.likelihoods import Likelihood
from tfvae.models.vae import VAE


def committee(
    members: int,
    columns: int,
    latent_dim: int,
    hidden: Sequence[int],
    likelihood: str | Likelihood,
    seed: int,
) -> VAE:
    """M VAEs that know nothing of each other, as one VAE of M rows on one axis.

    x holds a row for each member, (B, M·D), z the latents of all members, (B, M·N_z). All layers
    are M separate ones, prior and likelihood are products: the loss is the sum of the members'
    losses, and each gradient that of a member alone.

    Args:
        members: M.
        columns: D.
        latent_dim: N_z of a member.
        hidden: units of a member's hidden layers.
        likelihood: of all columns of all members, with parameters for each.
        seed: of the first weights.
    """

    def dense(units, activation=None):
        # Keras counts the members as a part of the fan: `scale` takes them out.
        start = keras.initializers.VarianceScaling(
            members * (2.0 if activation else 1.0), "fan_avg", seed=next(seeds)
        )
        return keras.layers.EinsumDense(
            "bmi,mio->bmo",
            (members, units),
            activation=activation,
            bias_axes="mo",
            kernel_initializer=start,
        )

    seeds = iter(np.random.SeedSequence(seed).generate_state(2 * len(hidden) + 3).tolist())
    x = keras.Input((members * columns,))
    features = keras.layers.Reshape((members, columns))(x)
    for units in hidden:
        features = dense(units, "relu")(features)
    moments = [keras.layers.Flatten()(dense(latent_dim)(features)) for _ in range(2)]
    z = keras.Input((members * latent_dim,))
    features = keras.layers.Reshape((members, latent_dim))(z)
    for units in reversed(hidden):
        features = dense(units, "relu")(features)
    outputs = keras.layers.Flatten()(dense(columns)(features))
    return VAE(
        members * latent_dim,
        encoder=keras.Model(x, moments),
        decoder=keras.Model(z, outputs),
        likelihood=likelihood,
        seed=seed,
    )


def drawn_rows(
    generator: np.random.Generator, num_rows: int, members: int, most: int
) -> np.ndarray:
    """The rows of each member, (M, n), drawn without replacement.

    n is `most`, or 63% of the rows if they are fewer, as many as a bootstrap sample has.
    """
    size = min(most, max(2, math.ceil((1.0 - math.exp(-1.0)) * num_rows)))
    return np.stack([generator.permutation(num_rows)[:size] for _ in range(members)])


def batches(
    rows: np.ndarray, steps: int, batch_size: int, jitter: float, generator: np.random.Generator
) -> tf.data.Dataset:
    """`steps` batches (B, M·D) of rows (M, n, D), drawn with replacement, with noise of N(0, 1).

    Args:
        rows: of each member.
        steps: number of batches.
        batch_size: B.
        jitter: standard deviation of the noise: no density of a column gets narrower.
        generator: of the draws.
    """
    members, size, columns = rows.shape
    rows = tf.constant(rows, tf.float32)
    chosen = generator.integers(0, size, (steps, members, batch_size), dtype=np.int32)
    seeds = generator.integers(0, 2**31 - 1, (steps, 2), dtype=np.int32)

    def batch(index, seed):
        x = tf.transpose(tf.gather(rows, index, batch_dims=1), [1, 0, 2])
        x += jitter * tf.random.stateless_normal(tf.shape(x), seed)
        return tf.reshape(x, [batch_size, members * columns])

    return tf.data.Dataset.from_tensor_slices((chosen, seeds)).map(batch).prefetch(2)
