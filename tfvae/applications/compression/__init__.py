"""Lossless compression with a trained model: bits back with asymmetric numeral systems."""

from tfvae.applications.compression.compressor import Compressor

__all__ = ["Compressor"]
