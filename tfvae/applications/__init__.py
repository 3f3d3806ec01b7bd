"""Applications: what people do with a trained model."""

from tfvae.applications.denoising import denoise
from tfvae.applications.outliers import OutlierDetector, Threshold
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = ["OutlierDetector", "SearchResult", "SimilarityIndex", "Threshold", "denoise"]
