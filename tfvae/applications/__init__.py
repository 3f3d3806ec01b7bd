"""Applications: what people do with a trained model."""

from tfvae.applications.compression import Compressor
from tfvae.applications.similarity import SearchResult, SimilarityIndex

__all__ = ["Compressor", "SearchResult", "SimilarityIndex"]
