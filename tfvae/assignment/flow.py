"""The exact assignment of a batch, by a minimum-cost flow with integer costs."""

import functools
import math
from types import ModuleType
from typing import Any

import keras
import numpy as np

from tfvae import _checks
from tfvae.assignment.base import PenalizedAssignment

# OR-tools refuses costs above this divided by its number of nodes: n + S + 1, and 3 of its own.
LARGEST_PRODUCT = 2**62


@keras.saving.register_keras_serializable(package="tfvae")
class MinCostFlow(PenalizedAssignment):
    """argmax_d Σ_i u_i[d_i] − λ' Σ_{i<j} [d_i = d_j], exactly, by a minimum-cost flow [JS19].

    A unit of flow goes from each example to a category, at the cost −u_i[k], and from there to the
    sink along one of n parallel arcs with the costs 0, λ', 2λ', …. A cheapest flow uses the
    cheapest arcs, and n_k examples of category k cost λ'·n_k(n_k − 1)/2 (see `objective`).

    Costs are whole numbers (see `scaled_costs`). They represent λ' exactly, and u to half a step of
    at most 1/`resolution` nats. The result's objective is therefore at most n/`resolution` nats
    below the largest one. λ' = 0 needs no flow and no OR-tools: the result is argmax_k, the first
    of equal ones. If several assignments are best, the result is one of them, the same at every
    call.

    Examples with u_i[k] < max_k u_i[k] − nλ' for all other k would keep their best category even if
    all others shared it. They get it in advance. Late in training, when categories differ by nats,
    this leaves little to solve.

    Args:
        penalty: λ' ≥ 0, nats for each pair of examples that share a category.
        resolution: least number of cost steps per nat. n·(n + S + 4)·λ'·`resolution` must not
            exceed 2⁶², for costs of 64 bits. With the default and 256 examples in 10 categories, λ'
            may be 6·10⁵ nats.

    Raises:
        ValueError: when an argument lies outside its range; at a call, when λ'·`resolution` is too
            large for the batch, or for faulty unary terms.
        ImportError: at a call, when OR-tools is not installed.

    Example, three examples that prefer category 0, the last one only slightly:

        >>> from tfvae.assignment import MinCostFlow
        >>> unary = [[0.0, -5.0], [0.0, -5.0], [0.0, -1.5]]
        >>> MinCostFlow(penalty=0.5)(unary).tolist(), MinCostFlow(penalty=1.0)(unary).tolist()
        ([0, 0, 0], [0, 0, 1])
    """

    def __init__(self, penalty: float = 0.001, resolution: float = 1e8) -> None:
        super().__init__(penalty)
        self.resolution = _checks.number_in(
            "resolution", resolution, 0.0, math.inf, low_open=True, high_open=True
        )

    def _solve(self, unary):
        if self.penalty == 0.0:
            return np.argmax(unary, axis=1)
        return minimum_cost(*scaled_costs(unary, self.penalty, self.resolution))[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "resolution": self.resolution}


def scaled_costs(unary: np.ndarray, penalty: float, resolution: float) -> tuple[np.ndarray, int]:
    """The assignment problem in whole numbers: costs, and the cost of a pair.

    With R = ⌈λ'·resolution⌉/λ' ≥ `resolution` steps per nat, which make λ' a whole number of steps,

        c_i[k] = min(round(R·(max_k u_i[k] − u_i[k])), n·R·λ').

    A row's largest term costs 0; this shift changes no choice. A cost above (n − 1)·Rλ' is never
    paid: an example's best category costs less even when all others share it. Clipping such costs,
    including −inf terms, changes no choice either.

    Args:
        unary: u, float64 (n, S), each row with a finite largest value.
        penalty: λ' > 0, nats.
        resolution: least number of steps per nat.

    Returns:
        c, int64 (n, S), and R·λ'.

    Raises:
        ValueError: when costs of this size might overflow.

    Example:
        >>> import numpy as np
        >>> from tfvae.assignment import scaled_costs
        >>> costs, step = scaled_costs(np.array([[3.0, 2.9], [0.0, -np.inf]]), 0.1, 100)
        >>> costs.tolist(), step
        ([[0, 10], [0, 20]], 10)
    """
    n, num_categories = unary.shape
    step = max(1.0, math.ceil(penalty * resolution))
    if n * (n + num_categories + 4) * step > LARGEST_PRODUCT:
        raise ValueError(
            f"`penalty` times `resolution` must be at most "
            f"{LARGEST_PRODUCT / (n * (n + num_categories + 4)):.1e} for {n} examples and "
            f"{num_categories} categories, received {penalty:g} times {resolution:g}. Larger costs "
            f"overflow 64 bits. A `resolution` of "
            f"{LARGEST_PRODUCT / (2 * n * (n + num_categories + 4) * penalty):.1e} fits."
        )
    gaps = np.minimum(unary.max(axis=1, keepdims=True) - unary, n * penalty)
    return np.rint(gaps / penalty * step).astype("int64"), int(step)


