"""Figures of how latents of data lie: shares of their principal axes, and clusters."""

from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.models.data import latents
from tfvae.plots import _models, _style, latent


def explained_variance(axes: Any, num: int = 20) -> Figure:
    """Bars of each principal axis' share of the variance of the latents, and a line of their sum.

    Args:
        axes: `tfvae.evaluation.PrincipalAxes`.
        num: greatest number of axes to show.

    Returns:
        The figure.

    Raises:
        ValueError: when `num` < 1.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> vae = tfvae.VAE(latent_dim=3, seed=0)
        >>> vae.build((None, 5))
        >>> x = np.random.default_rng(0).normal(size=(200, 5))
        >>> axes = tfvae.evaluation.principal_axes(vae, x)
        >>> figure = tfvae.plots.explained_variance(axes)
        >>> figure.axes[0].get_ylabel()
        'share of the variance'
    """
    shares = np.asarray(axes.shares)[: _checks.positive_int("num", num)]
    figure = _style.new_figure(1.4 + 0.28 * max(len(shares), 6), 2.6)
    drawn = _style.plain(figure.add_subplot())
    index = np.arange(len(shares))
    drawn.bar(index, shares, color=_style.COLORS[0], width=0.7, label="one axis")
    style = {"color": _style.COLORS[2], "markersize": 3.5, "linewidth": 1.2}
    drawn.plot(index, np.cumsum(shares), "o-", label="this and all before", **style)
    drawn.set(xlabel="principal axis", ylabel="share of the variance", ylim=(0.0, 1.04))
    _style.count_along(drawn.xaxis)
    _style.legend(figure, loc="outside upper left", ncols=2)
    return figure


def clusters(
    model: keras.Model, x: ArrayLike, clustering: Any, *, y: Any = None, seed: int = 0
) -> Figure:
    """Posterior means of the data, coloured by their cluster, with the centres of the clusters.

    For N_z > 2 all are projected on the two principal axes of the data, as in `latent_scatter`.

    Args:
        model: a built model with two latents or more.
        x: the data that were clustered, (n, *data), in the same order.
        clustering: `tfvae.evaluation.Clustering` of these data.
        y: the condition of a model with one, for each example.
        seed: seed of `latent_scatter`.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built or has one latent, or the clustering is of other
            data.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 5))
        >>> x = np.random.default_rng(0).normal(size=(60, 5))
        >>> found = tfvae.evaluation.clusters(vae, x, 3, method="gaussian_mixture")
        >>> figure = tfvae.plots.clusters(vae, x, found)
    """
    x = _models.checked_data(model, x)
    if model.latent_dim < 2:
        raise ValueError(f"`model` must have latent_dim ≥ 2, received {model.latent_dim}.")
    labels = np.asarray(clustering.assignments)
    steps = int(np.prod(model.sequence_shape))
    if len(labels) != len(x) * steps or clustering.centres.shape[1:] != (model.latent_dim,):
        raise ValueError(
            f"`clustering` must be that of the latents of these {len(x)} examples, received one of "
            f"{len(labels)} latents in {np.shape(clustering.centres)[-1]} dimensions."
        )
    shaped = labels.reshape(len(x), *model.sequence_shape)
    figure = latent.latent_scatter(model, x, shaped, y=y, coloring="categorical",
                                   label_name="cluster", seed=seed)  # fmt: skip
    y = _models.checked_beside(model, y, len(x), ("condition",))
    project, _ = latent.projection(latents(model, x, y))
    style = {"color": "black", "markeredgecolor": "white", "markeredgewidth": 1.2}
    figure.axes[0].plot(*project(clustering.centres).T, "X", markersize=9, **style)
    return figure
