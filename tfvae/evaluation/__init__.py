"""Evaluation: functions of (model, data) that return reports."""

from tfvae import _late
from tfvae.evaluation.beta_scan import BetaScan, beta_scan
from tfvae.evaluation.capsules import (
    CapsuleCorrelation,
    capsule_correlation,
    equivariance_error,
)
from tfvae.evaluation.clusters import Clustering, clusters
from tfvae.evaluation.disentanglement import (
    DCI,
    DisentanglementReport,
    UnsupervisedAccuracy,
    beta_vae_score,
    dci,
    disentanglement,
    disentanglement_scores,
    factor_vae_score,
    irs,
    mig,
    mutual_information,
    sap,
    unsupervised_accuracy,
)
from tfvae.evaluation.equivariance import EquivarianceReport, equivariance
from tfvae.evaluation.events import (
    EventReport,
    compare_events,
    jensen_shannon_distance,
    peak_width,
)
from tfvae.evaluation.explanation import Explanation, explain
from tfvae.evaluation.flatness import FlatnessReport, flatness, smoothness
from tfvae.evaluation.images import ImageQuality, image_quality, psnr, ssim
from tfvae.evaluation.likelihood import LogLikelihood, log_likelihood
from tfvae.evaluation.posterior import (
    PosteriorReport,
    active_units,
    information,
    posterior_report,
)
from tfvae.evaluation.principal import PrincipalAxes, principal_axes
from tfvae.evaluation.prior import PriorFit, distance_to_data, prior_fit
from tfvae.evaluation.selectivity import selectivity
from tfvae.evaluation.tables import Line, Report, table
from tfvae.models.aggregated import log_aggregated_posterior
from tfvae.models.data import (
    decoder_inputs,
    embeddings,
    latents,
    numpy_batches,
    posterior_moments,
)

__all__ = [
    "DCI",
    "BetaScan",
    "CapsuleCorrelation",
    "Clustering",
    "DisentanglementReport",
    "EquivarianceReport",
    "EventReport",
    "Explanation",
    "FlatnessReport",
    "ImageQuality",
    "Line",
    "LogLikelihood",
    "PosteriorReport",
    "PrincipalAxes",
    "PriorFit",
    "Report",
    "UnsupervisedAccuracy",
    "active_units",
    "beta_scan",
    "beta_vae_score",
    "capsule_correlation",
    "clusters",
    "compare_events",
    "dci",
    "decoder_inputs",
    "disentanglement",
    "disentanglement_scores",
    "distance_to_data",
    "embeddings",
    "equivariance",
    "equivariance_error",
    "explain",
    "factor_vae_score",
    "flatness",
    "image_quality",
    "information",
    "irs",
    "jensen_shannon_distance",
    "latents",
    "log_aggregated_posterior",
    "log_likelihood",
    "mig",
    "mutual_information",
    "numpy_batches",
    "peak_width",
    "posterior_moments",
    "posterior_report",
    "principal_axes",
    "prior_fit",
    "psnr",
    "sap",
    "selectivity",
    "smoothness",
    "ssim",
    "table",
    "unsupervised_accuracy",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
