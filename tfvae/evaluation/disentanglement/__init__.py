"""Metrics of disentanglement: functions of a representation and the factors of its examples."""

from tfvae.evaluation.disentanglement.clustering import UnsupervisedAccuracy, unsupervised_accuracy
from tfvae.evaluation.disentanglement.information import mig, mutual_information
from tfvae.evaluation.disentanglement.prediction import DCI, dci, sap
from tfvae.evaluation.disentanglement.report import (
    DisentanglementReport,
    disentanglement,
    disentanglement_scores,
)
from tfvae.evaluation.disentanglement.robustness import irs
from tfvae.evaluation.disentanglement.votes import beta_vae_score, factor_vae_score

__all__ = [
    "DCI",
    "DisentanglementReport",
    "UnsupervisedAccuracy",
    "beta_vae_score",
    "dci",
    "disentanglement",
    "disentanglement_scores",
    "factor_vae_score",
    "irs",
    "mig",
    "mutual_information",
    "sap",
    "unsupervised_accuracy",
]
