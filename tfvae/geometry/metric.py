"""The metric that a decoder pulls back into the latent space, by products with its Jacobian.

A `mean` here is any differentiable function z (n, N_z) -> x (n, *data) that treats rows one by one,
such as a model's decoder, `decoder_mean(model)`. N_x is the number of features, which are
flattened. Derivatives are exact, except in `difference_jacobian`.

The metric is one of z alone. A model with categories d or a condition c has a metric for each of
their values, which are held: `decoder_mean(model, y)` holds those of one example. Functions of many
points also take `held`, a row for each point.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks, _replicas

Mean = Callable[[tf.Tensor], tf.Tensor]
# f(z, held), (n, N_z) and (n, H) -> (n, *data).
HeldMean = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

# Large computations hold at most this many numbers of a decoder's outputs, or of its Jacobian, at a
# time; the layers before hold a few times as many.
NUMBERS_AT_A_TIME = 2**22


def decoder_mean(model: keras.Model, y: Any = None) -> Mean:
    """E[x|z, d, c] of a model in inference mode, a TensorFlow function of z, (n, N_z) -> (n, N_x).

    Args:
        model: a built model.
        y: the category and the condition of one example, which are held, for a model that has them:
            as in `decode`. y={"labels": k} holds the k-th category of latent ones too.

    Raises:
        ValueError: when the model is not built, or y is missing or is that of several examples.

    Example:
        >>> import tensorflow as tf, tfvae
        >>> from tfvae.geometry import decoder_mean
        >>> vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.Labels(3))
        >>> vae.build((None, 5))
        >>> decoder_mean(vae, y=1)(tf.zeros([4, 2])).shape
        TensorShape([4, 5])
    """

    def mean(z: tf.Tensor) -> tf.Tensor:
        return flattened(model.decode_mean(z, y))

    if y is not None or model.num_categories or model.condition is not None:
        count = len(mean(tf.zeros([1, model.latent_dim])))
        if count != 1:
            raise ValueError(
                f"`y` must be that of one example, whose category and condition are held, received "
                f"{count}."
            )
    mean.geodesic_searches = {}  # What `geodesics` compiles for this function.
    return mean


def with_held(
    mean_or_model: Mean | HeldMean | keras.Model, held: ArrayLike | None, count: int
) -> tuple[HeldMean, np.ndarray]:
    """The mean as a function of z and of what is held, and the rows of the latter, (count, H).

    Args:
        mean_or_model: function z -> x, or (z, held) -> x where `held` is given; or a built model.
        held: (count, H); None: H = 0, and the function ignores it.
        count: number of points.

    Raises:
        ValueError: when `held` does not fit.
    """
    if held is None:
        mean = as_mean(mean_or_model)
        return (lambda z, _: mean(z)), np.zeros([count, 0], "float32")
    held = np.asarray(held, dtype="float32")
    is_model = hasattr(mean_or_model, "decoder_outputs")
    size = mean_or_model.decoder_input_dim - mean_or_model.latent_dim if is_model else "H"
    if held.ndim != 2 or len(held) != count or (is_model and held.shape[1] != size):
        raise ValueError(
            f"`held` must have the shape ({count}, {size}), a row for each point, received "
            f"{held.shape}. `tfvae.evaluation.decoder_inputs` gives it after the columns of z."
        )
    if not is_model:
        return mean_or_model, held
    model = mean_or_model

    def mean_of_model(z: tf.Tensor, held: tf.Tensor) -> tf.Tensor:
        return model.likelihood.mean(model.decoder_outputs(tf.concat([z, held], axis=-1)))

    return mean_of_model, held


def num_features(mean: HeldMean, z: np.ndarray, held: np.ndarray) -> int:
    """N_x, the number of features in `mean` of one point; z is (n ≥ 1, N_z), held (n, H)."""
    return int(np.prod(mean(tf.constant(z[:1], tf.float32), tf.constant(held[:1])).shape))


def flattened(x: tf.Tensor) -> tf.Tensor:
    """(n, *data) -> (n, N_x)."""
    return tf.reshape(x, [tf.shape(x)[0], int(np.prod(x.shape[1:]))])


def _transposed(
    mean: Mean, z: tf.Tensor, tapes: Sequence[tf.GradientTape]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """x = f(z), u and Jᵀu. As Jᵀu is linear in u, its own transpose is J.

    This is forward mode by means of reverse mode. In a graph Jᵀu itself is never computed, only
    the products with v. It is faster than `tf.autodiff.ForwardAccumulator`, supports operations
    that the accumulator does not, and XLA compiles it once, not for each new seed.

    Args:
        mean: function z -> x.
        z: points, (n, N_z).
        tapes: tapes that watch z and u.
    """
    with tf.GradientTape() as reverse:
        reverse.watch(z)
        for tape in tapes:
            tape.watch(z)
        x = flattened(mean(z))
    u = tf.zeros_like(x)
    for tape in tapes:
        tape.watch(u)
    return x, u, reverse.gradient(x, z, output_gradients=u, unconnected_gradients="zero")


def pushforward(mean: Mean, z: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """f(z) and J(z)·v: (n, N_z), (n, N_z) -> (n, N_x) each."""
    with tf.GradientTape() as tape:
        x, u, transposed = _transposed(mean, z, [tape])
    return x, tape.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")


def pullback(mean: Mean, z: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    """J(z)ᵀ·w by reverse mode: (n, N_z), (n, N_x) -> (n, N_z)."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = flattened(mean(z))
    return tape.gradient(x, z, output_gradients=w, unconnected_gradients="zero")


