"""Similarity search: what is nearest among up to 10⁷ encodings, and what counts as the same."""

from tfvae.applications.similarity.index import SimilarityIndex
from tfvae.applications.similarity.results import RangeResult, SearchResult
from tfvae.applications.similarity.thresholds import SameThreshold, same_threshold

__all__ = ["RangeResult", "SameThreshold", "SearchResult", "SimilarityIndex", "same_threshold"]
