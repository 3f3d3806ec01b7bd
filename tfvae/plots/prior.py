"""The aggregated posterior beside the prior: where samples of the prior lie."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from tfvae import _checks, _seeds
from tfvae.models import aggregated
from tfvae.models.data import posterior_moments
from tfvae.plots import _models, _style, latent

NEAR, AWAY = _style.PAIR
BINS = 40


def prior_fit(
    model: keras.Model,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    num_samples: int = 1000,
    batch_size: int = 512,
    seed: int = 0,
) -> Figure:
    """Latents of the aggregated posterior q(z) on the left, as many of the prior on the right.

    Samples of the prior that lie where no data are have another colour, and the title counts them.
    A sample lies where data are if its nearest encoding, a grey point, is no farther than the 99%
    quantile of that distance among the points on the left: of the aggregated posterior itself 1%
    lies farther. `tfvae.evaluation.prior_fit` gives this share, and the divergence of the two.

    More than two latents are projected on the two principal axes of the encodings. Points that lie
    apart may cover each other then: the colour is of the distance in all dimensions. One latent is
    shown as histograms. At each side the outermost 0.5% of the points may lie outside the axes.
    Sequences have one point per frame. Where the prior makes z of noise, the points are the noise.

    Args:
        model: a built model.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        y: the condition beside an array, for a model with one.
        num_samples: number of points on each side.
        batch_size: number of rows of an array at a time; a dataset keeps its own batches.
        seed: of all draws.

    Returns:
        The figure.

    Raises:
        ValueError: when the model is not built, the data are empty or of the wrong shape, or a
            condition is missing.

    Example:
        >>> import numpy as np, tfvae.plots
        >>> x = np.random.default_rng(0).uniform(size=(50, 5)).astype("float32")
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build(x.shape)
        >>> figure = tfvae.plots.prior_fit(vae, x, num_samples=100)
        >>> [axes.get_title("left").split(":")[0] for axes in figure.axes]
        ['aggregated posterior', 'prior']
    """
    _models.check_built(model)
    num_samples = _checks.positive_int("num_samples", num_samples)
    loc, scale = posterior_moments(model, data, y, batch_size=batch_size)
    z = aggregated.draws(model, loc, scale, num_samples, _seeds.generator(seed))
    project, names = latent.projection(z.encodings, "data")
    near, away = project(z.prior[z.is_near]), project(z.prior[~z.is_near])
    draw = _histograms if loc.shape[1] == 1 else _points
    figure, (left, right) = _style.panels(2, 2, size=(3.6, 3.5), sharex=True, sharey=True)
    draw(left, right, project(z.encodings), project(z.aggregated), near, away)
    of_noise = not model.prior.posterior_is_over_z
    if of_noise and loc.shape[1] <= 2:
        names = ("noise 0", "noise 1")
    _style.titled(left, "aggregated posterior" + (" of the noise" if of_noise else ""))
    what = "prior noise" if of_noise else "prior"
    _style.titled(right, f"{what}: {len(away)} of {num_samples} where no data are")
    for axes in (left, right):
        axes.set_xlabel(names[0])
        axes.tick_params(labelbottom=True)
    left.set_ylabel("samples" if loc.shape[1] == 1 else names[1])
    latent.draw_legends(figure, right, "none", "")
    return figure


def _points(left, right, encodings, posterior, near, away):
    style = {"s": 7, "linewidths": 0}
    left.scatter(*posterior.T, color=NEAR, **style)
    right.scatter(*encodings.T, color=_style.BACKDROP, zorder=0, label="encodings", **style)
    right.scatter(*near.T, color=NEAR, label="where data are", **style)
    right.scatter(*away.T, color=AWAY, label="where no data are", **style)
    latent.leave_out_stragglers(right, [posterior, np.concatenate([near, away])])
    # Square, of equal scales: distances are what is compared, and a narrow panel has a short title.
    low, high = np.transpose([right.get_xlim(), right.get_ylim()])
    middle, half = (low + high) / 2, np.max(high - low) / 2
    right.set(xlim=middle[0] + [-half, half], ylim=middle[1] + [-half, half])
    for axes in (left, right):
        axes.set_aspect("equal", adjustable="box")


def _histograms(left, right, encodings, posterior, near, away):
    everything = np.concatenate([posterior, near, away])
    bins = np.histogram_bin_edges(everything, bins=BINS)
    left.hist(posterior[:, 0], bins, color=NEAR)
    right.hist(
        [near[:, 0], away[:, 0]],
        bins,
        stacked=True,
        color=[NEAR, AWAY],
        label=["where data are", "where no data are"],
    )
