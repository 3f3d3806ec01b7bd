"""Penalties: what is added to the loss of each example, some with a network of their own."""

from collections.abc import Iterable

from tfvae import _checks, _late
from tfvae.penalties.adversarial import Adversarial, AdversarialPrior, TotalCorrelation, permuted
from tfvae.penalties.base import Inference, NetworkPenalty, Penalty
from tfvae.penalties.beta_tc import BetaTC, batch_total_correlation
from tfvae.penalties.dip import DIP, covariance, deviation_from_identity
from tfvae.penalties.flatness import Flatness
from tfvae.penalties.mmd import MMD, inverse_multiquadratic, mmd_shares

__all__ = [
    "DIP",
    "MMD",
    "Adversarial",
    "AdversarialPrior",
    "BetaTC",
    "Flatness",
    "Inference",
    "NetworkPenalty",
    "Penalty",
    "TotalCorrelation",
    "batch_total_correlation",
    "covariance",
    "deviation_from_identity",
    "get",
    "inverse_multiquadratic",
    "mmd_shares",
    "permuted",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())

_NAMES = {
    "adversarial_prior": AdversarialPrior,
    "beta_tc": BetaTC,
    "dip": DIP,
    "flatness": Flatness,
    "mmd": MMD,
    "total_correlation": TotalCorrelation,
}


def get(penalties: Iterable[str | Penalty] | str | Penalty) -> list[Penalty]:
    """A list of penalties, given as objects or short names; names are unique.

    Raises:
        ValueError: when an element is neither, or two have the same name, network or optimizer.
    """
    if isinstance(penalties, (str, Penalty)) or not hasattr(penalties, "__iter__"):
        penalties = [] if penalties is None else [penalties]
    found = [_checks.named_object("penalties", one, Penalty, _NAMES) for one in penalties]
    names = [penalty.name for penalty in found]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"`penalties` must have different names, received {name!r} twice. Give one of them "
                "another `name=`."
            )
    for part in ("network", "optimizer"):
        owned = [id(getattr(one, part)) for one in found if getattr(one, part) is not None]
        if len(set(owned)) < len(owned):
            raise ValueError(
                f"`penalties` must each own its {part}, received two that share one. Give each its "
                "own."
            )
    return found
