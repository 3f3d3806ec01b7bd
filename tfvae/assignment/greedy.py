"""The greedy assignment of a batch."""

import keras
import numpy as np

from tfvae.assignment.base import PenalizedAssignment


@keras.saving.register_keras_serializable(package="tfvae")
class Greedy(PenalizedAssignment):
    """d_i = argmax_k u_i[k] − λ'·(examples before i in category k), one example after the other.

    A baseline: its `objective` is at most as large as with `MinCostFlow`, up to rounding. The
    result depends on the order of the examples.

    Args:
        penalty: λ' ≥ 0, nats for each pair of examples that share a category.

    Raises:
        ValueError: when λ' is negative or not a finite number.

    Example, in which the first example takes the category that the second one needs more:

        >>> from tfvae.assignment import Greedy, MinCostFlow
        >>> unary = [[0.0, -1.0], [0.0, -1.5]]
        >>> Greedy(penalty=2.0)(unary).tolist(), MinCostFlow(penalty=2.0)(unary).tolist()
        ([0, 1], [1, 0])
    """

    def _solve(self, unary):
        costs = np.zeros(unary.shape[1])
        categories = np.empty(len(unary), "int64")
        for i, row in enumerate(unary):
            categories[i] = np.argmax(row - costs)
            costs[categories[i]] += self.penalty
        return categories
