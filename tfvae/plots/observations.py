"""Figures in data space: reconstructions and samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.models.inputs import check_shape
from tfvae.plots import _lines, _models, _style, _tiles

# What is read, what is to be predicted, and the prediction.
WITH_TARGET = _style.COLORS[4], *_style.PAIR


def reconstructions(model: keras.Model, x: ArrayLike, num: int = 10, y: Any = None) -> Figure:
    """The first `num` examples above their reconstructions E[x|z, d, c] at the embedding of x.

    A model with a target beside x shows x, the target and the prediction; x is left out if it has
    another shape. Grey and colour images share one range of values. Sequences of images are rows of
    frames. Other data are lines over the feature index, with example and reconstruction in one
    panel. Rows of a table, of a model with `columns`, are dots, with names up to 40 features.

    Args:
        model: a built model.
        x: data, (n, *data).
        num: greatest number of examples to show.
        y: what the model needs beside x: labels, condition, target.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, `x` does not fit it, a part of y is missing, or
            `num` < 1.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(4, 8, 8, 1)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)
        >>> tfvae.plots.reconstructions(vae, x).savefig("reconstructions.png")  # doctest: +SKIP
    """
    x, y = checked_part(model, x, num, y)
    means = _models.mean_of_inputs(model, _models.decoder_inputs(model, x, y))
    kinds, colors = {"data": x, "reconstruction": means}, _style.PAIR
    if "target" in y:
        kinds, colors = {"target": y["target"], "prediction": means}, _style.PAIR
        if x.shape == means.shape:
            kinds, colors = {"data": x, **kinds}, WITH_TARGET
    names, shown = list(kinds), list(kinds.values())
    if not _tiles.are_images(model.target_step_shape):
        features = _models.feature_names(model)
        return _lines.line_panels(shown, names, colors=colors, features=features)
    limits = _tiles.value_range(shown[-2])
    if model.sequence_axes:
        return sequence_grid(shown, names, limits=limits)
    return _tiles.image_grid(shown, names, limits=limits)


def image_versions(versions: Mapping[str, ArrayLike], num: int = 10) -> Figure:
    """The first `num` images in several versions, such as clean, noisy and denoised, a row each.

    All rows share the range of values of the first one, which should be the clean images: noise
    beyond it is cut off. `tfvae.evaluation.image_quality` measures them.

    Args:
        versions: name -> images (n, h, w), (n, h, w, 1) or (n, h, w, 3), of one shape.
        num: greatest number of images to show.

    Returns:
        The figure.

    Raises:
        ValueError: when there are no versions, they are no images, or their shapes differ.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> clean = np.random.default_rng(0).uniform(size=(4, 8, 8, 1))
        >>> figure = tfvae.plots.image_versions({"clean": clean, "noisy": clean + 0.1})
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['clean', 'noisy']
    """
    num = _checks.positive_int("num", num)
    rows = {name: np.asarray(images) for name, images in dict(versions).items()}
    shapes = {name: images.shape for name, images in rows.items()}
    shape = next(iter(shapes.values()), ())
    if len(set(shapes.values())) != 1 or not _tiles.are_images(shape[1:]) or 0 in shape:
        raise ValueError(
            "`versions` must hold images of one shape, (n, height, width) with 1, 3 or no "
            f"channels last, n ≥ 1, by name, received {shapes}."
        )
    shown = [images[:num] for images in rows.values()]
    return _tiles.image_grid(shown, list(rows), limits=_tiles.value_range(shown[0]))


def sequence_grid(
    kinds: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    limits: tuple[float, float] | None = None,
    **kwargs,
) -> Figure:
    """Rows of frames, grouped by sequence: each group has one row of each kind.

    Args:
        kinds: arrays (n, T, *image), such as data and reconstructions.
        names: names of the kinds, or of all n·len(kinds) rows.
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


def checked_part(
    model: keras.Model, x: ArrayLike, num: int, y: Any
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns the first `num` examples and what the model needs beside them, checked to fit it."""
    x, num = _models.checked_data(model, x), _checks.positive_int("num", num)
    y = _models.checked_beside(model, y, len(x))
    if "target" in y:
        check_shape("target", y["target"].shape, model.target_shape)
    return x[:num], {name: values[:num] for name, values in y.items()}


def samples(model: keras.Model, num: int | None = None, y: Any = None, *, seed: int = 0) -> Figure:
    """E[x|z, d, c] for `num` draws from the prior, ten images or one sequence of images per row.

    Other data are lines; rows of a table, of a model with `columns`, are columns of a heat map.

    Args:
        model: a built model.
        num: number of samples; None: 40, or 8 sequences.
        y: labels and condition of a model that needs them, one for all or one for each.
        seed: seed of the samples. The same seed gives the same figure.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, a part of y is missing, or `num` < 1.

    Example, a column for each class:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, discrete=tfvae.discrete.Labels(10), seed=0)
        >>> vae.build((None, 8, 8, 1))
        >>> figure = tfvae.plots.samples(vae, 40, np.arange(40) % 10)
    """
    _models.check_built(model)
    num = (8 if model.sequence_axes else 40) if num is None else _checks.positive_int("num", num)
    means = model.generate(num, y=y, seed=seed)
    features = _models.feature_names(model)
    if features is not None:
        return _lines.heat_map(means, features, "samples")
    if not _tiles.are_images(model.target_step_shape):
        return _lines.line_panels([means], ["sample"], columns=5)
    if model.sequence_axes:
        return sequence_grid([means], [""])
    rows = np.split(means, range(10, num, 10))
    return _tiles.image_grid(rows, [""] * len(rows))
