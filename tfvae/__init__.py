"""Variational autoencoders with structured latent spaces, for Keras 3 and TFP."""

from tfvae import _backend  # noqa: F401, I001  (first: refuses another backend, clearly)
from tfvae import applications, datasets, distributions, evaluation, geometry, likelihoods, networks
from tfvae import objectives, plots, priors
from tfvae._version import __version__
from tfvae.export import export
from tfvae.models import (
    VAE,
    VHPVAE,
    BubbleVAE,
    FlatManifoldVAE,
    ImportanceWeightedVAE,
    LatentVariableModel,
    SequenceVAE,
    TopographicVAE,
)

__all__ = [
    "VAE",
    "VHPVAE",
    "BubbleVAE",
    "FlatManifoldVAE",
    "ImportanceWeightedVAE",
    "LatentVariableModel",
    "SequenceVAE",
    "TopographicVAE",
    "__version__",
    "applications",
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
