"""Keras callbacks: checkpoints that survive interruptions, monitors, tracking of a run."""

from tfvae import _late
from tfvae.callbacks.checkpoints import Checkpoints
from tfvae.callbacks.monitors import PriorFitMonitor
from tfvae.callbacks.tracking import Tracking
from tfvae.callbacks.writers import MLflowWriter, TensorBoardWriter, WandbWriter

__all__ = [
    "Checkpoints",
    "MLflowWriter",
    "PriorFitMonitor",
    "TensorBoardWriter",
    "Tracking",
    "WandbWriter",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
