"""Keras callbacks: runs that survive interruptions, and figures and numbers of what they do."""

from tfvae.callbacks.checkpoints import Checkpoints
from tfvae.callbacks.tracking import Tracking
from tfvae.callbacks.writers import MLflowWriter, TensorBoardWriter, WandbWriter

__all__ = ["Checkpoints", "MLflowWriter", "TensorBoardWriter", "Tracking", "WandbWriter"]
