"""TFP distributions: stateless, without Keras."""

from tfvae.distributions.importance_weighted import ImportanceWeightedMarginal, log_mean_exp
from tfvae.distributions.mixture_of_posteriors import (
    MixtureOfPosteriors,
    diagonal_gaussian_log_probs,
)
from tfvae.distributions.neighborhoods import Bubble, Explicit, Neighborhood, Shifting, Torus
from tfvae.distributions.topographic import (
    TopographicStudentT,
    importance_sampled_log_prob,
    shared_student_t_log_prob,
    topographic_product,
)

__all__ = [
    "Bubble",
    "Explicit",
    "ImportanceWeightedMarginal",
    "MixtureOfPosteriors",
    "Neighborhood",
    "Shifting",
    "TopographicStudentT",
    "Torus",
    "diagonal_gaussian_log_probs",
    "importance_sampled_log_prob",
    "log_mean_exp",
    "shared_student_t_log_prob",
    "topographic_product",
]
