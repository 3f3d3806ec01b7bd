"""Applications: what people do with a trained model."""

from tfvae.applications.density_buffer import DensityBuffer
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = ["DensityBuffer", "SearchResult", "SimilarityIndex"]
