"""Networks: shapes for vectors and images of many sizes, and the Gaussian head's parameters."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import networks

SHAPES = [(5,), (3, 4), (16, 16, 1), (28, 28, 1), (64, 64, 3), (33, 47, 2), (24, 24, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_default_networks_fit_the_data(shape):
    features = networks.default_encoder(shape)(tf.zeros([2, *shape]))
    assert features.shape[0] == 2
    assert networks.default_decoder(shape)(tf.zeros([2, 3])).shape == (2, *shape)


@pytest.mark.parametrize(("size", "grid"), [(28, 7), (64, 4), (128, 8)])
def test_convolutions_stop_at_a_grid_of_four_or_more(size, grid):
    encoder = networks.conv_encoder(image_shape=(size, size, 1))
    encoder(tf.zeros([1, size, size, 1]))
    last = [layer for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    assert last.output.shape[1] == grid


def test_filters_of_the_paper_for_64_pixels():
    encoder = networks.conv_encoder()
    filters = [layer.filters for layer in encoder.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [32, 32, 64, 64]


def test_mlp_is_the_product_of_its_layers():
    network = networks.mlp([7], output_shape=(2, 3), activation="tanh")
    x = np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    actual = network(x)
    w1, b1, w2, b2 = network.get_weights()
    np.testing.assert_allclose(
        actual, (np.tanh(x @ w1 + b1) @ w2 + b2).reshape(4, 2, 3), rtol=1e-4, atol=1e-6
    )


def test_mlp_normalises_its_inputs_first():
    network = networks.mlp([7], output_shape=(3,), normalize=True)
    x = 40.0 + np.random.default_rng(0).normal(size=(4, 5)).astype("float32")
    actual = network(x)
    _, _, w1, b1, w2, b2 = network.get_weights()
    normal = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3)
    expected = np.maximum(normal @ w1 + b1, 0.0) @ w2 + b2
    np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


def test_categorical_head_gives_the_logits_of_each_variable():
    head = networks.CategoricalHead((2, 3))
    x = np.random.default_rng(0).normal(size=(6, 4, 2)).astype("float32")
    first, second = head(x)
    kernel, bias = head.get_weights()
    outputs = x.reshape(6, 8) @ kernel + bias
    np.testing.assert_allclose(first, outputs[:, :2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(second, outputs[:, 2:], rtol=1e-4, atol=1e-5)
    assert networks.CategoricalHead.from_config(head.get_config()).sizes == (2, 3)


def test_gaussian_head_gives_mean_and_positive_scale():
    head = networks.GaussianHead(3)
    x = 50 * np.random.default_rng(0).normal(size=(6, 4, 2)).astype("float32")
    loc, scale = head(x)
    kernel, bias = head.get_weights()
    outputs = x.reshape(6, 8) @ kernel + bias
    np.testing.assert_allclose(loc, outputs[:, :3], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scale, np.logaddexp(0, outputs[:, 3:]) + 1e-5, rtol=1e-3, atol=1e-6)
    assert np.all(scale.numpy() > 0)


def test_gaussian_head_config():
    assert networks.GaussianHead.from_config(networks.GaussianHead(3).get_config()).size == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: networks.mlp([0]), "`hidden` must be a whole number"),
        (lambda: networks.mlp([8], output_shape=(0,)), "`output_shape`"),
        (lambda: networks.conv_decoder((28, 28)), r"`output_shape` must be \(height, width"),
        (lambda: networks.conv_encoder(image_shape=(28, 28, 0)), "`image_shape`"),
        (lambda: networks.GaussianHead(0), "`size`"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **kwargs: networks.mlp([3], (4, 1), **kwargs), (5,)),
        (lambda **kwargs: networks.conv_encoder([2], dense=3, **kwargs), (8, 8, 1)),
        (lambda **kwargs: networks.conv_decoder((8, 8, 1), [2, 2], dense=3, **kwargs), (5,)),
    ],
)
def test_penalty_is_that_of_all_kernels(make, shape):
    network = make(kernel_regularizer=keras.regularizers.L2(0.5))
    network(tf.zeros([2, *shape]))
    kernels = [w for w in network.trainable_weights if w.name == "kernel"]
    expected = sum(0.5 * np.sum(np.square(kernel.numpy())) for kernel in kernels)
    assert expected > 0.0
    np.testing.assert_allclose(sum(network.losses), expected, rtol=1e-5)
