"""Flatness of a latent space: its metric, and its geodesics compared with straight lines."""

import dataclasses
from typing import Any

import keras
import matplotlib.figure
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tfvae import _checks, geometry, plots
from tfvae.evaluation.tables import Line, Report
from tfvae.models import LatentVariableModel
from tfvae.models.data import decoder_inputs

QUARTILES = (25, 50, 75)


@dataclasses.dataclass(frozen=True, repr=False)
class FlatnessReport(Report):
    """Condition numbers, magnification factors and length ratios.

    A flat latent space has condition numbers of 1, equal magnification factors, and ratios of 1.
    Condition numbers and magnification factors are given at the encodings of examples, and at
    points on the straight lines between pairs of them.
    """

    condition_encoded: np.ndarray
    """λ_max(G)/λ_min(G) at encodings, (n,)."""
    condition_between: np.ndarray
    """The same between them, (n,)."""
    magnification_encoded: np.ndarray
    """MF divided by its mean, at encodings, (n,)."""
    magnification_between: np.ndarray
    """The same between them, (n,)."""
    ratios: np.ndarray
    """Length of the geodesic divided by the length of the straight line, (P,)."""
    converged: np.ndarray
    """Whether the search for the geodesic converged, (P,) bool."""

    title = "Flatness of the latent space"

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        lines = []
        for where in ("encoded", "between"):
            # No interpolation: it would give NaN between infinite condition numbers.
            numbers = getattr(self, f"condition_{where}")
            quartiles = np.percentile(numbers, QUARTILES, method="nearest")
            lines += [
                Line(f"condition number, {where}: {name}", float(value))
                for name, value in zip(("25%", "median", "75%"), quartiles, strict=True)
            ]
        for where in ("encoded", "between"):
            spread = float(np.std(getattr(self, f"magnification_{where}")))
            lines.append(Line(f"std of normalised MF, {where}", spread))
        return [
            *lines,
            Line("geodesic over straight line: median", float(np.median(self.ratios))),
            Line("geodesic over straight line: mean", float(np.mean(self.ratios))),
            Line("geodesics", len(self.ratios), f"{np.mean(self.converged):.0%} converged"),
        ]

    def plot(self) -> matplotlib.figure.Figure:
        """Draws violins of the three quantities; `tfvae.plots.violins` compares reports."""
        return plots.violins({"": self})


def flatness(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    num_points: int = 500,
    num_pairs: int = 64,
    seed: int = 0,
    verbose: str | int = "auto",
) -> FlatnessReport:
    """Measures the flatness of a model's latent space where its data lie [C20].

    The report holds three quantities: the condition number λ_max(G)/λ_min(G); the magnification
    factor MF = sqrt(det G) divided by its mean; and the length of the geodesic divided by the
    length of the straight line, both in the space of the data.

    The metric is one of z alone; category d and condition c of a model that has them are held.
    At an encoding they are those of the example; at a point between two examples, and along the
    lines and geodesics of a pair, those of its first example.

    Args:
        model: a built model of the library.
        data: array, or tf.data.Dataset or PyDataset of x or (x, y).
        y: labels and condition beside an array, for a model that needs them.
        num_points: number of encodings, and of points between them, at which G is computed; a
            smaller data set gives fewer.
        num_pairs: number of pairs that geodesics join.
        seed: seed for the choice of examples and points.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Raises:
        ValueError: if the model is not built, the data hold fewer than two examples, or a part of y
            is missing.

    Example:
        >>> import numpy as np, tfvae
        >>> vae = tfvae.VAE(latent_dim=2, seed=0)
        >>> vae.build((None, 5))
        >>> x = np.random.default_rng(0).normal(size=(20, 5))
        >>> report = tfvae.evaluation.flatness(vae, x, num_pairs=2)
        >>> report.ratios.shape
        (2,)
    """
    num_points = _checks.positive_int("num_points", num_points)
    num_pairs = _checks.positive_int("num_pairs", num_pairs)
    if not model.built:
        raise ValueError("`model` must be built, received one without weights. Call `fit` first.")
    inputs = decoder_inputs(model, data, y)
    z, held = np.split(inputs, [model.latent_dim], axis=1)
    if len(z) < 2:
        raise ValueError("`data` must hold at least two examples to form pairs, received one.")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(z))[:num_points]
    first, second = random_pairs(rng, len(z), len(chosen))
    share = rng.uniform(size=(len(chosen), 1))
    between = ((1.0 - share) * z[first] + share * z[second]).astype("float32")
    tensors = {
        "encoded": geometry.metric_tensors(model, z[chosen], held=held[chosen]),
        "between": geometry.metric_tensors(model, between, held=held[first]),
    }
    first, second = random_pairs(rng, len(z), num_pairs)
    found = geometry.geodesics(model, z[first], z[second], held=held[first], verbose=verbose)
    return FlatnessReport(
        **{f"condition_{k}": geometry.condition_number(t) for k, t in tensors.items()},
        **{f"magnification_{k}": _normalised_magnification(t) for k, t in tensors.items()},
        ratios=found.ratios,
        converged=found.converged,
    )


def random_pairs(
    rng: np.random.Generator, count: int, num_pairs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of `num_pairs` random pairs of different examples."""
    first = rng.integers(count, size=num_pairs)
    return first, (first + rng.integers(1, count, size=num_pairs)) % count


def _normalised_magnification(tensors: np.ndarray) -> np.ndarray:
    """Returns MF divided by its mean, from logarithms, because det G may overflow."""
    logs = geometry.log_magnification_factor(tensors)
    highest = np.max(logs)
    if not np.isfinite(highest):
        return np.full_like(logs, np.nan)  # All points are singular, so the mean is 0.
    factors = np.exp(logs - highest)
    return factors / np.mean(factors)


def smoothness(x: ArrayLike) -> float:
    """Returns the mean RMS second difference of decoded paths over their mean first difference.

    The number has no unit. Lower is smoother; a straight line at constant speed has 0.

    Args:
        x: decoded paths, (P, T, *data), T ≥ 3.

    Raises:
        ValueError: if `x` has another shape.
    """
    x = np.asarray(x, dtype="float64")
    if x.ndim < 3 or x.shape[1] < 3:
        raise ValueError(f"`x` must have the shape (P, T ≥ 3, *data), received {x.shape}.")
    x = x.reshape(*x.shape[:2], -1)
    second = np.sqrt(np.mean(np.diff(x, n=2, axis=1) ** 2, axis=1))  # (P, N_x), RMS along the path
    first = np.mean(np.abs(np.diff(x, axis=1)), axis=(1, 2))
    return float(np.mean(np.mean(second, axis=1) / np.maximum(first, 1e-12)))
