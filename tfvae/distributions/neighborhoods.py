"""The neighbourhoods by their short names."""

from tfvae import _checks
from tfvae.distributions.capsules import Bubble, Shifting
from tfvae.distributions.neighborhood import Neighborhood
from tfvae.distributions.torus import Torus

NAMES = {"bubble": Bubble, "shifting": Shifting, "torus": Torus}


def get(identifier: str | Neighborhood) -> Neighborhood:
    """The neighbourhood for a short name ("shifting", "bubble", "torus"), or the object itself."""
    return _checks.named_object("neighborhood", identifier, Neighborhood, NAMES)
