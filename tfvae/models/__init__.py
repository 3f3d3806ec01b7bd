"""Models: `keras.Model` subclasses with their own steps, one family a file."""

from tfvae.models.base import LatentVariableModel
from tfvae.models.flat_manifold import FlatManifoldVAE
from tfvae.models.iwae import ImportanceWeightedVAE
from tfvae.models.sequence import SequenceVAE
from tfvae.models.topographic import BubbleVAE, TopographicVAE
from tfvae.models.vae import VAE
from tfvae.models.vhp import VHPVAE

__all__ = [
    "VAE",
    "VHPVAE",
    "BubbleVAE",
    "FlatManifoldVAE",
    "ImportanceWeightedVAE",
    "LatentVariableModel",
    "SequenceVAE",
    "TopographicVAE",
]
