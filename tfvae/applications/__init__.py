"""Applications: what people do with a trained model."""

from tfvae.applications.compression import Compressor
from tfvae.applications.denoising import denoise
from tfvae.applications.outliers import OutlierDetector, Threshold
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = [
    "Compressor",
    "OutlierDetector",
    "SearchResult",
    "SimilarityIndex",
    "Threshold",
    "denoise",
]
