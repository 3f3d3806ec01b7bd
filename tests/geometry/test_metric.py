"""The decoder's metric against closed forms, finite differences and reverse mode."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.geometry import metric


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def linear(w):
    """f(z) = W z, as a function of TensorFlow."""
    return lambda z: tf.matmul(z, tf.constant(w.T, z.dtype))


def network(latent_dim=3):
    keras.utils.set_random_seed(0)
    network = tfvae.networks.mlp([7, 6], (4, 2), activation="tanh")
    network.build((None, latent_dim))
    return network


def test_linear_decoder(rng):
    w, z, v, u = (rng.normal(size=shape) for shape in ((5, 3), (4, 3), (4, 3), (4, 5)))
    f = linear(w)
    z, v, u = (tf.constant(a) for a in (z, v, u))
    x, pushed = metric.pushforward(f, z, v)
    np.testing.assert_allclose(x, z @ w.T, rtol=1e-6)
    np.testing.assert_allclose(pushed, v @ w.T, rtol=1e-6)
    np.testing.assert_allclose(metric.pullback(f, z, u), u @ w, rtol=1e-6)
    pushed, product = metric.metric_product(f, z, v)
    np.testing.assert_allclose(pushed, v @ w.T, rtol=1e-6)
    np.testing.assert_allclose(product, v @ (w.T @ w), rtol=1e-6)
    columns = metric.jacobian(f, z)
    np.testing.assert_allclose(columns, np.broadcast_to(w.T[:, None], (3, 4, 5)), rtol=1e-6)
    np.testing.assert_allclose(metric.metric_tensor(f, z), np.tile(w.T @ w, (4, 1, 1)), rtol=1e-6)


def test_a_direction_that_the_decoder_ignores_is_zero_not_none(rng):
    f = lambda z: tf.ones([tf.shape(z)[0], 4]) + 0.0 * z[:, :1]  # noqa: E731
    z = tf.constant(rng.normal(size=(2, 3)), tf.float32)
    np.testing.assert_array_equal(metric.metric_tensor(f, z), np.zeros((2, 3, 3)))
    constant = lambda z: tf.ones([2, 4])  # noqa: E731
    np.testing.assert_array_equal(metric.metric_tensor(constant, z), np.zeros((2, 3, 3)))


def test_network_against_reverse_mode(rng):
    f = network()
    z = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(z)
        x = tf.reshape(f(z), [5, 8])
    expected = tape.batch_jacobian(x, z)  # (n, N_x, N_z)
    np.testing.assert_allclose(
        metric.jacobian(f, z), tf.transpose(expected, [2, 0, 1]), rtol=1e-4, atol=1e-6
    )
    tensors = np.einsum("bxi,bxj->bij", expected, expected)
    np.testing.assert_allclose(metric.metric_tensor(f, z), tensors, rtol=1e-4, atol=1e-6)
    differences = metric.difference_jacobian(f, z, 1e-3)
    np.testing.assert_allclose(differences, metric.jacobian(f, z), atol=1e-3)
    v = tf.constant(rng.normal(size=(5, 3)), tf.float32)
    product = np.einsum("bij,bj->bi", tensors, v)
    np.testing.assert_allclose(metric.metric_product(f, z, v)[1], product, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_metric_of_a_model_is_that_of_its_mean(rng, likelihood):
    decoder = tfvae.networks.mlp([8], (6,), activation="tanh")
    model = tfvae.VAE(2, decoder=decoder, likelihood=likelihood, seed=0)
    model.build((None, 6))
    z = rng.normal(size=(7, 2)).astype("float32")
    tensors = metric.metric_tensors(model, z, batch_size=3)
    step = 1e-2
    differences = [
        (model.decode(z + step * e).mean() - model.decode(z - step * e).mean()) / (2 * step)
        for e in np.eye(2, dtype="float32")
    ]
    expected = np.einsum("ibx,jbx->bij", differences, differences)
    np.testing.assert_allclose(tensors, expected, rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(metric.metric_tensors(model, z), tensors, rtol=1e-5)


def test_quantities_of_a_tensor(rng):
    roots = rng.normal(size=(6, 4, 4))
    tensors = roots @ np.swapaxes(roots, 1, 2)
    singular = np.linalg.svd(roots, compute_uv=False)
    np.testing.assert_allclose(
        metric.magnification_factor(tensors), np.prod(singular, axis=1), rtol=1e-8
    )
    expected = (singular[:, 0] / singular[:, -1]) ** 2
    np.testing.assert_allclose(metric.condition_number(tensors), expected, rtol=1e-6)
    singular_tensor = np.diag([4.0, 0.0])[None]
    assert metric.condition_number(singular_tensor)[0] == np.inf
    assert metric.magnification_factor(singular_tensor)[0] == 0.0
