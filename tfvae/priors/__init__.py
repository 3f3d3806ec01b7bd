"""Priors p(z): Keras layers that own weights and hand out a TFP distribution."""

from tfvae import _late
from tfvae.priors.base import Prior
from tfvae.priors.density_buffer import DensityBuffer
from tfvae.priors.fitting import fit
from tfvae.priors.flow import Flow
from tfvae.priors.gaussian_mixture import GaussianMixture
from tfvae.priors.hierarchical import HierarchicalPrior
from tfvae.priors.improper import Improper
from tfvae.priors.names import get
from tfvae.priors.standard_normal import StandardNormal
from tfvae.priors.standing_in import fit_to
from tfvae.priors.topographic import TopographicPrior
from tfvae.priors.vamp import VampPrior

__all__ = [
    "DensityBuffer",
    "Flow",
    "GaussianMixture",
    "HierarchicalPrior",
    "Improper",
    "Prior",
    "StandardNormal",
    "TopographicPrior",
    "VampPrior",
    "fit",
    "fit_to",
    "get",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
