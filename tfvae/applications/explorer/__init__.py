"""Explorer: a page on this computer that shows what a model has learned.

    pip install 'tfvae[explorer]'
    tfvae explore model.keras digits

`LatentSpace`, `Plane` and `Pictures` have no page, and serve programs of your own.
"""

from tfvae.applications.explorer.files import Data, read_data, read_model
from tfvae.applications.explorer.flat_map import FlatMap, flat_map
from tfvae.applications.explorer.pictures import Pictures
from tfvae.applications.explorer.plane import Plane
from tfvae.applications.explorer.server import serve
from tfvae.applications.explorer.space import LatentSpace, Neighbour

__all__ = [
    "Data",
    "FlatMap",
    "LatentSpace",
    "Neighbour",
    "Pictures",
    "Plane",
    "flat_map",
    "read_data",
    "read_model",
    "serve",
]
