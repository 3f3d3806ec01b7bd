"""Batch inference over more data than one machine holds: exported models in Apache Beam."""

from tfvae.applications.beam.files import Read, Write, format_of
from tfvae.applications.beam.inference import COUNTERS, Infer, Inferred

__all__ = ["COUNTERS", "Infer", "Inferred", "Read", "Write", "format_of"]
