"""Evaluation: functions of (model, data) that return reports."""

from tfvae.evaluation.flatness import FlatnessReport, flatness, smoothness
from tfvae.evaluation.likelihood import LogLikelihood, log_likelihood
from tfvae.evaluation.posterior import (
    PosteriorReport,
    active_units,
    information,
    posterior_report,
)
from tfvae.evaluation.tables import Line, Report, table
from tfvae.models.batches import batches, posterior_moments

__all__ = [
    "FlatnessReport",
    "Line",
    "LogLikelihood",
    "PosteriorReport",
    "Report",
    "active_units",
    "batches",
    "flatness",
    "information",
    "log_likelihood",
    "posterior_moments",
    "posterior_report",
    "smoothness",
    "table",
]
