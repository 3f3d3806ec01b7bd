"""Applications: what people do with a trained model."""

from tfvae import _late
from tfvae.applications.compression import Compressor
from tfvae.applications.denoising import denoise
from tfvae.applications.density_buffer import DensityBuffer
from tfvae.applications.outliers import OutlierDetector, Threshold
from tfvae.applications.similarity import (
    RangeResult,
    SameThreshold,
    SearchResult,
    SimilarityIndex,
    same_threshold,
)

__all__ = [
    "Compressor",
    "DensityBuffer",
    "OutlierDetector",
    "RangeResult",
    "SameThreshold",
    "SearchResult",
    "SimilarityIndex",
    "Threshold",
    "denoise",
    "same_threshold",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
