"""Likelihoods: decoder output -> p(x|z), distortion, and the error that a constraint bounds."""

from tfvae import _checks, _late
from tfvae.likelihoods.base import Likelihood
from tfvae.likelihoods.bernoulli import Bernoulli, bernoulli_log_prob
from tfvae.likelihoods.categorical import Categorical
from tfvae.likelihoods.counts import NegativeBinomial, Poisson
from tfvae.likelihoods.gaussian import Gaussian, gaussian_log_prob
from tfvae.likelihoods.heavy_tailed import Laplace, StudentT, student_t_log_prob
from tfvae.likelihoods.mixed import Mixed

__all__ = [
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Laplace",
    "Likelihood",
    "Mixed",
    "NegativeBinomial",
    "Poisson",
    "StudentT",
    "bernoulli_log_prob",
    "gaussian_log_prob",
    "get",
    "student_t_log_prob",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())


def get(identifier: str | Likelihood) -> Likelihood:
    """The likelihood for a short name, or the object itself.

    Names are "bernoulli", "gaussian", "laplace", "negative_binomial", "poisson" and "student_t".
    `Categorical` and `Mixed` need to be told what the data are.
    """
    names = {
        "bernoulli": Bernoulli,
        "gaussian": Gaussian,
        "laplace": Laplace,
        "negative_binomial": NegativeBinomial,
        "poisson": Poisson,
        "student_t": StudentT,
    }
    return _checks.named_object("likelihood", identifier, Likelihood, names)
