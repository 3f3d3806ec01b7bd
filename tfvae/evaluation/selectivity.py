"""Selectivity: which latents respond to which class."""

import numpy as np
from numpy.typing import ArrayLike


def selectivity(latents: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Returns d′ of each latent for each class, or for each value of a factor [KGW21].

        d′ = (mean in the class − mean in the rest) / sqrt((var in the class + var in the rest)/2)

    The unit is standard deviations; a latent that never changes has 0. The variances are population
    variances. [KGW21] call d′ ≥ 0.85 selective.

    Args:
        latents: (n, N_z) or (n, *grid), as `tfvae.evaluation.latents` gives them; (B, T, …) for the
            frames of sequences.
        labels: classes, whole numbers or names, (n,) or (B, T).

    Returns:
        A map for each class in the order of `np.unique(labels)`, float64
        (number of classes, *grid).

    Raises:
        ValueError: if a shape does not fit, or there are fewer than two classes.

    Example:
        >>> import numpy as np, tfvae
        >>> latents = np.random.default_rng(0).normal(size=(60, 3, 4))
        >>> labels = np.arange(60) % 2
        >>> latents[labels == 1, 0] += 2.0
        >>> maps = tfvae.evaluation.selectivity(latents, labels)
        >>> maps.shape, bool(np.all(maps[1, 0] > 1.0))
        ((2, 3, 4), True)
    """
    latents, labels = np.asarray(latents, dtype="float64"), np.asarray(labels)
    rank = labels.ndim
    if not rank or latents.shape[:rank] != labels.shape or latents.ndim <= rank:
        raise ValueError(
            "`labels` must have one entry for each row of `latents`, (n,) for (n, *grid), received "
            f"the shapes {labels.shape} and {latents.shape}."
        )
    grid = latents.shape[rank:]
    latents, labels = latents.reshape(labels.size, *grid), labels.ravel()
    latents = latents - latents[:1]  # A latent that never changes becomes exactly 0.
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(f"`labels` must hold two classes or more, received {len(classes)}.")
    return np.stack([_discriminability(latents, labels == one) for one in classes])


def _discriminability(latents: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Returns d′ of the rows `inside` against the others, (*grid)."""
    own, rest = latents[inside], latents[~inside]
    difference = own.mean(axis=0) - rest.mean(axis=0)
    spread = np.sqrt((own.var(axis=0) + rest.var(axis=0)) / 2.0)
    with np.errstate(divide="ignore"):
        return np.divide(difference, spread, out=np.zeros_like(spread), where=difference != 0.0)
