"""Variational autoencoders with structured latent spaces, for Keras 3 and TensorFlow Probability."""

from tfvae import (
    _backend,  # noqa: F401  (first: refuses another backend with a clear message)
    distributions,
    likelihoods,
    networks,
    objectives,
    priors,
)
from tfvae._version import __version__
from tfvae.models import VAE, VHPVAE, ImportanceWeightedVAE, LatentVariableModel

__all__ = [
    "VAE",
    "VHPVAE",
    "ImportanceWeightedVAE",
    "LatentVariableModel",
    "__version__",
    "distributions",
    "likelihoods",
    "networks",
    "objectives",
    "priors",
]
