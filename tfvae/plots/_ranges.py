"""Which latents a traversal moves, how far and in how many steps: checked arguments."""

import numpy as np

from tfvae import _checks


def at_least_two(name, value):
    """`value` as an int, if it is 2 or more."""
    if _checks.positive_int(name, value) < 2:
        raise ValueError(f"`{name}` must be at least 2, received {value!r}.")
    return int(value)


def dims_of(model, dims):
    """Latent dimensions as a list; None: all of them."""
    if dims is None:
        return list(range(model.latent_dim))
    dims = list(dims)
    if not dims or any(dim not in range(model.latent_dim) for dim in dims):
        raise ValueError(
            f"`dims` must be some of 0 to {model.latent_dim - 1} (latent_dim = "
            f"{model.latent_dim}), received {dims}."
        )
    return dims


def limits_of(limits):
    """(lowest, highest) as an array."""
    low_high = np.asarray(limits, dtype="float64")
    if low_high.shape != (2,) or not low_high[0] < low_high[1]:
        raise ValueError(f"`limits` must be (lowest, highest), received {limits!r}.")
    return low_high
