"""Figures in data space: reconstructions and samples."""

import numpy as np
from matplotlib.figure import Figure

from tfvae import _checks
from tfvae.plots import _lines, _models, _tiles


def reconstructions(model, x, num: int = 10) -> Figure:
    """The first `num` examples above their reconstructions E[x|z], z = E_q[z|x].

    Grey and colour images are shown as such, all in one range of values, sequences of them as rows
    of frames; other data as lines over the index of the feature, example and reconstruction in one
    panel.

    Args:
        model: a built model.
        x: data, (n, *data).
        num: examples at most.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, `x` does not fit it, or `num` < 1.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)
        >>> tfvae.plots.reconstructions(vae, x).savefig("reconstructions.png")  # doctest: +SKIP
    """
    x = checked_part(model, x, num)
    means = _models.decoded(model, _models.codes(model, x))
    names = ["data", "reconstruction"]
    if not _tiles.are_images(model.step_shape):
        return _lines.line_panels([x, means], names)
    limits = _tiles.value_range(x)
    if model.sequence_axes:
        return sequence_grid([x, means], names, limits=limits)
    return _tiles.image_grid([x, means], names, limits=limits)


def sequence_grid(kinds, names, *, limits=None, **kwargs):
    """Rows of frames: those of the same sequence, one of each kind, below each other.

    Args:
        kinds: arrays (n, T, *image).
        names: of the kinds, or of the n·len(kinds) rows.
        limits: values shown as black and white.
        **kwargs: see `_tiles.image_grid`.
    """
    rows = [row for together in zip(*kinds, strict=True) for row in together]
    return _tiles.image_grid(
        rows,
        list(names) * (len(rows) // len(names)),
        limits=limits,
        cell=_tiles.fitting_cell(max(map(len, rows))),
        group=len(kinds) if len(kinds) > 1 else None,
        **kwargs,
    )


def checked_part(model, x, num):
    """The first `num` examples of data that fit the model."""
    return _models.checked_data(model, x)[: _checks.positive_int("num", num)]


def samples(model, num: int | None = None, *, seed: int = 0) -> Figure:
    """E[x|z] for `num` draws z ~ p(z), up to ten a row; of sequences of images one a row.

    Args:
        model: a built model.
        num: number of samples; None: 40, or 8 sequences.
        seed: of the samples; the same seed gives the same figure.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built or `num` < 1.
    """
    _models.check_built(model)
    num = (8 if model.sequence_axes else 40) if num is None else _checks.positive_int("num", num)
    means = _models.decoded(model, _models.prior_samples(model, num, seed))
    if not _tiles.are_images(model.step_shape):
        return _lines.line_panels([means], ["sample"], columns=5)
    if model.sequence_axes:
        return sequence_grid([means], [""])
    rows = np.split(means, range(10, num, 10))
    return _tiles.image_grid(rows, [""] * len(rows))
