"""Applications: what people do with a trained model."""

from tfvae.applications.compression import Compressor
from tfvae.applications.denoising import denoise
from tfvae.applications.density_buffer import DensityBuffer
from tfvae.applications.outliers import OutlierDetector, Threshold
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = [
    "Compressor",
    "DensityBuffer",
    "OutlierDetector",
    "SearchResult",
    "SimilarityIndex",
    "Threshold",
    "denoise",
]
