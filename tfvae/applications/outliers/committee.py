"""Many small VAEs side by side, each of a few rows of a table, as one model."""

import itertools
import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.likelihoods import StudentT, student_t_log_prob
from tfvae.models.vae import VAE

# Settings of the committee: one for all tables.
UNITS, LEARNING_RATE, BATCH_SIZE = (32,), 5e-3, 64
# The scales of the members in turn, in standard deviations of a column: fixed ones, since a learned
# one makes columns of few values outweigh all others. To members of the narrow one, rows are odd
# that break the relations of columns; to those of the wide one, rows that are far from all others.
DEGREES_OF_FREEDOM, SCALES = 3.0, (0.5, 2.0)
# Noise on the rows that train, in standard deviations of a column.
JITTER = 0.05
MOST_LATENTS = 8
# Of |log σ²| of q(z|x).
MOST_LOG_VARIANCE = 10.0
# Names of layers; those of the hidden ones are numbered.
HIDDEN, MEAN, LOG_VARIANCE, OUTPUTS = "hidden", "mean", "log_variance", "outputs"


@keras.saving.register_keras_serializable(package="tfvae")
def arcsinh(x: tf.Tensor) -> tf.Tensor:
    """log(x + sqrt(x² + 1)): x near 0, ±log 2|x| far from it, so that encodings stay near."""
    return tf.math.asinh(x)


@keras.saving.register_keras_serializable(package="tfvae")
class StudentTOfMembers(StudentT):
    """Student's t of the columns of M members, (M·D,), with a scale for each member.

    Args:
        degrees_of_freedom: ν > 1.
        scales: s of each member.
    """

    def __init__(self, degrees_of_freedom: float, scales: Sequence[float], **kwargs):
        super().__init__(degrees_of_freedom, **{"scale": 1.0, **kwargs})
        self.scales = tuple(
            _checks.number_in("scales", one, 0.0, math.inf, low_open=True, high_open=True)
            for one in scales
        )

    @property
    def log_scale(self) -> tf.Tensor:
        """log s of each column, (M·D,)."""
        columns = math.prod(self.data_shape) // len(self.scales)
        return tf.constant(np.repeat(np.log(self.scales), columns), tf.float32)

    def log_prob_of_members(self, x: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """log p of each column of rows x, (n, D), for outputs (M, …, n, D), nats."""
        shape = [len(self.scales)] + [1] * (outputs.shape.rank - 1)
        log_scale = tf.reshape(tf.constant(np.log(self.scales), outputs.dtype), shape)
        return student_t_log_prob(x, outputs, log_scale, self.degrees_of_freedom)


def committee(
    columns: int,
    latent_dim: int,
    hidden: Sequence[int],
    likelihood: StudentTOfMembers,
    seed: int,
) -> VAE:
    """M VAEs that know nothing of each other, as one VAE of M rows on one axis.

    x holds a row for each member, (B, M·D), z the latents of all members, (B, M·N_z). All layers
    are M separate ones, prior and likelihood are products: the loss is the sum of the members'
    losses, and each gradient that of a member alone.

    Args:
        columns: D.
        latent_dim: N_z of a member.
        hidden: units of a member's hidden layers.
        likelihood: of all columns of all members, which tells M.
        seed: of the first weights.
    """
    members = len(likelihood.scales)

    def dense(name, inputs, units, activation=None, start=None):
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
            name=name,
        )

    def hidden_layers(features, widths):
        for i, (inputs, units) in enumerate(itertools.pairwise(widths)):
            features = dense(f"{HIDDEN}_{i}", inputs, units, "relu")(features)
        return features

    seeds = iter(np.random.SeedSequence(seed).generate_state(2 * len(hidden) + 2).tolist())
    x = keras.Input((members * columns,))
    features = keras.layers.Activation(arcsinh)(keras.layers.Reshape((members, columns))(x))
    features = hidden_layers(features, [columns, *hidden])
    last = [columns, *hidden][-1]
    mean = keras.layers.Flatten()(dense(MEAN, last, latent_dim)(features))
    # Bounded: rows far from all others must not bring infinite deviations.
    log_variance = dense(LOG_VARIANCE, last, latent_dim, "tanh", "zeros")(features)
    log_variance = keras.layers.Rescaling(MOST_LOG_VARIANCE)(keras.layers.Flatten()(log_variance))
    z = keras.Input((members * latent_dim,))
    features = keras.layers.Reshape((members, latent_dim))(z)
    features = hidden_layers(features, [latent_dim, *reversed(hidden)])
    last = [latent_dim, *reversed(hidden)][-1]
    outputs = keras.layers.Flatten()(dense(OUTPUTS, last, columns)(features))
    return VAE(
        members * latent_dim,
        encoder=keras.Model(x, [mean, log_variance]),
        decoder=keras.Model(z, outputs),
        likelihood=likelihood,
        seed=seed,
    )


