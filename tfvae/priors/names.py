"""Short names of priors."""

from tfvae import _checks
from tfvae.priors.base import Prior
from tfvae.priors.density_buffer import DensityBuffer
from tfvae.priors.flow import Flow
from tfvae.priors.gaussian_mixture import GaussianMixture
from tfvae.priors.hierarchical import HierarchicalPrior
from tfvae.priors.improper import Improper
from tfvae.priors.standard_normal import StandardNormal
from tfvae.priors.topographic import TopographicPrior
from tfvae.priors.vamp import VampPrior


def get(identifier: str | Prior) -> Prior:
    """The prior for a short name ("standard_normal", "vamp", …) or the object itself."""
    names = {
        "density_buffer": DensityBuffer,
        "flow": Flow,
        "gaussian_mixture": GaussianMixture,
        "hierarchical": HierarchicalPrior,
        "improper": Improper,
        "standard_normal": StandardNormal,
        "topographic": TopographicPrior,
        "vamp": VampPrior,
    }
    return _checks.named_object("prior", identifier, Prior, names)
