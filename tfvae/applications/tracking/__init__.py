"""Tracking people in video: SORT, appearance, files of MOTChallenge, official evaluation."""

from tfvae.applications.tracking.boxes import corners
from tfvae.applications.tracking.sort import Sort, Tracks

__all__ = ["Sort", "Tracks", "corners"]
