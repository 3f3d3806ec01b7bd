"""Applications: what people do with a trained model."""

from tfvae.applications.denoising import denoise
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = ["SearchResult", "SimilarityIndex", "denoise"]
