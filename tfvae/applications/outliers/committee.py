"""Many small VAEs side by side, each of a few rows of a table, as one model."""

import itertools
import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae.likelihoods import Likelihood
from tfvae.models.vae import VAE

# Of |log σ²| of q(z|x).
MOST_LOG_VARIANCE = 10.0


@keras.saving.register_keras_serializable(package="tfvae")
def arcsinh(x: tf.Tensor) -> tf.Tensor:
    """log(x + sqrt(x² + 1)): x near 0, ±log 2|x| far from it, so that encodings stay near."""
    return tf.math.asinh(x)


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

    def dense(inputs, units, activation=None, start=None):
        # Keras would count the members as a part of the fan. Variance 2/fan or 1/fan, by Glorot's
        # mean of both fans.
        gain = 2.0 if activation else 1.0
        deviation = math.sqrt(2.0 * gain / (inputs + units))
        start = start or keras.initializers.RandomNormal(0.0, deviation, seed=next(seeds))
        return keras.layers.EinsumDense(
            "bmi,mio->bmo",
            (members, units),
            activation=activation,
            bias_axes="mo",
            kernel_initializer=start,
        )

    def hidden_layers(features, widths):
        for inputs, units in itertools.pairwise(widths):
            features = dense(inputs, units, "relu")(features)
        return features

    seeds = iter(np.random.SeedSequence(seed).generate_state(2 * len(hidden) + 2).tolist())
    x = keras.Input((members * columns,))
    features = keras.layers.Activation(arcsinh)(keras.layers.Reshape((members, columns))(x))
    features = hidden_layers(features, [columns, *hidden])
    last = [columns, *hidden][-1]
    mean = keras.layers.Flatten()(dense(last, latent_dim)(features))
    # Bounded: rows far from all others must not bring infinite deviations.
    log_variance = dense(last, latent_dim, "tanh", "zeros")(features)
    log_variance = keras.layers.Rescaling(MOST_LOG_VARIANCE)(keras.layers.Flatten()(log_variance))
    z = keras.Input((members * latent_dim,))
    features = keras.layers.Reshape((members, latent_dim))(z)
    features = hidden_layers(features, [latent_dim, *reversed(hidden)])
    last = [latent_dim, *reversed(hidden)][-1]
    outputs = keras.layers.Flatten()(dense(last, columns)(features))
    return VAE(
        members * latent_dim,
        encoder=keras.Model(x, [mean, log_variance]),
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
