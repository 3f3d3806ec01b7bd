"""Models: `keras.Model` subclasses with their own steps, one family a file."""

from tfvae.models.adversarial_autoencoder import AdversarialAutoencoder
from tfvae.models.autoencoder import Autoencoder
from tfvae.models.base import LatentVariableModel
from tfvae.models.beta import BetaVAE
from tfvae.models.cascade import CascadeVAE
from tfvae.models.factor import FactorVAE
from tfvae.models.flat_manifold import FlatManifoldVAE
from tfvae.models.iwae import ImportanceWeightedVAE
from tfvae.models.joint import JointVAE
from tfvae.models.sequence import SequenceVAE
from tfvae.models.topographic import BubbleVAE, TopographicVAE
from tfvae.models.vae import VAE
from tfvae.models.vhp import VHPVAE

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
]
