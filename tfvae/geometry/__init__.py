"""Geometry of latent spaces: shortest paths on graphs of samples of the prior."""

from tfvae.geometry.graph import DisconnectedError, LatentGraph, observation_lengths, resample

__all__ = ["DisconnectedError", "LatentGraph", "observation_lengths", "resample"]