def metric_product(mean: Mean, z: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """J·v and G·v = Jᵀ(J·v), (n, N_x) and (n, N_z): one forward and one reverse product.

    It forms no Jacobian: neither time nor memory grows with N_z.
    """
    with tf.GradientTape() as reverse:
        with tf.GradientTape() as forward:
            x, u, transposed = _transposed(mean, z, [reverse, forward])
        pushed = forward.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")
    return pushed, reverse.gradient(x, z, output_gradients=pushed, unconnected_gradients="zero")


def jacobian(mean: Mean, z: tf.Tensor) -> tf.Tensor:
    """J(z), its columns first: (n, N_z) -> (N_z, n, N_x), N_z forward products at once."""
    with tf.GradientTape(persistent=True) as tape:
        _, u, transposed = _transposed(mean, z, [tape])

    def column(direction):
        v = tf.broadcast_to(direction, tf.shape(z))
        return tape.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")

    directions = tf.eye(z.shape[-1], dtype=z.dtype)
    if _replicas.several():  # One of them may have no examples, which `vectorized_map` cannot do.
        return tf.stack([column(one) for one in tf.unstack(directions)])
    return tf.vectorized_map(column, directions)


def difference_jacobian(mean: Mean, z: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Columns (f(z + εe_t) − f(z))/ε [C20], (n, N_z) -> (N_z, n, N_x)."""
    latent_dim = z.shape[-1]
    steps = epsilon * tf.eye(latent_dim, dtype=z.dtype)
    moved = flattened(mean(tf.reshape(z + steps[:, tf.newaxis], [-1, latent_dim])))
    x = flattened(mean(z))
    moved = tf.reshape(moved, [latent_dim, tf.shape(z)[0], x.shape[-1]])
    return (moved - x) / epsilon


def gram(columns: tf.Tensor) -> tf.Tensor:
    """G = JᵀJ from the columns of J, (N_z, n, N_x) -> (n, N_z, N_z)."""
    rows = tf.transpose(columns, [1, 0, 2])
    return tf.matmul(rows, rows, transpose_b=True)


def metric_tensor(mean: Mean, z: tf.Tensor) -> tf.Tensor:
    """G(z) = J(z)ᵀJ(z) [C20], (n, N_z) -> (n, N_z, N_z)."""
    return gram(jacobian(mean, z))


def metric_tensors(
    mean: Mean | HeldMean | keras.Model,
    z: ArrayLike,
    *,
    held: ArrayLike | None = None,
    batch_size: int | None = None,
) -> np.ndarray:
    """G at many points, NumPy: (n, N_z) -> (n, N_z, N_z).

    Args:
        mean: function z -> x, or (z, held) -> x where `held` is given; or a built model.
        z: points, (n, N_z).
        held: what is held at each point, (n, H): for a model one-hot d and the embedded c, as
            `tfvae.evaluation.decoder_inputs` gives them after the columns of z.
        batch_size: points at a time. None: as many as need about 16 MB for their Jacobians.

    Raises:
        ValueError: when `z`, `held` or `batch_size` does not fit.
    """
    z = np.asarray(z, dtype="float32")
    if z.ndim != 2:
        raise ValueError(f"`z` must have the shape (n, N_z), received {z.shape}.")
    mean, held = with_held(mean, held, len(z))
    if batch_size is not None:
        batch_size = _checks.positive_int("batch_size", batch_size)
    else:
        size = num_features(mean, z, held) * z.shape[-1] if len(z) else 1
        batch_size = max(1, NUMBERS_AT_A_TIME // max(1, size))
    traced = tf.function(
        lambda z, held: metric_tensor(lambda points: mean(points, held), z), autograph=False
    )
    one = traced.get_concrete_function(
        *(tf.TensorSpec([None, part.shape[-1]], tf.float32) for part in (z, held))
    )
    slices = (slice(i, i + batch_size) for i in range(0, len(z), batch_size))
    parts = [one(tf.constant(z[rows]), tf.constant(held[rows])).numpy() for rows in slices]
    return np.concatenate(parts) if parts else np.zeros([0, z.shape[-1], z.shape[-1]], "float32")


def as_mean(mean_or_model: Mean | keras.Model) -> Mean:
    """The decoder's mean of a model; a function is returned as it is."""
    return decoder_mean(mean_or_model) if hasattr(mean_or_model, "decode") else mean_or_model


def eigenvalues(tensors: np.ndarray) -> np.ndarray:
    """Eigenvalues of G in ascending order, (n, N_z, N_z) -> (n, N_z), float64.

    Eigenvalues within the rounding error of G's own precision are 0.
    """
    tensors = np.asarray(tensors)
    rounding = tensors.shape[-1] * np.finfo(tensors.dtype).eps
    values = np.linalg.eigvalsh(tensors.astype("float64"))
    return np.where(values <= rounding * values[:, -1:], 0.0, values)


def log_magnification_factor(tensors: np.ndarray) -> np.ndarray:
    """log MF = ½ log det G, (n, N_z, N_z) -> (n,); −∞ where G is singular."""
    with np.errstate(divide="ignore"):
        return 0.5 * np.sum(np.log(eigenvalues(tensors)), axis=-1)


def magnification_factor(tensors: np.ndarray) -> np.ndarray:
    """MF = sqrt(det G), the volume to which the decoder maps a unit of latent volume [C18]."""
    return np.exp(log_magnification_factor(tensors))


def condition_number(tensors: np.ndarray) -> np.ndarray:
    """λ_max(G)/λ_min(G), (n, N_z, N_z) -> (n,) [C20].

    1 where all directions count equally, ∞ where G is singular.
    """
    values = eigenvalues(tensors)
    singular = values[:, 0] <= 0.0
    return np.where(singular, np.inf, values[:, -1] / np.where(singular, 1.0, values[:, 0]))
