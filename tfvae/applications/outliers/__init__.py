"""Outlier detection: rows of a table that a VAE finds unlikely, and why."""

from tfvae.applications.outliers.detector import OutlierDetector
from tfvae.applications.outliers.thresholds import Threshold

__all__ = ["OutlierDetector", "Threshold"]
