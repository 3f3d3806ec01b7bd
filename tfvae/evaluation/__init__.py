"""Evaluation: functions of (model, data) that return reports."""

from tfvae.evaluation.capsules import (
    CapsuleCorrelation,
    capsule_correlation,
    equivariance_error,
)
from tfvae.evaluation.equivariance import EquivarianceReport, equivariance
from tfvae.evaluation.flatness import FlatnessReport, flatness, smoothness
from tfvae.evaluation.likelihood import LogLikelihood, log_likelihood
from tfvae.evaluation.posterior import (
    PosteriorReport,
    active_units,
    information,
    posterior_report,
)
from tfvae.evaluation.selectivity import selectivity
from tfvae.evaluation.tables import Line, Report, table
from tfvae.models.batches import batches, latent_codes, posterior_moments

__all__ = [
    "CapsuleCorrelation",
    "EquivarianceReport",
    "FlatnessReport",
    "Line",
    "LogLikelihood",
    "PosteriorReport",
    "Report",
    "active_units",
    "batches",
    "capsule_correlation",
    "equivariance",
    "equivariance_error",
    "flatness",
    "information",
    "latent_codes",
    "log_likelihood",
    "posterior_moments",
    "posterior_report",
    "selectivity",
    "smoothness",
    "table",
]
