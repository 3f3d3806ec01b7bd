"""Geodesics against surfaces on which the shortest lines are known."""

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import tensorflow as tf

import tfvae
from tfvae.geometry import curve_length, geodesics


def sphere(z):
    """Longitude and latitude on the unit sphere."""
    longitude, latitude = z[:, 0], z[:, 1]
    return tf.stack(
        [
            tf.cos(latitude) * tf.cos(longitude),
            tf.cos(latitude) * tf.sin(longitude),
            tf.sin(latitude),
        ],
        axis=1,
    )


def cylinder(z):
    """Angle and height on a cylinder of radius 2."""
    return tf.stack([2.0 * tf.cos(z[:, 0]), 2.0 * tf.sin(z[:, 0]), z[:, 1]], axis=1)


def paraboloid(z):
    return tf.concat([z, tf.reduce_sum(z**2, axis=1, keepdims=True)], axis=1)


PAIRS = np.array([[[-1.0, 0.6], [1.0, 0.7]], [[0.0, -0.5], [1.5, 0.9]], [[0.2, 0.1], [0.3, 0.1]]])


def test_sphere():
    found = geodesics(sphere, *np.moveaxis(PAIRS, 1, 0))
    x = np.stack([sphere(tf.constant(PAIRS[:, i])).numpy() for i in (0, 1)])
    expected = np.arccos(np.sum(x[0] * x[1], axis=1))
    np.testing.assert_allclose(found.lengths, expected, rtol=0.01)
    assert np.all(found.lengths[:2] < 0.99 * found.straight_lengths[:2])
    assert np.all(found.converged)
    # A great circle lies in a plane through the centre.
    curve = sphere(tf.constant(found.points[0])).numpy()
    assert np.linalg.svd(curve, compute_uv=False)[-1] < 0.05


def test_cylinder_is_flat():
    """Rolled out it is a plane: the straight line is the geodesic, though x is bent."""
    found = geodesics(cylinder, *np.moveaxis(PAIRS, 1, 0))
    expected = np.linalg.norm((PAIRS[:, 1] - PAIRS[:, 0]) * [2.0, 1.0], axis=1)
    np.testing.assert_allclose(found.lengths, expected, rtol=0.01)
    np.testing.assert_allclose(found.ratios, 1.0, atol=0.01)


def test_paraboloid():
    """Through the axis the geodesic is a meridian, with a closed form; beside it, a fine search."""
    start, end = np.array([[-1.0, 0.0], [1.0, 0.2]]), np.array([[1.0, 0.0], [-0.2, 1.1]])
    found = geodesics(paraboloid, start, end)
    meridian, _ = scipy.integrate.quad(lambda r: np.sqrt(1.0 + 4.0 * r * r), -1.0, 1.0)
    assert found.lengths[0] == pytest.approx(meridian, rel=0.01)

    def length(offsets):
        """A polyline in NumPy with 40 free points."""
        points = np.linspace(start[1], end[1], 42)
        points[1:-1] += offsets.reshape(-1, 2)
        x = np.concatenate([points, np.sum(points**2, axis=1, keepdims=True)], axis=1)
        return np.sum(np.sum(np.diff(x, axis=0) ** 2, axis=1)) * 41

    best = scipy.optimize.minimize(length, np.zeros(80), method="L-BFGS-B")
    assert found.lengths[1] == pytest.approx(np.sqrt(best.fun), rel=0.01)
    assert found.lengths[1] < found.straight_lengths[1]


def test_constant_metric_has_straight_geodesics():
    rng = np.random.default_rng(0)
    w = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    start, end = rng.normal(size=(2, 6, 3))
    found = geodesics(lambda z: tf.matmul(z, w, transpose_b=True), start, end, batch_size=4)
    np.testing.assert_allclose(found.ratios, 1.0, rtol=1e-5)
    straight = np.linspace(start, end, found.points.shape[1], axis=1)
    np.testing.assert_allclose(found.points, straight, atol=1e-3)
    np.testing.assert_allclose(found.lengths, np.linalg.norm((end - start) @ w.numpy().T, axis=1),
                               rtol=1e-5)  # fmt: skip


def test_start_decides_on_which_side_of_a_hill_the_curve_runs():
    def hill(z):
        return tf.concat([z, 3.0 * tf.exp(-4.0 * tf.reduce_sum(z**2, 1, keepdims=True))], axis=1)

    start, end = np.array([[-1.0, 0.0]]), np.array([[1.0, 0.0]])
    sides = [np.array([[start[0], [0.0, y], end[0]]]) for y in (1.0, -1.0)]
    found = [geodesics(hill, start, end, start=side) for side in sides]
    assert found[0].points[0, 32, 1] > 0.1 and found[1].points[0, 32, 1] < -0.1
    np.testing.assert_allclose(found[0].lengths, found[1].lengths, rtol=0.01)
    assert found[0].lengths[0] < 0.8 * found[0].straight_lengths[0]


def test_equal_ends_and_models_and_text():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(2, seed=0)
    model.build((None, 6))
    z = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    found = geodesics(model, z, z[[0, 2, 1]])
    assert found.lengths[0] == 0.0 and found.ratios[0] == 1.0
    assert np.all(found.lengths <= found.straight_lengths * 1.0001)
    np.testing.assert_allclose(found.points[:, 0], z, atol=1e-5)
    assert "3 geodesics" in str(found)


def test_length_of_a_circle():
    angle = np.linspace(0.0, np.pi, 400)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)[np.newaxis]
    assert curve_length(lambda z: 3.0 * z, circle)[0] == pytest.approx(3.0 * np.pi, rel=1e-4)
    ends = np.array([[[0.0, 0.0], [np.pi, 0.0]]])
    assert curve_length(cylinder, ends)[0] == pytest.approx(4.0)
    fine = curve_length(cylinder, ends, subdivisions=200)[0]
    assert fine == pytest.approx(2.0 * np.pi, rel=1e-4)


def test_a_ridge_between_the_points_of_the_search_is_not_reported_as_converged():
    def ridge(z):
        return tf.concat([z, 3.0 * tf.exp(-(((z[:, :1] - 0.016) / 0.01) ** 2))], axis=1)

    found = geodesics(ridge, [-1.0, 0.0], [1.0, 0.0])
    assert found.ratios[0] > 0.9 and not found.converged[0]


def test_a_mean_that_ignores_z():
    found = geodesics(lambda z: tf.ones([tf.shape(z)[0], 3]), [0.0, 0.0], [1.0, 1.0])
    assert found.lengths[0] == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: geodesics(sphere, np.zeros((2, 2)), np.zeros((3, 2))), "have one shape"),
        (lambda: geodesics(sphere, np.full((1, 2), np.nan), np.zeros((1, 2))), "finite"),
        (lambda: geodesics(sphere, [0, 0], [1, 1], start=np.zeros((1, 5, 3))), "`start` must"),
        (lambda: geodesics(sphere, [0, 0], [1, 1], num_nodes=0), "`num_nodes` must"),
        (lambda: geodesics(sphere, [0, 0], [1, 1], num_points=0), "`num_points` must"),
        (lambda: geodesics(sphere, [0, 0], [1, 1], batch_size=0), "`batch_size` must"),
        (lambda: geodesics(sphere, np.zeros((0, 2)), np.zeros((0, 2))), "at least one point"),
        (lambda: curve_length(sphere, np.zeros((1, 1, 2))), "`points` must have the shape"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()
