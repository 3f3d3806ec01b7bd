"""Exports of a trained model for servers and devices: SavedModel, ONNX, LiteRT."""

from tfvae import _late
from tfvae.serving.litert_files import export_litert
from tfvae.serving.onnx_files import export_onnx
from tfvae.serving.saved_model import export

__all__ = ["export", "export_litert", "export_onnx"]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
