"""Selectivity: which latents of a map answer to which class."""

import numpy as np


def selectivity(codes, labels) -> np.ndarray:
    """d′ of each latent for each class, or each value of a factor [KGW21].

        d′ = (mean in the class − mean in the rest) / sqrt((var in the class + var in the rest)/2)

    In standard deviations; 0 for a latent that never changes. Variances are those of the
    population. [KGW21] is Keller, Gao & Welling, Modeling category-selective cortical regions with
    topographic variational autoencoders, 2021; they call d′ ≥ 0.85 selective.

    Args:
        codes: latents, (n, N_z) or (n, *grid), as `latent_codes` gives them; or (B, T, …) for the
            frames of sequences.
        labels: classes, whole numbers or names, (n,) or (B, T).

    Returns:
        float64 (number of classes, *grid), a map for each class in the order of
        `np.unique(labels)`.

    Raises:
        ValueError: when a shape does not fit, or there are fewer than two classes.

    Example:
        >>> import numpy as np, tfvae
        >>> codes = np.random.default_rng(0).normal(size=(60, 3, 4))
        >>> labels = np.arange(60) % 2
        >>> codes[labels == 1, 0] += 2.0
        >>> maps = tfvae.evaluation.selectivity(codes, labels)
        >>> maps.shape, bool(np.all(maps[1, 0] > 1.0))
        ((2, 3, 4), True)
    """
    codes, labels = np.asarray(codes, dtype="float64"), np.asarray(labels)
    if not labels.ndim or codes.shape[: labels.ndim] != labels.shape or codes.ndim <= labels.ndim:
        raise ValueError(
            "`labels` must have one entry for each row of `codes`, (n,) for (n, *grid); received "
            f"the shapes {labels.shape} and {codes.shape}."
        )
    grid = codes.shape[labels.ndim :]
    codes, labels = codes.reshape(labels.size, *grid), labels.ravel()
    codes = codes - codes[:1]  # Exactly 0 for a latent that never changes.
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(f"`labels` must hold two classes or more, received {len(classes)}.")
    return np.stack([_discriminability(codes, labels == one) for one in classes])


def _discriminability(codes, inside):
    """d′ of the rows `inside` against the others, (*grid)."""
    own, rest = codes[inside], codes[~inside]
    difference = own.mean(axis=0) - rest.mean(axis=0)
    spread = np.sqrt((own.var(axis=0) + rest.var(axis=0)) / 2.0)
    with np.errstate(divide="ignore"):
        return np.divide(difference, spread, out=np.zeros_like(spread), where=difference != 0.0)
