"""Geometry of latent spaces: the decoder's metric, flatness, curves, graphs of the prior."""

from tfvae import _checks
from tfvae.geometry.distances import distance_matrix
from tfvae.geometry.flatness import Flatness
from tfvae.geometry.geodesics import Geodesics, curve_length, geodesics
from tfvae.geometry.graph import DisconnectedError, LatentGraph, observation_lengths, resample
from tfvae.geometry.metric import (
    condition_number,
    decoder_mean,
    jacobian,
    log_magnification_factor,
    magnification_factor,
    metric_product,
    metric_tensor,
    metric_tensors,
    pullback,
    pushforward,
)

__all__ = [
    "DisconnectedError",
    "Flatness",
    "Geodesics",
    "LatentGraph",
    "condition_number",
    "curve_length",
    "decoder_mean",
    "distance_matrix",
    "geodesics",
    "get",
    "jacobian",
    "log_magnification_factor",
    "magnification_factor",
    "metric_product",
    "metric_tensor",
    "metric_tensors",
    "observation_lengths",
    "pullback",
    "pushforward",
    "resample",
]


def get(identifier) -> Flatness | None:
    """The regulariser for the short name "flatness", the object itself, or None for None."""
    if identifier is None:
        return None
    return _checks.named_object("flatness", identifier, Flatness, {"flatness": Flatness})
