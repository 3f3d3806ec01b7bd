"""TFP distributions: stateless, without Keras."""

from tfvae import _late
from tfvae.distributions.capsules import Bubble, Shifting
from tfvae.distributions.gaussian import diagonal_gaussian, is_diagonal_gaussian
from tfvae.distributions.importance_weighted import ImportanceWeightedMarginal, log_mean_exp
from tfvae.distributions.mixture_of_gaussians import MixtureOfGaussians
from tfvae.distributions.mixture_of_posteriors import (
    MixtureOfPosteriors,
    diagonal_gaussian_log_probs,
)
from tfvae.distributions.neighborhood import Explicit, Neighborhood
from tfvae.distributions.point import Point
from tfvae.distributions.topographic import (
    TopographicStudentT,
    importance_sampled_log_prob,
    shared_student_t_log_prob,
    topographic_product,
)
from tfvae.distributions.torus import Torus

__all__ = [
    "Bubble",
    "Explicit",
    "ImportanceWeightedMarginal",
    "MixtureOfGaussians",
    "MixtureOfPosteriors",
    "Neighborhood",
    "Point",
    "Shifting",
    "TopographicStudentT",
    "Torus",
    "diagonal_gaussian",
    "diagonal_gaussian_log_probs",
    "importance_sampled_log_prob",
    "is_diagonal_gaussian",
    "log_mean_exp",
    "shared_student_t_log_prob",
    "topographic_product",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
