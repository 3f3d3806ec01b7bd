"""The contract of all models as one function, for models of one's own."""

from tfvae.testing.check import check_model
from tfvae.testing.registry import PROMISES, Promise

__all__ = ["PROMISES", "Promise", "check_model"]
