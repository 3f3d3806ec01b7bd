"""A simulated street with people, as a sequence of MOTChallenge with images."""

from tfvae.applications.tracking.street.writing import simulated_street

__all__ = ["simulated_street"]
