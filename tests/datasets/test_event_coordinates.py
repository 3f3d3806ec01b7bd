"""Coordinates of events: there and back, normal scores, ties, what they do not depend on."""

import numpy as np
import pytest
import scipy.stats

from tfvae.datasets import EventCoordinates, event_observables, invariant_mass, two_body_decays


def several(number, particles, seed=0):
    """Events of particles with random momenta and masses of their own."""
    rng = np.random.default_rng(seed)
    masses = np.array([0.0, 0.1057, 0.9383, 0.0, 1.7769])[:particles]
    p = rng.normal(0.0, 20.0, (number, particles, 3)) + rng.normal(0.0, 30.0, (number, 1, 3))
    energy = np.sqrt(np.sum(p**2, axis=-1) + masses**2)
    return np.concatenate([energy[..., np.newaxis], p], axis=-1)


@pytest.mark.parametrize("circles", [False, True])
@pytest.mark.parametrize("particles", [2, 3, 5])
def test_there_and_back(particles, circles):
    events = several(600, particles)
    coordinates = EventCoordinates.fit(events[:500], circles=circles)
    x = coordinates.apply(events)
    assert x.shape == (600, (3 + circles) * particles)
    assert len(coordinates.names) == x.shape[1]
    np.testing.assert_allclose(coordinates.invert(x), events, rtol=1e-3, atol=2e-3)


def test_whatever_is_inverted_is_on_shell():
    events = several(300, 3)
    coordinates = EventCoordinates.fit(events)
    x = np.random.default_rng(1).normal(0.0, 2.0, (500, 9))
    made = coordinates.invert(x)
    off_shell = made[..., 0] ** 2 - np.sum(made[..., 1:] ** 2, axis=-1)
    off_shell = off_shell - np.square(coordinates.masses)
    assert np.max(np.abs(off_shell) / made[..., 0] ** 2) < 1e-6
    np.testing.assert_allclose(coordinates.masses, [0.0, 0.1057, 0.9383], atol=1e-4)
    # The first coordinate is the mass of all particles alone.
    again = coordinates.invert(np.concatenate([x[:, :1], x[::-1, 1:]], axis=1))
    mass, other = (invariant_mass(one.sum(axis=1)) for one in (made, again))
    np.testing.assert_allclose(mass, other, rtol=1e-6)


def test_each_coordinate_is_a_normal_score():
    events = two_body_decays(4000, width=2.5, seed=0)
    x = EventCoordinates.fit(events[:2000]).apply(events)
    ranks = scipy.stats.norm.ppf((np.arange(2000) + 0.5) / 2000)
    for column in np.sort(x[:2000], axis=0).T:
        np.testing.assert_allclose(column[20:-20], ranks[20:-20], atol=0.05)
        np.testing.assert_allclose(column, ranks, atol=0.5)  # Between the knots of the tails
    for column in x[2000:].T:  # New events are scores of the same distribution.
        assert scipy.stats.kstest(column, "norm").statistic < 1.95 * np.sqrt(2 / 2000)


def test_circles_have_no_seam():
    """Events turned by a little, across φ = ±π as well, move by a little."""
    events = two_body_decays(400, width=2.5, seed=0)
    turn = np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]])
    turned = np.concatenate([events[..., :1], events[..., 1:3] @ turn, events[..., 3:]], axis=-1)
    for circles, wide in ((True, False), (False, True)):
        coordinates = EventCoordinates.fit(events, circles=circles)
        x, y = coordinates.apply(events), coordinates.apply(turned)
        assert bool(np.max(np.abs(x - y)) > 1.0) is wide
    coordinates = EventCoordinates.fit(events, circles=True)
    x = coordinates.apply(events)
    cosine, sine = (coordinates.names.index(name) for name in ("cos φ", "sin φ"))
    total = events.sum(axis=1)
    np.testing.assert_allclose(
        np.arctan2(x[:, sine], x[:, cosine]), np.arctan2(total[:, 2], total[:, 1]), atol=1e-5
    )
    np.testing.assert_allclose(np.hypot(x[:, sine], x[:, cosine]), 2**0.5, rtol=1e-6)


def balanced(number):
    """Events half of which have no transverse momentum in the sum."""
    events = two_body_decays(number, width=2.5, seed=0)
    still = two_body_decays(number, width=2.5, mean_pt=0.0, seed=1)
    return np.where((np.arange(number) % 2 == 0)[:, np.newaxis, np.newaxis], still, events)


