"""Categorical variables beside z: observed labels, Gumbel-softmax samples, assignments."""

from tfvae import _checks, _late
from tfvae.discrete.assigned import Assigned
from tfvae.discrete.base import Choice, Discrete, Given
from tfvae.discrete.gumbel_softmax import GumbelSoftmax, uniform_rate
from tfvae.discrete.labels import Labels

__all__ = [
    "Assigned",
    "Choice",
    "Discrete",
    "Given",
    "GumbelSoftmax",
    "Labels",
    "get",
    "uniform_rate",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())


def get(discrete: Discrete | None) -> Discrete | None:
    """The object itself, or None. No short names: the number of categories has no default.

    Raises:
        ValueError: when it is neither.
    """
    if discrete is None:
        return None
    return _checks.instance_of("discrete", discrete, Discrete, "tfvae.discrete.Assigned(10)")
