"""Keras callbacks: checkpoints that survive interruptions, and tracking of numbers and figures."""

from tfvae.callbacks.checkpoints import Checkpoints
from tfvae.callbacks.tracking import Tracking
from tfvae.callbacks.writers import MLflowWriter, TensorBoardWriter, WandbWriter

__all__ = ["Checkpoints", "MLflowWriter", "TensorBoardWriter", "Tracking", "WandbWriter"]
