"""What the figures ask of a model: encoded means, decoded means, samples; in batches, as NumPy."""

import numpy as np

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
    if z.ndim != 2 or z.shape[1] != model.latent_dim or len(z) == 0:
        raise ValueError(
            f"`{name}` must have the shape (n, {model.latent_dim}), latent_dim = "
            f"{model.latent_dim}; received {z.shape}."
        )
    return z


def decoded(model, z) -> np.ndarray:
    """E[x|z], (n, N_z) -> (n, *data)."""
    return np.concatenate(
        [model.decode(z[start : start + BATCH]).mean().numpy() for start in range(0, len(z), BATCH)]
    )


def prior_samples(model, num: int, seed: int) -> np.ndarray:
    """Draws z ~ p(z), (num, N_z); the same for the same seed."""
    return np.asarray(model.prior.sample(num, seed=(seed, 0)))
