"""Discrete latents of a batch from unary terms: exact by minimum-cost flow, greedy, or your own."""

from collections.abc import Callable

import numpy as np

from tfvae import _checks, _late
from tfvae.assignment.base import Assignment, Custom, PenalizedAssignment, objective
from tfvae.assignment.flow import MinCostFlow, minimum_cost, scaled_costs
from tfvae.assignment.greedy import Greedy
from tfvae.assignment.several import assign

__all__ = [
    "Assignment",
    "Custom",
    "Greedy",
    "MinCostFlow",
    "PenalizedAssignment",
    "assign",
    "get",
    "minimum_cost",
    "objective",
    "scaled_costs",
]

__getattr__, __dir__ = _late.names(__name__, {}, globals())


def get(identifier: str | Assignment | Callable[[np.ndarray], np.ndarray]) -> Assignment:
    """The assignment for a short name, the object itself, or an assignment around a function.

    Args:
        identifier: "min_cost_flow", "greedy", an `Assignment`, or a function of the unary terms
            (n, S) that returns categories (n,); it becomes `Custom(function)`.

    Raises:
        ValueError: when it is none of these.

    Example:
        >>> from tfvae import assignment
        >>> assignment.get(lambda unary: unary.argmax(axis=1))([[0.0, 1.0], [2.0, 1.0]]).tolist()
        [1, 0]
    """
    names = {"greedy": Greedy, "min_cost_flow": MinCostFlow}
    # A class is callable too, but it is not a function of unary terms.
    if callable(identifier) and not isinstance(identifier, (Assignment, type)):
        return Custom(identifier)
    return _checks.named_object("assignment", identifier, Assignment, names)
