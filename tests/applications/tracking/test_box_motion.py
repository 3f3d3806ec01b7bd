"""Kalman filters of boxes against the textbook's equations, one track at a time."""

import numpy as np
import pytest
import scipy.stats

from tfvae.applications.tracking.motion import AreaMotion, HeightMotion

MOTIONS = pytest.mark.parametrize("make", [AreaMotion, HeightMotion])


def boxes(rng, number):
    low = rng.uniform(0, 300, size=(number, 2))
    return np.concatenate([low, low + rng.uniform(20, 90, size=(number, 2))], axis=1)


@MOTIONS
def test_a_measurement_is_what_its_box_says(make):
    motion, given = make(), boxes(np.random.default_rng(0), 7)
    states = np.concatenate([motion.measured(given), np.zeros((7, len(motion.velocities)))], axis=1)
    np.testing.assert_allclose(motion.boxes_of(states), given, rtol=1e-12)


@MOTIONS
def test_a_step_against_a_direct_computation(make):
    rng = np.random.default_rng(1)
    motion = make()
    motion.add(boxes(rng, 5))
    for _ in range(3):
        before = motion.mean.copy(), motion.covariance.copy()
        size = motion.mean.shape[1]
        F = np.eye(size)
        for place, which in enumerate(motion.velocities):
            F[which, 4 + place] = 1.0
        H = np.eye(4, size)
        process = np.broadcast_to(motion.process_variance(motion.mean), (5, size))
        motion.predict()
        for i in range(5):
            np.testing.assert_allclose(motion.mean[i], F @ before[0][i], rtol=1e-10)
            expected = F @ before[1][i] @ F.T + np.diag(process[i])
            np.testing.assert_allclose(motion.covariance[i], expected, rtol=1e-10, atol=1e-12)
        tracks, seen = np.array([3, 0]), boxes(rng, 2)
        before = motion.mean.copy(), motion.covariance.copy()
        noise = np.broadcast_to(motion.noise_variance(motion.mean), (5, 4))
        motion.update(tracks, seen)
        y = motion.measured(seen)
        for row, i in enumerate(tracks):
            m, P = before[0][i], before[1][i]
            S = H @ P @ H.T + np.diag(noise[i])
            K = np.linalg.solve(S, H @ P).T
            np.testing.assert_allclose(motion.mean[i], m + K @ (y[row] - H @ m), rtol=1e-8)
            np.testing.assert_allclose(motion.covariance[i], P - K @ H @ P, rtol=1e-6, atol=1e-8)
        for i in {0, 1, 2, 3, 4} - set(tracks):
            np.testing.assert_array_equal(motion.mean[i], before[0][i])


@MOTIONS
def test_squared_distances_are_those_of_the_predicted_measurement(make):
    rng = np.random.default_rng(2)
    motion = make()
    motion.add(boxes(rng, 4))
    motion.predict()
    tracks, seen = np.array([2, 1]), boxes(rng, 3)
    found = motion.squared_distances(tracks, seen)
    noise = np.broadcast_to(motion.noise_variance(motion.mean), (4, 4))
    for row, i in enumerate(tracks):
        S = motion.covariance[i][:4, :4] + np.diag(noise[i])
        density = scipy.stats.multivariate_normal(motion.mean[i][:4], S)
        for column, y in enumerate(motion.measured(seen)):
            peak = density.logpdf(motion.mean[i][:4])
            assert found[row, column] == pytest.approx(2 * (peak - density.logpdf(y)), rel=1e-6)


def test_units_of_the_image_do_not_matter_to_the_motion_in_heights():
    """The same walk at twice the resolution has the same squared distances."""
    given, found = boxes(np.random.default_rng(3), 3), []
    for scale in (1.0, 2.0):
        motion = HeightMotion()
        motion.add(scale * given)
        for _ in range(3):
            motion.predict()
            motion.update(np.arange(3), scale * (given + 1.5))
        found.append(motion.squared_distances(np.arange(3), scale * given))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_an_area_does_not_fall_below_zero():
    motion = AreaMotion()
    motion.add(np.array([[0.0, 0.0, 10.0, 10.0]]))
    motion.mean[0, 6] = -200.0
    motion.predict()
    assert motion.mean[0, 2] == 100.0
