"""Priors p(z): Keras layers that own weights and hand out a TFP distribution."""

from tfvae import _checks
from tfvae.priors.base import Prior
from tfvae.priors.fitting import fit
from tfvae.priors.hierarchical import HierarchicalPrior
from tfvae.priors.standard_normal import StandardNormal
from tfvae.priors.topographic import TopographicPrior
from tfvae.priors.vamp import VampPrior

__all__ = [
    "HierarchicalPrior",
    "Prior",
    "StandardNormal",
    "TopographicPrior",
    "VampPrior",
    "fit",
    "get",
]


def get(identifier: str | Prior) -> Prior:
    """The prior for a short name ("standard_normal", "vamp", …) or the object itself."""
    names = {
        "hierarchical": HierarchicalPrior,
        "standard_normal": StandardNormal,
        "topographic": TopographicPrior,
        "vamp": VampPrior,
    }
    return _checks.named_object("prior", identifier, Prior, names)
