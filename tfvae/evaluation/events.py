"""Physics checks of generated events: the distance of each observable from that of the data."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial import distance

from tfvae import _checks
from tfvae._histograms import event_weights, histograms, values
from tfvae.evaluation.tables import Line, Report


@dataclasses.dataclass(frozen=True, repr=False)
class EventReport(Report):
    """How near generated events are to a reference, observable by observable."""

    names: tuple[str, ...]
    """The observables."""
    distances: np.ndarray
    """Jensen–Shannon distance of each histogram from that of the reference, in [0, 1]."""
    by_chance: np.ndarray
    """The distance of two samples of one distribution with these numbers of events, about."""
    means: np.ndarray
    """Mean of the generated values and of the reference, (observables, 2)."""
    deviations: np.ndarray
    """Standard deviation of the generated values and of the reference, (observables, 2)."""

    title = "Generated events beside the reference"

    @property
    def mean(self) -> float:
        """Mean of the distances."""
        return float(np.mean(self.distances))

    def lines(self) -> list[Line]:
        """Returns the distances, and what chance alone makes."""
        found = [
            Line(
                f"distance of {name}", float(value), f"Jensen–Shannon, of 1; by chance {chance:.2g}"
            )
            for name, value, chance in zip(self.names, self.distances, self.by_chance, strict=True)
        ]
        return [*found, Line("mean distance", self.mean, "Jensen–Shannon, of 1")]

    def by_observable(self) -> str:
        """Returns a table with a row for each observable: distance, means, deviations."""
        columns = ["observable", "distance", "by chance", "mean", "of the reference"]
        columns += ["deviation", "of the reference"]
        rows = [
            [name, *map(float, (d, chance, *m, *s))]
            for name, d, chance, m, s in zip(
                self.names,
                self.distances,
                self.by_chance,
                self.means,
                self.deviations,
                strict=True,
            )
        ]
        cells = [columns, *[[f"{v:.4g}" if isinstance(v, float) else v for v in r] for r in rows]]
        widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in cells
        )


def compare_events(
    generated: Mapping[str, ArrayLike],
    reference: Mapping[str, ArrayLike],
    *,
    weights: ArrayLike | None = None,
    bins: int = 30,
) -> EventReport:
    """Compares observables of generated events with those of a reference, such as held-out data.

    Args:
        generated: values by the name of the observable, each (n,), as from
            `tfvae.datasets.event_observables`.
        reference: the same observables, each (m,).
        weights: event weights of the reference, (m,), not negative. None: equal ones.
        bins: number of bins of the histograms; see `jensen_shannon_distance`.

    Raises:
        ValueError: when the observables are not the same, or values or weights do not fit.

    Example:
        >>> import tfvae
        >>> from tfvae.datasets import event_observables, two_body_decays
        >>> first, second = (
        ...     event_observables(two_body_decays(2000, width=2.5, seed=seed)) for seed in (0, 1)
        ... )
        >>> report = tfvae.evaluation.compare_events(first, second)
        >>> report.names[:2], report.mean < 0.1
        (('mass', 'pT of the sum'), True)
    """
    names = tuple(reference)
    if set(generated) != set(names) or not names:
        raise ValueError(
            "`generated` and `reference` must have the same observables, received "
            f"{sorted(generated)} and {sorted(names)}. Take both from "
            "`tfvae.datasets.event_observables`."
        )
    distances, chances, moments = [], [], []
    for name in names:
        both = histograms(generated[name], reference[name], weights, bins, name)
        distances.append(_distance(both))
        chances.append(_by_chance(both))
        shares = event_weights(weights, len(reference[name]))
        moments.append(np.transpose([_moments(generated[name]), _moments(reference[name], shares)]))
    means, deviations = np.swapaxes(moments, 0, 1)
    return EventReport(names, np.array(distances), np.array(chances), means, deviations)


def _moments(sample, shares=None):
    """Mean and standard deviation."""
    mean = np.average(sample, weights=shares)
    return mean, np.sqrt(np.average(np.square(sample - mean), weights=shares))


def _distance(both):
    return float(distance.jensenshannon(both.generated, both.reference, base=2))


def _by_chance(both):
    """sqrt((K − 1)(1/n + 1/m)/(8 log 2)), K being the number of bins that are not empty."""
    bins = np.count_nonzero(both.generated + both.reference)
    return float(np.sqrt((bins - 1) * np.sum(1.0 / np.array(both.sizes)) / (8.0 * np.log(2.0))))


def jensen_shannon_distance(
    generated: ArrayLike,
    reference: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    bins: int = 30,
) -> float:
    """The Jensen–Shannon distance of two samples of one observable, from histograms, in [0, 1].

        sqrt(½ KL(p ‖ m) + ½ KL(q ‖ m)), m = (p + q)/2, in bits

    The bins have equal width between the 0.5% and the 99.5% quantile of the reference; what lies
    beyond counts in the outermost ones. Two samples of one distribution, of n and m values, have
    about sqrt((bins − 1)(1/n + 1/m)/(8 log 2)): a distance near that says that no difference is
    seen, and distances compare between samples of the same sizes alone.

    Args:
        generated: (n,).
        reference: (m,).
        weights: weights of the reference, (m,), not negative. None: equal ones.
        bins: number of bins.

    Raises:
        ValueError: when a sample is empty or not finite, or the weights do not fit.

    Example:
        >>> import numpy as np
        >>> from tfvae.evaluation import jensen_shannon_distance
        >>> x = np.random.default_rng(0).normal(size=(2, 10_000))
        >>> jensen_shannon_distance(x[0], x[1]) < 0.05 < jensen_shannon_distance(x[0] + 0.5, x[1])
        True
    """
    generated, reference = values("generated", generated), values("reference", reference)
    return _distance(histograms(generated, reference, weights, bins))


def peak_width(
    mass: ArrayLike, low: float, high: float, *, weights: ArrayLike | None = None
) -> float:
    """The width of a peak: the interquartile range of the masses within a window.

    For a Breit–Wigner peak in a wide window this is Γ, its full width at half maximum. It needs no
    fit, and tails beyond the window do not matter. With n masses in the window its relative
    standard error is about 1.6/sqrt(n), for a Breit–Wigner peak.

    Args:
        mass: masses, (n,).
        low: lower end of the window, in the unit of the masses.
        high: its upper end.
        weights: event weights, (n,), not negative. None: equal ones.

    Raises:
        ValueError: when fewer than two masses lie in the window.

    Example:
        >>> import numpy as np, scipy.stats
        >>> from tfvae.evaluation import peak_width
        >>> mass = scipy.stats.cauchy(91.2, 1.25).rvs(100_000, random_state=0)
        >>> 2.4 < peak_width(mass, -1e9, 1e9) < 2.6
        True
    """
    mass = values("mass", mass)
    shares = event_weights(weights, len(mass))
    inside = (mass >= low) & (mass <= high) & (shares > 0.0)
    if np.sum(inside) < 2:
        raise ValueError(
            f"`low` and `high` must have at least two masses between them, received {low!r} and "
            f"{high!r}, and {_checks.span_of(mass)}."
        )
    if weights is None:
        low, high = np.quantile(mass[inside], [0.25, 0.75])
    else:
        low, high = np.quantile(
            mass[inside], [0.25, 0.75], weights=shares[inside], method="inverted_cdf"
        )
    return float(high - low)
