"""Evaluation: functions of (model, data) that return reports."""

from tfvae.evaluation.batches import batches
from tfvae.evaluation.likelihood import LogLikelihood, log_likelihood
from tfvae.evaluation.posterior import (
    PosteriorReport,
    active_units,
    information,
    posterior_moments,
    posterior_report,
)
from tfvae.evaluation.tables import Line, Report, table

__all__ = [
    "Line",
    "LogLikelihood",
    "PosteriorReport",
    "Report",
    "active_units",
    "batches",
    "information",
    "log_likelihood",
    "posterior_moments",
    "posterior_report",
    "table",
]