def test_what_many_events_share_is_spread_and_comes_back_exactly():
    events = balanced(2000)
    coordinates = EventCoordinates.fit(events)
    x = coordinates.apply(events, seed=3)
    pt = x[:, coordinates.names.index("pT")]
    assert scipy.stats.kstest(pt, "norm").pvalue > 1e-3
    made = coordinates.invert(np.random.default_rng(0).normal(size=(4000, 6)))
    observables = event_observables(made)
    share = np.mean(observables["pT of the sum"] < 1e-9)
    assert share == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(
        observables["Δφ of 1 and 2"][observables["pT of the sum"] < 1e-9], np.pi, atol=1e-6
    )
    np.testing.assert_allclose(coordinates.invert(x), events, rtol=1e-3, atol=1e-3)
    assert not np.array_equal(x, coordinates.apply(events, seed=4))
    np.testing.assert_array_equal(x, coordinates.apply(events, seed=3))


def test_rotations_about_the_beam_change_one_coordinate():
    events = two_body_decays(500, width=2.5, seed=0)
    turn = np.array([[np.cos(1.0), np.sin(1.0)], [-np.sin(1.0), np.cos(1.0)]])
    turned = np.concatenate([events[..., :1], events[..., 1:3] @ turn, events[..., 3:]], axis=-1)
    coordinates = EventCoordinates.fit(events)
    x, y = coordinates.apply(events), coordinates.apply(turned)
    phi = coordinates.names.index("φ")
    np.testing.assert_allclose(np.delete(x, phi, 1), np.delete(y, phi, 1), atol=1e-3)
    assert np.min(np.abs(x[:, phi] - y[:, phi])) > 1e-3


def test_coordinates_beyond_those_of_the_training_events():
    events = two_body_decays(1000, width=2.5, seed=0)
    coordinates = EventCoordinates.fit(events)
    made = coordinates.invert(np.array([[-8.0] * 6, [8.0] * 6, [30.0] * 6]))
    assert np.all(np.isfinite(made))
    mass = invariant_mass(made.sum(axis=1))
    span = invariant_mass(events.sum(axis=1))
    assert mass[0] < span.min() and mass[1] > span.max() and mass[2] >= mass[1]


def test_float32_and_a_constant_coordinate():
    """All parents at rest: mass, p_T, rapidity are constant, and come back."""
    events = two_body_decays(400, mean_pt=0.0, rapidity_deviation=0.0, seed=0)
    coordinates = EventCoordinates.fit(events.astype("float32"))
    x = coordinates.apply(events.astype("float32"))
    assert np.all(np.isfinite(x)) and np.max(np.abs(x)) < 13.0
    np.testing.assert_allclose(coordinates.invert(x), events, rtol=1e-4, atol=1e-3)


def test_save_and_load(tmp_path, flipped):
    events = several(200, 3)
    coordinates = EventCoordinates.fit(events, circles=True)
    path = tmp_path / "coordinates.npz"
    coordinates.save(path)
    loaded = EventCoordinates.load(path)
    np.testing.assert_array_equal(loaded.apply(events), coordinates.apply(events))
    for damaged, _ in flipped(path.read_bytes(), 5):
        (tmp_path / "damaged.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match="`path` must be a file that"):
            EventCoordinates.load(tmp_path / "damaged.npz")
    with pytest.raises(ValueError, match="No such file"):
        EventCoordinates.load(tmp_path / "missing.npz")


def test_bad_input():
    events = two_body_decays(20, width=2.5)
    coordinates = EventCoordinates.fit(events)
    with pytest.raises(ValueError, match="at least two particles"):
        EventCoordinates.fit(events[:, :1])
    with pytest.raises(ValueError, match="`masses` must be 2 numbers"):
        EventCoordinates.fit(events, masses=[0.1])
    with pytest.raises(ValueError, match="a mass of 0 for particle 1 in event 0, where 20 was"):
        EventCoordinates.fit(events, masses=[20.0, 0.0])
    parallel = np.array(events)
    parallel[7, 1] = parallel[7, 0]
    with pytest.raises(ValueError, match=r"in 1 of 20 events, .* event 7"):
        coordinates.apply(parallel)
    with pytest.raises(ValueError, match="must have 2 particles"):
        coordinates.apply(several(10, 3))
    with pytest.raises(ValueError, match=r"shape \(n, 6\), received the shape \(3, 5\)"):
        coordinates.invert(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="NaN or infinities"):
        coordinates.invert(np.full((3, 6), np.nan))
