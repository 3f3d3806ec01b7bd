"""Variational autoencoders with structured latent spaces, for Keras 3 and TFP."""

from tfvae import _backend  # noqa: F401, I001  (first: refuses another backend, clearly)
from tfvae import _late, applications, assignment, callbacks, datasets, discrete, distributions
from tfvae import evaluation, geometry, likelihoods, networks, objectives, penalties, plots
from tfvae import presets, priors, serving, tables, testing
from tfvae._version import __version__
from tfvae.models import (
    VAE,
    VHPVAE,
    AdversarialAutoencoder,
    Autoencoder,
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
from tfvae.presets import load, save
from tfvae.serving import export, export_onnx

__all__ = [
    "VAE",
    "VHPVAE",
    "AdversarialAutoencoder",
    "Autoencoder",
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
    "callbacks",
    "datasets",
    "discrete",
    "distributions",
    "evaluation",
    "export",
    "export_onnx",
    "geometry",
    "likelihoods",
    "load",
    "networks",
    "objectives",
    "penalties",
    "plots",
    "presets",
    "priors",
    "save",
    "serving",
    "tables",
    "testing",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
