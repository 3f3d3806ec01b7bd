"""Variational autoencoders with structured latent spaces, for Keras 3 and TFP."""

from tfvae import _backend  # noqa: F401, I001  (first: refuses another backend, clearly)
from tfvae import applications, assignment, datasets, distributions, evaluation, geometry
from tfvae import likelihoods, networks, objectives, plots, priors
from tfvae._version import __version__
from tfvae.export import export
from tfvae.models import (
    VAE,
    VHPVAE,
    AdversarialAutoencoder,
    BetaVAE,
    BubbleVAE,
    CascadeVAE,
    FactorVAE,
    FlatManifoldVAE,
    ImportanceWeightedVAE,
    JointVAE,
    LatentVariableModel,
    SequenceVAE,
    TopographicVAE,
)

__all__ = [
    "VAE",
    "VHPVAE",
    "AdversarialAutoencoder",
    "BetaVAE",
    "BubbleVAE",
    "CascadeVAE",
    "FactorVAE",
    "FlatManifoldVAE",
    "ImportanceWeightedVAE",
    "JointVAE",
    "LatentVariableModel",
    "SequenceVAE",
    "TopographicVAE",
    "__version__",
    "applications",
    "assignment",
    "datasets",
    "distributions",
    "evaluation",
    "export",
    "geometry",
    "likelihoods",
    "networks",
    "objectives",
    "plots",
    "priors",
]
