"""How flat a latent space is: its metric, and how far geodesics leave straight lines."""

import dataclasses

import numpy as np

from tfvae import _checks, geometry, plots
from tfvae.evaluation.tables import Line, Report
from tfvae.models.batches import latent_codes

QUARTILES = (25, 50, 75)


@dataclasses.dataclass(frozen=True, repr=False)
class FlatnessReport(Report):
    """Condition numbers, magnification factors and length ratios; flat: 1, spread 0, and 1.

    Each is given on the encodings of examples and on points on the lines between pairs of them.
    """

    condition_encoded: np.ndarray
    """λ_max(G)/λ_min(G) at encodings, (n,)."""
    condition_between: np.ndarray
    """The same between them, (n,)."""
    magnification_encoded: np.ndarray
    """MF over its mean at encodings, (n,)."""
    magnification_between: np.ndarray
    """The same between them, (n,)."""
    ratios: np.ndarray
    """Length of the geodesic over that of the straight line of each pair, (P,)."""
    converged: np.ndarray
    """Whether the search for the geodesic ended by itself, (P,) bool."""

    title = "Flatness of the latent space"

    def lines(self):
        """The numbers of the report."""
        lines = []
        for where in ("encoded", "between"):
            # A value of the sample: between two infinite ones there is nothing to interpolate.
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

    def plot(self):
        """Violin plots of the three quantities; `tfvae.plots.violins` compares several reports."""
        return plots.violins({"": self})


def flatness(
    model,
    data,
    *,
    num_points: int = 500,
    num_pairs: int = 64,
    seed: int = 0,
    verbose: int = 0,
) -> FlatnessReport:
    """The flatness of a model's latent space where its data lie [C20, section 4].

        condition number λ_max(G)/λ_min(G) · MF = sqrt(det G), over its mean · geodesic length over
        the length of the straight line, both in the space of the data

    Args:
        model: a built model of the library.
        data: array, tf.data.Dataset or PyDataset; labels are ignored.
        num_points: examples at whose encodings, and as many points on the lines between pairs of
            them, G is computed; fewer when there are no more.
        num_pairs: pairs that geodesics join.
        seed: of the choice of examples and points.
        verbose: 1 shows the progress of the geodesics.

    Raises:
        ValueError: when the model is not built, or the data are empty or hold one example.

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
        raise ValueError("`model` has no weights yet: call `fit` first.")
    z = latent_codes(model, data)
    if len(z) < 2:
        raise ValueError("`data` holds one example: pairs need at least two.")
    rng = np.random.default_rng(seed)
    encoded = z[rng.permutation(len(z))[:num_points]]
    first, second = random_pairs(rng, len(z), len(encoded))
    share = rng.uniform(size=(len(encoded), 1))
    between = ((1.0 - share) * z[first] + share * z[second]).astype("float32")
    tensors = {
        "encoded": geometry.metric_tensors(model, encoded),
        "between": geometry.metric_tensors(model, between),
    }
    first, second = random_pairs(rng, len(z), num_pairs)
    found = geometry.geodesics(model, z[first], z[second], verbose=verbose)
    return FlatnessReport(
        **{f"condition_{k}": geometry.condition_number(t) for k, t in tensors.items()},
        **{f"magnification_{k}": _normalised_magnification(t) for k, t in tensors.items()},
        ratios=found.ratios,
        converged=found.converged,
    )


def random_pairs(rng, count, num_pairs):
    """Indices of `num_pairs` random pairs of different examples."""
    first = rng.integers(count, size=num_pairs)
    return first, (first + rng.integers(1, count, size=num_pairs)) % count


def _normalised_magnification(tensors):
    """MF over its mean; from logarithms, for det G may leave the range of floats."""
    logs = geometry.log_magnification_factor(tensors)
    highest = np.max(logs)
    if not np.isfinite(highest):
        return np.full_like(logs, np.nan)  # All points are singular: there is no mean to divide by.
    factors = np.exp(logs - highest)
    return factors / np.mean(factors)


def smoothness(x) -> float:
    """Mean RMS second difference along decoded paths over their mean first difference; no unit.

    Lower is smoother; 0 for a straight line run through at constant speed.

    Args:
        x: decoded paths, (P, T, *data), T ≥ 3.

    Raises:
        ValueError: when `x` is not of that shape.
    """
    x = np.asarray(x, dtype="float64")
    if x.ndim < 3 or x.shape[1] < 3:
        raise ValueError(f"`x` must have the shape (P, T ≥ 3, *data), received {x.shape}.")
    x = x.reshape(*x.shape[:2], -1)
    second = np.sqrt(np.mean(np.diff(x, n=2, axis=1) ** 2, axis=1))  # (P, N_x), RMS along the path
    first = np.mean(np.abs(np.diff(x, axis=1)), axis=(1, 2))
    return float(np.mean(np.mean(second, axis=1) / np.maximum(first, 1e-12)))
