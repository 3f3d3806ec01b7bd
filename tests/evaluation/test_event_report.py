"""Distances of observables and widths of peaks against independent computations."""

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats

from tfvae.datasets import event_observables, two_body_decays
from tfvae.evaluation import compare_events, jensen_shannon_distance, peak_width


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(0.3, 1.2, 5000), rng.normal(size=4000)


def test_distance_against_scipy_and_numpy(samples):
    first, second = samples
    low, high = np.quantile(second, [0.005, 0.995], method="inverted_cdf")
    edges = np.linspace(low, high, 21)
    counts = [np.histogram(np.clip(one, low, high), edges)[0] for one in samples]
    expected = scipy.spatial.distance.jensenshannon(*counts, base=2)
    assert jensen_shannon_distance(first, second, bins=20) == pytest.approx(expected, rel=0.02)


def test_limits():
    x = np.linspace(0.0, 1.0, 1000)
    assert jensen_shannon_distance(x, x) == 0.0
    # Nothing in common but the outermost bin, in which 2.5% of the reference lie
    assert 0.9 < jensen_shannon_distance(x + 10.0, x) < 1.0
    assert jensen_shannon_distance([3.0, 3.0], [3.0, 3.0, 3.0]) == 0.0  # A constant


def test_what_chance_makes():
    """Means over many pairs of samples of one distribution."""
    rng = np.random.default_rng(0)
    found = [
        compare_events({"a": rng.normal(size=600)}, {"a": rng.normal(size=300)}, bins=15)
        for _ in range(200)
    ]
    squares = np.mean([np.square(one.distances[0]) for one in found])
    assert squares == pytest.approx(np.mean([one.by_chance[0] ** 2 for one in found]), rel=0.1)


def test_weights_count_like_copies(samples):
    first, second = samples
    copies = np.random.default_rng(1).integers(0, 4, len(second))
    weighted = jensen_shannon_distance(first, second, weights=copies)
    assert weighted == pytest.approx(jensen_shannon_distance(first, np.repeat(second, copies)))
    width = peak_width(second, -1.0, 1.0, weights=copies)
    assert width == pytest.approx(peak_width(np.repeat(second, copies), -1.0, 1.0), rel=1e-2)


def test_width_of_a_breit_wigner():
    mass = scipy.stats.cauchy(91.2, 1.25).rvs(40_000, random_state=0)
    assert peak_width(mass, -np.inf, np.inf) == pytest.approx(2.5, rel=3 * 1.6 / 200)
    law = scipy.stats.cauchy(91.2, 1.25)
    ends = law.cdf([81.2, 101.2])
    quartiles = law.ppf(ends[0] + np.array([0.25, 0.75]) * (ends[1] - ends[0]))
    assert peak_width(mass, 81.2, 101.2) == pytest.approx(quartiles[1] - quartiles[0], rel=0.03)


def test_the_report():
    reference = event_observables(two_body_decays(2000, width=2.5, seed=0))
    wide = event_observables(two_body_decays(3000, width=10.0, seed=1))
    report = compare_events(wide, reference)
    assert report.names == tuple(reference)
    distances = dict(zip(report.names, report.distances, strict=True))
    assert distances["mass"] > 3 * distances["pT of the sum"]
    for i, name in enumerate(report.names):
        expected = jensen_shannon_distance(wide[name], reference[name])
        assert report.distances[i] == pytest.approx(expected)
        np.testing.assert_allclose(report.means[i], [wide[name].mean(), reference[name].mean()])
        np.testing.assert_allclose(report.deviations[i], [wide[name].std(), reference[name].std()])
    text, rows = str(report), report.by_observable().splitlines()
    assert "distance of mass" in text and f"{report.mean:.5g}" in text
    assert len(rows) == 8 and rows[1].startswith("mass ")
    assert report.to_dict()["mean distance"] == report.mean


def test_bad_input(samples):
    first, second = samples
    with pytest.raises(ValueError, match=r"must have the same observables, received \['a'\]"):
        compare_events({"a": first}, {"b": second})
    with pytest.raises(ValueError, match="must have the same observables"):
        compare_events({}, {})
    with pytest.raises(ValueError, match=r"`a` must be finite numbers of the shape \(n,\)"):
        compare_events({"a": np.append(first, np.nan)}, {"a": second})
    with pytest.raises(ValueError, match="`generated` must be finite numbers"):
        jensen_shannon_distance([], second)
    for weights in (np.ones(3), -np.ones(4000), np.zeros(4000), np.full(4000, np.nan)):
        with pytest.raises(ValueError, match="`weights` must be 4000 finite numbers"):
            jensen_shannon_distance(first, second, weights=weights)
    with pytest.raises(ValueError, match="`bins` must be"):
        jensen_shannon_distance(first, second, bins=0)
    with pytest.raises(ValueError, match="at least two masses between them"):
        peak_width(second, 50.0, 60.0)
