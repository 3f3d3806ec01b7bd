"""Kinematics against other formulas for the same, and exact boosts."""

import numpy as np
import pytest

from tfvae.datasets import (
    azimuth,
    boosted,
    event_observables,
    four_vectors,
    invariant_mass,
    pseudorapidity,
    transverse_momentum,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def momenta(rng, *shape):
    """Random momenta, and four-vectors of mass 0.5."""
    p = rng.normal(0.0, 30.0, (*shape, 3))
    energy = np.sqrt(np.sum(p**2, axis=-1) + 0.25)
    return np.concatenate([energy[..., np.newaxis], p], axis=-1)


def test_quantities_against_their_definitions(rng):
    p = momenta(rng, 200)
    energy, x, y, z = p.T
    np.testing.assert_allclose(
        invariant_mass(p), np.sqrt(energy**2 - x**2 - y**2 - z**2), rtol=1e-6
    )
    np.testing.assert_allclose(transverse_momentum(p), np.sqrt(x**2 + y**2), rtol=1e-12)
    theta = np.arccos(z / np.sqrt(x**2 + y**2 + z**2))
    np.testing.assert_allclose(pseudorapidity(p), -np.log(np.tan(theta / 2)), rtol=1e-9)
    np.testing.assert_allclose(transverse_momentum(p) * np.exp(1j * azimuth(p)), x + 1j * y)


def test_from_collider_coordinates_and_back(rng):
    pt, eta, phi = rng.exponential(20, 50), rng.normal(size=50), rng.uniform(-np.pi, np.pi, 50)
    p = four_vectors(pt, eta, phi, 0.105)
    found = transverse_momentum(p), pseudorapidity(p), azimuth(p), invariant_mass(p)
    for one, expected in zip(found, (pt, eta, phi, 0.105), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-6)


def test_the_mass_of_two_massless_particles(rng):
    """m² = 2 p_T1 p_T2 (cosh Δη − cos Δφ)."""
    (pt1, pt2), (eta1, eta2) = rng.exponential(20, (2, 50)), rng.normal(size=(2, 50))
    phi1, phi2 = rng.uniform(-np.pi, np.pi, (2, 50))
    pair = four_vectors(pt1, eta1, phi1, 0.0) + four_vectors(pt2, eta2, phi2, 0.0)
    expected = np.sqrt(2 * pt1 * pt2 * (np.cosh(eta1 - eta2) - np.cos(phi1 - phi2)))
    np.testing.assert_allclose(invariant_mass(pair), expected, rtol=1e-9)


def test_boosts(rng):
    p, system = momenta(rng, 40), momenta(rng, 40)
    there = boosted(p, system)
    np.testing.assert_allclose(invariant_mass(there), 0.5, rtol=1e-6)
    back = boosted(there, system * [1, -1, -1, -1])
    np.testing.assert_allclose(back, p, rtol=1e-8, atol=1e-8)
    at_rest = np.array([0.5, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(boosted(at_rest, system), system, rtol=1e-9, atol=1e-9)
    # Against the matrix of a boost along z with γ = cosh y
    along = np.array([np.cosh(1.3), 0.0, 0.0, np.sinh(1.3)])
    matrix = np.eye(4)
    matrix[[0, 0, 3, 3], [0, 3, 0, 3]] = np.cosh(1.3), np.sinh(1.3), np.sinh(1.3), np.cosh(1.3)
    np.testing.assert_allclose(boosted(p, along), p @ matrix, rtol=1e-12)
    with pytest.raises(ValueError, match="`system` must have a mass above 0"):
        boosted(p, [1.0, 1.0, 0.0, 0.0])


def test_observables_by_a_loop(rng):
    events = momenta(rng, 20, 3)
    found = event_observables(events, ["a", "b", "c"])
    assert list(found)[:2] == ["mass", "pT of the sum"] and list(found)[-1] == "Δφ of b and c"
    for i, event in enumerate(events):
        total = sum(event)
        assert found["mass"][i] == pytest.approx(np.sqrt(total[0] ** 2 - sum(total[1:] ** 2)))
        assert found["pT of the sum"][i] == pytest.approx(np.hypot(*total[1:3]))
        assert found["pT of b"][i] == pytest.approx(np.hypot(*event[1, 1:3]))
        assert found["η of c"][i] == pytest.approx(
            np.arctanh(event[2, 3] / np.linalg.norm(event[2, 1:]))
        )
        a, b = event[0, 1:3], event[1, 1:3]
        angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert found["Δφ of a and b"][i] == pytest.approx(angle)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (np.zeros((3, 2, 3)), r"`events` must be four-vectors .* received the shape \(3, 2, 3\)"),
        (np.zeros((0, 2, 4)), r"received the shape \(0, 2, 4\)"),
        ([["a"] * 4], "`events` must be an array of numbers"),
        (
            np.where(np.arange(24).reshape(3, 2, 4) == 9, np.nan, 1.0),
            "in 1 of 3 events, .* event 1",
        ),
    ],
)
def test_events_that_are_none(events, message):
    with pytest.raises(ValueError, match=message):
        event_observables(events)


def test_bad_input(rng):
    with pytest.raises(ValueError, match="`particles` must be 3 different names"):
        event_observables(momenta(rng, 5, 3), ["a", "a", "b"])
    with pytest.raises(ValueError, match=r"`pt` must be finite and not negative, received .* -1"):
        four_vectors([-1.0], [0.0], [0.0], [0.0])
    with pytest.raises(ValueError, match=r"`eta` must be finite, received .* NaN"):
        four_vectors([1.0], [np.nan], [0.0], [0.0])
