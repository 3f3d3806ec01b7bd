"""Distance matrices against closed forms."""

import numpy as np
import pytest
import tensorflow as tf

from tfvae.geometry import distance_matrix


def cylinder(z):
    return tf.stack([tf.cos(z[:, 0]), tf.sin(z[:, 0]), z[:, 1]], axis=1)


def test_geodesic_distances_on_a_cylinder_are_those_of_the_plane():
    z = np.random.default_rng(0).uniform(-1.0, 1.0, size=(5, 2))
    expected = np.linalg.norm(z[:, np.newaxis] - z, axis=-1)
    actual = distance_matrix(cylinder, z, batch_size=4)
    np.testing.assert_allclose(actual, expected, rtol=0.01)
    np.testing.assert_array_equal(actual, actual.T)
    np.testing.assert_allclose(distance_matrix(cylinder, z, kind="euclidean"), expected, rtol=1e-5)


def test_one_point():
    np.testing.assert_array_equal(distance_matrix(cylinder, [[0.0, 0.0]]), [[0.0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"z": [0.0, 1.0]}, r"shape \(n, N_z\)"),
        ({"z": [[np.nan, 1.0]]}, "finite"),
        ({"z": [[0.0, 1.0]], "kind": "taxi"}, "`kind` must be one of"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        distance_matrix(cylinder, **arguments)
