"""Presets: a trained model in a folder, with what made it, its preprocessing and a card."""

from tfvae import _late
from tfvae.presets.preset import Preset, load
from tfvae.presets.saving import save

__all__ = ["Preset", "load", "save"]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
