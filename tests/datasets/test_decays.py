"""Simulated decays: on shell, masses and directions as their formulas say, and the builder."""

import numpy as np
import pytest
import scipy.stats

from tfvae.datasets import (
    TwoBodyDecays,
    TwoBodyDecaysConfig,
    as_arrays,
    boosted,
    invariant_mass,
    load,
    two_body_decays,
)

LIGHT = (0.13957, 0.49368)


def test_on_shell_and_of_the_given_mass():
    events = two_body_decays(2000, mass=1.86484, daughter_masses=LIGHT, seed=1)
    off_shell = events[..., 0] ** 2 - np.sum(events[..., 1:] ** 2, axis=-1) - np.square(LIGHT)
    assert np.max(np.abs(off_shell) / events[..., 0] ** 2) < 1e-6
    np.testing.assert_allclose(invariant_mass(events.sum(axis=1)), 1.86484, rtol=1e-6)


def test_the_decay_at_rest():
    """Back to back with the momentum of the textbook, in directions uniform on the sphere."""
    events = two_body_decays(5000, mass=1.86484, daughter_masses=LIGHT, seed=2)
    parents = events.sum(axis=1, keepdims=True)
    at_rest = boosted(events, parents * [1, -1, -1, -1])
    np.testing.assert_allclose(at_rest[:, 0, 1:], -at_rest[:, 1, 1:], atol=1e-9)
    # E_1 = (M² + m_1² − m_2²)/(2M)
    energy = (1.86484**2 + LIGHT[0] ** 2 - LIGHT[1] ** 2) / (2 * 1.86484)
    np.testing.assert_allclose(at_rest[:, 0, 0], energy, rtol=1e-6)
    unit = at_rest[:, 0, 1:] / np.linalg.norm(at_rest[:, 0, 1:], axis=1, keepdims=True)
    for axis in unit.T:  # Archimedes: uniform on every axis
        assert scipy.stats.kstest(axis, "uniform", (-1, 2)).pvalue > 1e-3


def test_masses_and_parents_have_their_distributions():
    events = two_body_decays(20_000, mass=90.0, width=2.0, mean_pt=10.0, seed=3)
    parents = events.sum(axis=1)
    mass = invariant_mass(parents)
    law = scipy.stats.cauchy(90.0, 1.0)
    low, high = law.cdf([0.0, 180.0])
    assert scipy.stats.kstest((law.cdf(mass) - low) / (high - low), "uniform").pvalue > 1e-3
    pt = np.hypot(parents[:, 1], parents[:, 2])
    scale = 10.0 / np.sqrt(np.pi / 2)
    assert scipy.stats.kstest(pt, "rayleigh", (0, scale)).pvalue > 1e-3
    rapidity = np.arctanh(parents[:, 3] / parents[:, 0])
    assert scipy.stats.kstest(rapidity, "norm", (0, 1.2)).pvalue > 1e-3
    assert np.mean(pt) == pytest.approx(10.0, rel=0.02)


def test_a_wide_parent_never_is_lighter_than_its_daughters():
    events = two_body_decays(5000, mass=1.0, width=0.5, daughter_masses=(0.4, 0.55), seed=0)
    assert np.min(invariant_mass(events.sum(axis=1))) >= 0.95 - 1e-6
    assert np.all(np.isfinite(events))


def test_seeds_and_parents_at_rest():
    first, again, other = (two_body_decays(5, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.any(first == other)
    still = two_body_decays(5, mean_pt=0.0, rapidity_deviation=0.0)
    np.testing.assert_allclose(still.sum(axis=1)[:, 1:], 0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"number": 0}, "`number` must be a whole number"),
        ({"mass": 0.0}, "`mass` must lie in"),
        ({"mass": 1.0, "daughter_masses": (0.5, 0.5)}, "`mass` must be above the sum"),
        ({"daughter_masses": (0.5,)}, "`daughter_masses` must be two masses"),
        ({"daughter_masses": (-0.5, 0.1)}, "`daughter_masses` must lie in"),
        ({"width": -1.0}, "`width` must lie in"),
        ({"mean_pt": np.nan}, "`mean_pt` must lie in"),
        ({"rapidity_deviation": np.inf}, "`rapidity_deviation` must lie in"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        two_body_decays(**{"number": 10, **options})


def test_builder_and_load(prepared):
    options = {"num_train": 60, "num_test": 20, "first_mass": 0.1, "second_mass": 0.1}
    builder = TwoBodyDecays(config=TwoBodyDecaysConfig(**options), data_dir=prepared)
    builder.download_and_prepare()
    rows = list(builder.as_dataset(split="train").as_numpy_iterator())
    events = np.stack([row["event"] for row in rows])
    assert events.shape == (60, 2, 4) and events.dtype == np.float64
    np.testing.assert_allclose(invariant_mass(events), 0.1, atol=1e-6)
    x, mass = as_arrays(load("two_body_decays", "test", data_dir=prepared, **options))
    assert x.shape == (20, 2, 4) and x.dtype == np.float32
    np.testing.assert_allclose(invariant_mass(x.sum(axis=1)), mass, rtol=1e-4)
    other = as_arrays(load("two_body_decays", "test", data_dir=prepared, data_seed=1, **options))
    assert not set(mass) & set(other[1])
    with pytest.raises(ValueError, match="not events"):
        load("two_body_decays", data_dir=prepared, binarize=True, **options)
    with pytest.raises(ValueError, match="The options of 'two_body_decays' must be among"):
        load("two_body_decays", seeds=3)


def test_names_tell_all_options():
    changes = [
        {"mass": 80.0}, {"width": 0.0}, {"first_mass": 0.1}, {"second_mass": 0.1}, {"mean_pt": 1.0},
        {"rapidity_deviation": 1.0}, {"num_train": 9}, {"num_test": 9}, {"seed": 1},
    ]  # fmt: skip
    names = {TwoBodyDecaysConfig(**change).name for change in [{}, *changes]}
    assert len(names) == 10
    with pytest.raises(ValueError, match="`mass` must be above the sum"):
        TwoBodyDecaysConfig(first_mass=100.0)
