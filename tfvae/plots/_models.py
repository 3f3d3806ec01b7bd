"""What the figures ask of a model: encoded means, decoded means, samples; in batches, as NumPy."""

import math

import numpy as np

from tfvae.models.batches import latent_codes

BATCH = 1024


def check_built(model):
    """Raises a ValueError when the model does not know its data yet."""
    if not model.built:
        raise ValueError(
            "`model` has no weights yet: call `fit`, or `build((None, *shape_of_one_example))`, "
            "before it is plotted."
        )


def checked_data(model, x) -> np.ndarray:
    """`x` as an array (n, *data), n ≥ 1."""
    check_built(model)
    x = np.asarray(x)
    if x.shape[1:] != tuple(model.data_shape) or len(x) == 0:
        raise ValueError(
            f"`x` must have the shape (n, {', '.join(map(str, model.data_shape))}) with n ≥ 1, as "
            f"the data of the model; received {x.shape}."
        )
    return x


def checked_latents(model, name: str, z) -> np.ndarray:
    """`z` as an array (n, N_z), n ≥ 1."""
    check_built(model)
    z = np.asarray(z, dtype="float32")
    if z.ndim != 2 or z.shape[1] != model.code_dim or len(z) == 0:
        raise ValueError(
            f"`{name}` must have the shape (n, {model.code_dim}), the length of a code; "
            f"received {z.shape}."
        )
    return z


def check_single(model, what: str):
    """Raises a ValueError when an example of the model is a sequence."""
    if model.sequence_axes:
        raise ValueError(
            f"`{what}` shows latents of single examples, but this {type(model).__name__} has "
            "sequences: `tfvae.plots.capsule_traversals` shows what their latents do."
        )


def codes(model, x) -> np.ndarray:
    """The latents that stand for x, as `decoded` takes them: (n, N_z), (n, T, N_z) of sequences."""
    return latent_codes(model, x).reshape(-1, *model.sequence_shape, model.code_dim)


def decoded(model, z) -> np.ndarray:
    """E[x|z], (n, N_z) -> (n, *data), or (n, T, N_z) -> (n, T, *step)."""
    size = max(1, BATCH // math.prod(z.shape[1:-1]))
    return np.concatenate(
        [model.decode_mean(z[start : start + size]).numpy() for start in range(0, len(z), size)]
    )


def prior_samples(model, num: int, seed: int) -> np.ndarray:
    """Draws z ~ p(z), (num, N_z), or (num, T, N_z) of sequences; the same for the same seed."""
    return np.asarray(model.sample_codes(num, seed=(seed, 0)))
