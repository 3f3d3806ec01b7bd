"""Objectives: how distortion and rate become a loss, with the multipliers of constrained ones."""

from tfvae import _checks, _late
from tfvae._coefficients import Coefficient
from tfvae.objectives.base import BoundState, Objective, Terms
from tfvae.objectives.bounds import AutomaticBound
from tfvae.objectives.capacity import Capacity
from tfvae.objectives.cascade import InformationCascade
from tfvae.objectives.constrained import Constrained
from tfvae.objectives.elbo import ELBO, BetaELBO, ConvexBeta
from tfvae.objectives.importance_weighted import ImportanceWeighted
from tfvae.objectives.multipliers import GECO, REWO, Multiplier, geco_step, rewo_step
from tfvae.objectives.schedules import Cyclical

__all__ = [
    "ELBO",
    "GECO",
    "REWO",
    "AutomaticBound",
    "BetaELBO",
    "BoundState",
    "Capacity",
    "Coefficient",
    "Constrained",
    "ConvexBeta",
    "Cyclical",
    "ImportanceWeighted",
    "InformationCascade",
    "Multiplier",
    "Objective",
    "Terms",
    "geco_step",
    "get",
    "rewo_step",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())


def get(identifier: str | Objective) -> Objective:
    """The objective for a short name ("elbo", "importance_weighted", …) or the object itself."""
    names = {
        "beta_elbo": BetaELBO,
        "capacity": Capacity,
        "constrained": Constrained,
        "convex_beta": ConvexBeta,
        "elbo": ELBO,
        "importance_weighted": ImportanceWeighted,
        "information_cascade": InformationCascade,
    }
    return _checks.named_object("objective", identifier, Objective, names)