def trained_committee(
    rows: np.ndarray,
    latent_dim: int | None,
    steps: int,
    generator: np.random.Generator,
    seed: int,
) -> VAE:
    """A committee that is trained on rows of each member, (M, n, D), standardised.

    Args:
        rows: NaN is a missing value.
        latent_dim: N_z of a member; None: half the columns, 8 at most.
        steps: number of training steps.
        generator: of the draws.
        seed: of the first weights.
    """
    members, _, columns = rows.shape
    latent_dim = latent_dim or min(MOST_LATENTS, max(1, columns // 2))
    scales = [SCALES[member % len(SCALES)] for member in range(members)]
    likelihood = StudentTOfMembers(DEGREES_OF_FREEDOM, scales)
    model = committee(columns, latent_dim, UNITS, likelihood, seed)
    model.build((None, members * columns))
    decay = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(decay))
    model.fit(batches(rows, steps, BATCH_SIZE, JITTER, generator), verbose=0)
    return model


def terms_of_members(
    model: VAE, x: tf.Tensor, noise: tf.Tensor, latent_dim: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """What the scores of a row are made of, of all members for the same rows.

    It is what `encode` and `decoder_outputs` give for x that is repeated for each member, without
    the repetitions and with the members on the first axis, where their products are batches of one
    matrix product: three times as fast.

    Args:
        model: a `committee`.
        x: rows (n, D), standardised; D_j is 0 where x_j is missing, NaN.
        noise: ε_k of each member, z_k = μ + σ·ε_k, (M, K, N_z).
        latent_dim: N_z of a member.

    Returns:
        D_j(z_k), (M, K, n, D), and log q(z_k|x)/p(z_k), (M, K, n), nats.
    """

    def product(network, name, features):
        layer = network.get_layer(name)
        return tf.matmul(features, layer.kernel) + layer.bias[:, tf.newaxis]

    def hidden(network, features):
        count = sum(layer.name.startswith(HIDDEN) for layer in network.layers)
        for i in range(count):
            features = tf.nn.relu(product(network, f"{HIDDEN}_{i}", features))
        return features

    members, samples = noise.shape[:2]
    rows = tf.shape(x)[0]
    there = ~tf.math.is_nan(x)
    x = tf.where(there, x, 0.0)  # The column's mean.
    features = hidden(model.encoder, _quick_arcsinh(x)[tf.newaxis])
    mean = product(model.encoder, MEAN, features)[:, tf.newaxis]
    log_variance = MOST_LOG_VARIANCE * tf.tanh(product(model.encoder, LOG_VARIANCE, features))
    noise = noise[:, :, tf.newaxis]
    z = mean + tf.exp(0.5 * log_variance)[:, tf.newaxis] * noise  # (M, K, n, N_z)
    ratio = tf.reduce_sum(tf.square(z), -1) - tf.reduce_sum(tf.square(noise), -1)
    ratio = 0.5 * (ratio - tf.reduce_sum(log_variance, -1)[:, tf.newaxis])
    features = hidden(model.decoder, tf.reshape(z, [members, samples * rows, latent_dim]))
    outputs = product(model.decoder, OUTPUTS, features)
    outputs = tf.reshape(outputs, [members, samples, rows, x.shape[1]])
    distortions = -model.likelihood.log_prob_of_members(x, outputs)
    return tf.where(there, distortions, 0.0), ratio


def _quick_arcsinh(x):
    """As `arcsinh`, of operations that have vector instructions: ten times as fast."""
    size = tf.abs(x)
    share = tf.minimum(size, 1e15)  # No square of it is infinite.
    share /= 1.0 + tf.sqrt(1.0 + tf.square(share))
    return tf.sign(x) * tf.math.log1p(size + size * share)


def drawn_rows(
    generator: np.random.Generator, num_rows: int, members: int, most: int
) -> np.ndarray:
    """The rows of each member, (M, n), drawn without replacement.

    n is `most`, or 63% of the rows if they are fewer, as many as a bootstrap sample has.
    """
    size = min(most, max(2, math.ceil((1.0 - math.exp(-1.0)) * num_rows)))
    return np.stack([generator.permutation(num_rows)[:size] for _ in range(members)])


def without_gaps(rows: np.ndarray) -> np.ndarray:
    """Rows (M, n, D), standardised, with each NaN replaced by the value of the nearest row.

    Near is what is near in the columns that both rows have, among the rows of the member. The mean
    in its place would teach the VAEs rows that break the relations of columns.
    """
    if not np.isnan(rows).any():
        return rows
    from sklearn.impute import KNNImputer

    imputer = KNNImputer(n_neighbors=1, keep_empty_features=True)
    return np.stack([imputer.fit_transform(one) for one in rows])


def batches(
    rows: np.ndarray, steps: int, batch_size: int, jitter: float, generator: np.random.Generator
) -> tf.data.Dataset:
    """`steps` batches (B, M·D) of rows (M, n, D), drawn with replacement, with noise of N(0, 1).

    Args:
        rows: of each member; gaps are filled, see `without_gaps`.
        steps: number of batches.
        batch_size: B.
        jitter: standard deviation of the noise: no density of a column gets narrower.
        generator: of the draws.
    """
    members, size, columns = rows.shape
    rows = tf.constant(without_gaps(rows), tf.float32)
    chosen = generator.integers(0, size, (steps, members, batch_size), dtype=np.int32)
    seeds = generator.integers(0, 2**31 - 1, (steps, 2), dtype=np.int32)

    def batch(index, seed):
        x = tf.transpose(tf.gather(rows, index, batch_dims=1), [1, 0, 2])
        x += jitter * tf.random.stateless_normal(tf.shape(x), seed)
        return tf.reshape(x, [batch_size, members * columns])

    return tf.data.Dataset.from_tensor_slices((chosen, seeds)).map(batch).prefetch(2)


def unseen_scores(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mean score over the members that a row did not train, (n,); over all if it trained each.

    Args:
        scores: (n, M).
        rows: the rows of each member, (M, any).
    """
    weights = np.ones_like(scores)
    for member, chosen in enumerate(rows):
        weights[chosen, member] = 0.0
    weights[weights.sum(axis=1) == 0.0] = 1.0
    return np.average(scores, axis=1, weights=weights)
