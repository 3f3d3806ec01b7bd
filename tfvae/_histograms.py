"""Histograms of two samples of one quantity, with the same bins."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks

# Share of the reference beyond the outermost edges on each side, which the outermost bins count.
BEYOND = 0.005


class Histograms(NamedTuple):
    """Shares of two samples in the same bins."""

    edges: np.ndarray
    """Edges, (bins + 1,); the outermost bins also count what lies beyond."""
    generated: np.ndarray
    """Share of the generated values in each bin, (bins,)."""
    reference: np.ndarray
    """The same of the reference."""
    generated_error: np.ndarray
    """Standard error of each share."""
    reference_error: np.ndarray
    """The same of the reference."""
    sizes: tuple[float, float]
    """Numbers of values; of weighted ones (Σ w)²/Σ w²."""


def histograms(
    generated: ArrayLike,
    reference: ArrayLike,
    weights: ArrayLike | None = None,
    bins: int = 30,
    name: str = "reference",
) -> Histograms:
    """Counts two samples in bins of equal width between quantiles of the reference.

    Raises:
        ValueError: when a sample is empty or not finite, or the weights do not fit.
    """
    bins = _checks.positive_int("bins", bins)
    generated, reference = values(name, generated), values(name, reference)
    shares = event_weights(weights, len(reference))
    order = np.argsort(reference)
    ends = np.cumsum(shares[order])
    low, high = (
        float(reference[order][min(np.searchsorted(ends, share), len(order) - 1)])
        for share in (BEYOND, 1.0 - BEYOND)
    )
    edges = np.histogram_bin_edges([low, high], bins, (low, high))
    counted = [
        _shares(generated, np.full(len(generated), 1.0 / len(generated)), edges),
        _shares(reference, shares, edges),
    ]
    (first, first_error), (second, second_error) = counted
    size = 1.0 / np.sum(np.square(shares))
    return Histograms(
        edges, first, second, first_error, second_error, (float(len(generated)), float(size))
    )


def _shares(sample, shares, edges):
    """Share of each bin and its standard error."""
    which = np.clip(np.searchsorted(edges, sample, side="right") - 1, 0, len(edges) - 2)
    found, squares = (
        np.bincount(which, weights=one, minlength=len(edges) - 1) for one in (shares, shares**2)
    )
    return found, np.sqrt(squares)


def values(name: str, given: ArrayLike) -> np.ndarray:
    """A sample of one quantity, float64 (n,).

    Raises:
        ValueError: when it is empty, not finite or of another shape.
    """
    given = np.asarray(given, "float64")
    if given.ndim != 1 or not given.size or not np.all(np.isfinite(given)):
        raise ValueError(
            f"`{name}` must be finite numbers of the shape (n,), received the shape {given.shape} "
            f"with {_checks.span_of(given)}. Leave out the events without a value."
        )
    return given


def event_weights(weights: ArrayLike | None, size: int) -> np.ndarray:
    """Weights as shares of sum 1, float64 (size,); None: equal ones.

    Raises:
        ValueError: when they have another shape, are not finite, negative or all 0.
    """
    if weights is None:
        return np.full(size, 1.0 / size)
    weights = np.asarray(weights, "float64")
    fits = weights.shape == (size,) and np.all(np.isfinite(weights))
    if not (fits and np.min(weights) >= 0.0 and np.sum(weights) > 0.0):
        raise ValueError(
            f"`weights` must be {size} finite numbers, not negative and not all 0, received the "
            f"shape {weights.shape} with {_checks.span_of(weights)}."
        )
    return weights / np.sum(weights)
