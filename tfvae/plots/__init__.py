"""Matplotlib figures of data, latent spaces and training: each function returns the Figure.

No figure is registered with pyplot: nothing has to be closed, and no display is needed. In a
notebook (after `%matplotlib inline`) the figure that a cell ends with is shown; elsewhere
`figure.savefig("name.png")` writes it.
"""

from tfvae.plots.capsules import (
    capsule_traversals,
    forward_prediction,
    selectivity_maps,
    squares_covariance,
    topographic_map,
)
from tfvae.plots.disentanglement import (
    category_traversals,
    latents_against_factors,
    traversal_gif,
)
from tfvae.plots.flatness import equidistance, violins
from tfvae.plots.interpolations import interpolation, traversals
from tfvae.plots.latent import latent_scatter
from tfvae.plots.motion import motion_gif, stick_figures
from tfvae.plots.observations import reconstructions, samples
from tfvae.plots.training import training_curves

__all__ = [
    "capsule_traversals",
    "category_traversals",
    "equidistance",
    "forward_prediction",
    "interpolation",
    "latent_scatter",
    "latents_against_factors",
    "motion_gif",
    "reconstructions",
    "samples",
    "selectivity_maps",
    "squares_covariance",
    "stick_figures",
    "topographic_map",
    "training_curves",
    "traversal_gif",
    "traversals",
    "violins",
]
