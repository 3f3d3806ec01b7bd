"""TFP distributions: stateless, without Keras."""

from tfvae.distributions.importance_weighted import ImportanceWeightedMarginal, log_mean_exp
from tfvae.distributions.mixture_of_posteriors import (
    MixtureOfPosteriors,
    diagonal_gaussian_log_probs,
)

__all__ = [
    "ImportanceWeightedMarginal",
    "MixtureOfPosteriors",
    "diagonal_gaussian_log_probs",
    "log_mean_exp",
]
