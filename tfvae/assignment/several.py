"""Several discrete variables: one assignment after the other until nothing changes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks
from tfvae.assignment.base import Assignment, check_rows


def assign(
    unary: ArrayLike, sizes: Sequence[int], solver: Assignment, *, max_sweeps: int = 20
) -> np.ndarray:
    """Categories d_0, …, d_{V − 1} of each example, by block-coordinate ascent.

    The objective is

        Σ_i u_i[d_i1, …, d_iV] − λ' Σ_v Σ_{i<j} [d_iv = d_jv].

    With one variable the result is the solver's. With several, the search starts at the joint
    argmax of u_i. A sweep solves for each variable in turn, with the others held, and keeps a
    solution that raises the objective (from `Custom`: any that differs). The search ends with the
    first sweep that changes nothing. With `MinCostFlow`, no change of one variable, in any number
    of examples, could then raise the objective by more than n/`resolution` nats; a change of
    several variables might.

    Args:
        unary: u_i[k_1, …, k_V] = log p(x_i | z_i, e_k1, …, e_kV), (n, S_1, …, S_V), or (n, ΠS_v)
            with the last variable changing fastest; nats.
        sizes: (S_1, …, S_V).
        solver: solves the problem of one variable.
        max_sweeps: largest number of sweeps.

    Returns:
        d, int32 (n, V).

    Raises:
        ValueError: when a shape does not fit, or unary terms are faulty.

    Example:
        >>> import numpy as np
        >>> from tfvae.assignment import MinCostFlow, assign
        >>> unary = np.array([[[0.0, -5.0], [-5.0, -5.0]], [[0.0, -5.0], [-4.0, -4.0]]])
        >>> assign(unary, (2, 2), MinCostFlow(penalty=0.1)).tolist()
        [[0, 0], [0, 0]]
        >>> assign(unary, (2, 2), MinCostFlow(penalty=6.0)).tolist()
        [[0, 0], [1, 1]]
    """
    sizes = _checks.positive_ints("sizes", sizes)
    max_sweeps = _checks.positive_int("max_sweeps", max_sweeps)
    unary = np.asarray(unary, dtype="float64")
    product = math.prod(sizes)
    if not sizes:
        raise ValueError("`sizes` must have an entry for each discrete variable, received none.")
    if unary.shape[1:] not in (sizes, (product,)):
        raise ValueError(
            f"`unary` must have the shape (n, {', '.join(map(str, sizes))}) or (n, {product}) for "
            f"`sizes` {sizes}, received {unary.shape}."
        )
    if len(sizes) == 1:
        return solver(unary)[:, np.newaxis]
    flat = unary.reshape(len(unary), product)
    check_rows(flat)
    unary = unary.reshape(len(unary), *sizes)
    categories = np.stack(np.unravel_index(np.argmax(flat, axis=1), sizes), axis=1).astype("int32")
    for _ in range(max_sweeps):
        before = categories.copy()
        for v in range(len(sizes)):
            block = _given_the_others(unary, categories, v)
            new = solver(block)
            if solver.improves(block, new, categories[:, v]):
                categories[:, v] = new
        if np.array_equal(categories, before):
            break
    return categories


def _given_the_others(unary, categories, v):
    """Unary terms of variable v, (n, S_v), with all others at their categories."""
    index = [np.arange(len(unary)), *categories.T]
    index = [one[:, np.newaxis] for one in index]
    index[1 + v] = np.arange(unary.shape[1 + v])
    return unary[tuple(index)]
