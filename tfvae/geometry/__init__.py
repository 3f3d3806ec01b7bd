"""Geometry of latent spaces: the decoder's metric, curves, graphs of the prior."""

from tfvae import _late
from tfvae.geometry.distances import distance_matrix
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
    "Geodesics",
    "LatentGraph",
    "condition_number",
    "curve_length",
    "decoder_mean",
    "distance_matrix",
    "geodesics",
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

__getattr__, __dir__ = _late.names(__name__, {}, globals())