def minimum_cost(costs: np.ndarray, step: int) -> tuple[np.ndarray, int]:
    """argmin_d Σ_i c_i[d_i] + step·Σ_{i<j} [d_i = d_j], and this cost.

    Args:
        costs: c, int64 (n, S), n ≥ 1, from 0, the smallest of each row, to at most n·`step`, as
            from `scaled_costs`.
        step: the cost of a pair, at least 1.

    Returns:
        d, int64 (n,), and its cost.

    Raises:
        ImportError: when OR-tools is not installed.

    Example, in which 10 is less than the cost 15 of a pair:

        >>> import numpy as np
        >>> from tfvae.assignment import minimum_cost
        >>> categories, cost = minimum_cost(np.array([[0, 10], [0, 20]]), step=15)
        >>> categories.tolist(), cost
        ([1, 0], 10)
    """
    n, num_categories = costs.shape
    categories = np.argmin(costs, axis=1)
    undecided = np.count_nonzero(costs < n * step, axis=1) > 1
    sizes = np.bincount(categories[~undecided], minlength=num_categories)
    cost = step * int(np.sum(sizes * (sizes - 1))) // 2
    if undecided.any():
        network = _network(n, num_categories)
        categories[undecided], added = network.solve(costs[undecided], sizes, step)
        cost += added
    return categories, cost


class _Network:
    """Nodes and arcs for up to n examples and S categories; they do not depend on the costs.

    Node 0 is the sink; categories and examples follow. The i-th 2S arcs go from example i to the
    categories, and from the categories to the sink. A problem of m ≤ n examples uses the first 2mS.
    """

    def __init__(self, n: int, num_categories: int) -> None:
        shape = (n, num_categories)
        categories = np.broadcast_to(1 + np.arange(num_categories), shape)
        examples = np.broadcast_to(1 + num_categories + np.arange(n)[:, np.newaxis], shape)
        self.tails = np.stack([examples, categories], axis=1).ravel().astype("int32")
        self.heads = np.stack([categories, np.zeros(shape)], axis=1).ravel().astype("int32")
        self.capacities = np.ones(2 * n * num_categories, "int64")
        self.nodes = np.arange(1 + num_categories + n, dtype="int32")
        self.supplies = np.repeat([0, 1], [1 + num_categories, n])

    def solve(self, costs: np.ndarray, sizes: np.ndarray, step: int) -> tuple[np.ndarray, int]:
        """The best categories of m examples, and the cost that they add to `sizes` others."""
        m, num_categories = costs.shape
        num_arcs, num_nodes = 2 * costs.size, 1 + num_categories + m
        next_ones = step * (sizes + np.arange(m)[:, np.newaxis])
        problem = _min_cost_flow().SimpleMinCostFlow()
        arcs = problem.add_arcs_with_capacity_and_unit_cost(
            self.tails[:num_arcs],
            self.heads[:num_arcs],
            self.capacities[:num_arcs],
            np.stack([costs, next_ones], axis=1).ravel(),
        )
        problem.set_nodes_supplies(self.nodes[:num_nodes], self.supplies[:num_nodes])
        problem.set_node_supply(0, -m)
        status = problem.solve()
        if status != problem.OPTIMAL:
            raise RuntimeError(f"OR-tools found no optimal flow: {status}.")
        flows = problem.flows(arcs).reshape(m, 2, num_categories)[:, 0]
        return np.argmax(flows, axis=1), problem.optimal_cost()


# Batches have one or two sizes in training.
_network = functools.lru_cache(maxsize=8)(_Network)


def _min_cost_flow() -> ModuleType:
    return _checks.package(
        "ortools.graph.python.min_cost_flow",
        "MinCostFlow",
        "ortools",
        "tfvae.assignment.Greedy does without.",
    )
