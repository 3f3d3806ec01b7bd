"""Matplotlib figures of data, latent spaces and training. Each function returns the Figure.

Figures are not registered with pyplot. They need no display and need not be closed. A notebook
(after `%matplotlib inline`) shows the figure at the end of a cell; elsewhere
`figure.savefig("name.png")` writes it. `motion_gif` and `traversal_gif` write GIF files.
"""

from tfvae import _late
from tfvae.plots.beta_scan import beta_scan
from tfvae.plots.capsules import (
    capsule_traversals,
    forward_prediction,
    selectivity_maps,
    squares_covariance,
    topographic_map,
)
from tfvae.plots.clusters import clusters, explained_variance
from tfvae.plots.disentanglement import (
    category_traversals,
    latents_against_factors,
    traversal_gif,
)
from tfvae.plots.events import event_histograms
from tfvae.plots.flatness import equidistance, violins
from tfvae.plots.interpolations import interpolation, traversals
from tfvae.plots.latent import latent_scatter
from tfvae.plots.motion import motion_gif, stick_figures
from tfvae.plots.observations import image_versions, reconstructions, samples
from tfvae.plots.outliers import outlier_reasons
from tfvae.plots.prior import prior_fit
from tfvae.plots.tradeoff import pareto_front, tradeoff
from tfvae.plots.training import training_curves

__all__ = [
    "beta_scan",
    "capsule_traversals",
    "category_traversals",
    "clusters",
    "equidistance",
    "event_histograms",
    "explained_variance",
    "forward_prediction",
    "image_versions",
    "interpolation",
    "latent_scatter",
    "latents_against_factors",
    "motion_gif",
    "outlier_reasons",
    "pareto_front",
    "prior_fit",
    "reconstructions",
    "samples",
    "selectivity_maps",
    "squares_covariance",
    "stick_figures",
    "topographic_map",
    "tradeoff",
    "training_curves",
    "traversal_gif",
    "traversals",
    "violins",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
