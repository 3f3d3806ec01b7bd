"""Likelihoods: decoder output -> p(x|z), distortion, and the error that a constraint bounds."""

from tfvae import _checks
from tfvae.likelihoods.base import Likelihood
from tfvae.likelihoods.bernoulli import Bernoulli, bernoulli_log_prob
from tfvae.likelihoods.gaussian import Gaussian, gaussian_log_prob

__all__ = ["Bernoulli", "Gaussian", "Likelihood", "bernoulli_log_prob", "gaussian_log_prob", "get"]


def get(identifier: str | Likelihood) -> Likelihood:
    """The likelihood for a short name ("bernoulli", "gaussian") or the object itself."""
    names = {"bernoulli": Bernoulli, "gaussian": Gaussian}
    return _checks.named_object("likelihood", identifier, Likelihood, names)
