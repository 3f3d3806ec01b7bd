"""The metric that a decoder pulls back into the latent space: Jacobian products and what follows.

A `mean` here is a differentiable function z (n, N_z) -> x (n, *data), row by row: the mean that a
model decodes (`decoder_mean(model)`), or any other. Features are flattened: N_x is their number.
Derivatives are exact.
"""

import numpy as np
import tensorflow as tf

from tfvae import _checks

# Numbers of a decoder's outputs, or of its Jacobian, that are held at a time where there are many;
# the layers before hold a few times as many.
NUMBERS_AT_A_TIME = 2**22


def decoder_mean(model):
    """E[x|z] of a model as a function (n, N_z) -> (n, N_x) of TensorFlow, networks in inference."""

    def mean(z):
        return flat(model.decode_mean(z))

    return mean


def num_features(mean, z: np.ndarray) -> int:
    """N_x, the number of features that `mean` makes of a point of z, (n ≥ 1, N_z)."""
    return int(np.prod(mean(tf.constant(z[:1], tf.float32)).shape))


def flat(x: tf.Tensor) -> tf.Tensor:
    """(n, *data) -> (n, N_x)."""
    return tf.reshape(x, [tf.shape(x)[0], int(np.prod(x.shape[1:]))])


def _transposed(mean, z, tapes):
    """x = f(z), u and Jᵀu, which is linear in u: its own transpose is J.

    This is forward mode, written with the reverse one: in a graph Jᵀu itself is never computed,
    only what is linear in v. It takes less time than `tf.autodiff.ForwardAccumulator`, passes
    operations that this cannot pass, and XLA compiles it once, not for each new seed.

    Args:
        mean: function z -> x.
        z: points, (n, N_z).
        tapes: tapes that are to watch z and u.
    """
    with tf.GradientTape() as reverse:
        reverse.watch(z)
        for tape in tapes:
            tape.watch(z)
        x = flat(mean(z))
    u = tf.zeros_like(x)
    for tape in tapes:
        tape.watch(u)
    return x, u, reverse.gradient(x, z, output_gradients=u, unconnected_gradients="zero")


def pushforward(mean, z: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """f(z) and J(z)·v: (n, N_z), (n, N_z) -> (n, N_x) each."""
    with tf.GradientTape() as tape:
        x, u, transposed = _transposed(mean, z, [tape])
    return x, tape.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")


def pullback(mean, z: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    """J(z)ᵀ·w by reverse mode: (n, N_z), (n, N_x) -> (n, N_z)."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = flat(mean(z))
    return tape.gradient(x, z, output_gradients=w, unconnected_gradients="zero")


def metric_product(mean, z: tf.Tensor, v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """J·v and G·v = Jᵀ(J·v), (n, N_x) and (n, N_z): one forward and one reverse product.

    Neither time nor memory grows with N_z: no Jacobian is formed.
    """
    with tf.GradientTape() as reverse:
        with tf.GradientTape() as forward:
            x, u, transposed = _transposed(mean, z, [reverse, forward])
        pushed = forward.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")
    return pushed, reverse.gradient(x, z, output_gradients=pushed, unconnected_gradients="zero")


def jacobian(mean, z: tf.Tensor) -> tf.Tensor:
    """J(z), its columns first: (n, N_z) -> (N_z, n, N_x), N_z forward products at once."""
    with tf.GradientTape(persistent=True) as tape:
        _, u, transposed = _transposed(mean, z, [tape])

    def column(direction):
        v = tf.broadcast_to(direction, tf.shape(z))
        return tape.gradient(transposed, u, output_gradients=v, unconnected_gradients="zero")

    return tf.vectorized_map(column, tf.eye(z.shape[-1], dtype=z.dtype))


def difference_jacobian(mean, z: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Columns (f(z + εe_t) − f(z))/ε [C20, eq. 9], (n, N_z) -> (N_z, n, N_x)."""
    latent_dim = z.shape[-1]
    steps = epsilon * tf.eye(latent_dim, dtype=z.dtype)
    moved = flat(mean(tf.reshape(z + steps[:, tf.newaxis], [-1, latent_dim])))
    x = flat(mean(z))
    moved = tf.reshape(moved, [latent_dim, tf.shape(z)[0], x.shape[-1]])
    return (moved - x) / epsilon


def gram(columns: tf.Tensor) -> tf.Tensor:
    """G = JᵀJ from the columns of J, (N_z, n, N_x) -> (n, N_z, N_z)."""
    rows = tf.transpose(columns, [1, 0, 2])
    return tf.matmul(rows, rows, transpose_b=True)


def metric_tensor(mean, z: tf.Tensor) -> tf.Tensor:
    """G(z) = J(z)ᵀJ(z) [C20, eq. 4], (n, N_z) -> (n, N_z, N_z)."""
    return gram(jacobian(mean, z))


def metric_tensors(mean, z, *, batch_size: int | None = None) -> np.ndarray:
    """G at many points, NumPy: (n, N_z) -> (n, N_z, N_z).

    Args:
        mean: function z -> x, or a built model.
        z: points, (n, N_z).
        batch_size: points at a time; None: as many as need about 16 MB for their Jacobians.

    Raises:
        ValueError: when `z` or `batch_size` does not fit.
    """
    mean = as_mean(mean)
    z = np.asarray(z, dtype="float32")
    if z.ndim != 2:
        raise ValueError(f"`z` must have the shape (n, N_z), received {z.shape}.")
    if batch_size is not None:
        batch_size = _checks.positive_int("batch_size", batch_size)
    else:
        size = num_features(mean, z) * z.shape[-1] if len(z) else 1
        batch_size = max(1, NUMBERS_AT_A_TIME // max(1, size))
    traced = tf.function(lambda z: metric_tensor(mean, z), autograph=False)
    one = traced.get_concrete_function(tf.TensorSpec([None, z.shape[-1]], tf.float32))
    parts = [one(tf.constant(z[i : i + batch_size])).numpy() for i in range(0, len(z), batch_size)]
    return np.concatenate(parts) if parts else np.zeros([0, z.shape[-1], z.shape[-1]], "float32")


def as_mean(mean_or_model):
    """The decoder's mean of a model; a function as it is."""
    return decoder_mean(mean_or_model) if hasattr(mean_or_model, "decode") else mean_or_model


def eigenvalues(tensors: np.ndarray) -> np.ndarray:
    """Eigenvalues of G, rising, in float64: (n, N_z, N_z) -> (n, N_z).

    0 for those that are no more than the rounding of the single precision that G was computed in.
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
    """MF = sqrt(det G), the volume that the decoder makes of a unit of the latent space [C18]."""
    return np.exp(log_magnification_factor(tensors))


def condition_number(tensors: np.ndarray) -> np.ndarray:
    """λ_max(G)/λ_min(G), (n, N_z, N_z) -> (n,); 1 where all directions count alike [C20].

    ∞ where G is singular.
    """
    values = eigenvalues(tensors)
    singular = values[:, 0] <= 0.0
    return np.where(singular, np.inf, values[:, -1] / np.where(singular, 1.0, values[:, 0]))
