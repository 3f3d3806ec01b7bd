"""The contract of all models as one function, for models of one's own."""

from tfvae import _late
from tfvae.testing.check import check_model
from tfvae.testing.registry import PROMISES, Promise

__all__ = ["PROMISES", "Promise", "check_model"]

__getattr__, __dir__ = _late.names(__name__, {}, globals())
