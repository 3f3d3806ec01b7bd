"""The guard of a step: every gradient is watched, and nothing changes when one is not finite."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae

mlp = tfvae.networks.mlp


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(32, 5)).astype("float32")


def constant_dense(units, kernel, **kwargs):
    return keras.layers.Dense(
        units, kernel_initializer=keras.initializers.Constant(kernel), **kwargs
    )


# Gradients of 1e30 and more are finite; their squares, in an optimizer's moments, are not.
DECODERS = {
    "huge then tiny": lambda: [constant_dense(8, 1e30), constant_dense(5, 1e-31)],
    "without biases": lambda: [
        constant_dense(8, 1e30, use_bias=False),
        constant_dense(5, 1e-31, use_bias=False),
    ],
    "huge gradient of the last kernel": lambda: [constant_dense(5, 1e12)],
    "huge outputs": lambda: [constant_dense(8, 1e30), keras.layers.Dense(5)],
}


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "adamw"])
@pytest.mark.parametrize("name", DECODERS)
def test_step_that_would_write_what_is_not_finite_changes_nothing(x, name, optimizer):
    model = tfvae.VAE(
        2,
        encoder=mlp([8]),
        decoder=keras.Sequential(DECODERS[name]()),
        likelihood=tfvae.likelihoods.Gaussian(1e-5),
        seed=0,
    )
    model.compile(optimizer)
    model.build(x.shape)
    model.build_optimizers()
    weights = [*model.weights, *model.optimizer.variables]
    before = [variable.numpy() for variable in weights]
    with pytest.raises(FloatingPointError, match=r"Step 1 of training: `(gradients|distortion)`"):
        model.fit(x, verbose=0)
    for old, variable in zip(before, weights, strict=True):
        np.testing.assert_array_equal(old, variable.numpy(), err_msg=variable.path)


def test_large_gradients_that_can_be_squared_are_steps_like_others(x):
    model = tfvae.VAE(
        2,
        encoder=mlp([8]),
        decoder=keras.Sequential([constant_dense(8, 1e4), constant_dense(5, 1e-5)]),
        likelihood=tfvae.likelihoods.Gaussian(1e-2),
        seed=0,
    )
    model.compile("adam")
    model.fit(x, verbose=0)
    assert int(model.optimizer.iterations) == 1
    assert all(np.all(np.isfinite(variable)) for variable in model.training_state)


class Spoilt(tfvae.penalties.Penalty):
    """A penalty with a network whose gradient alone is not finite."""

    def __init__(self, spoil=True, **kwargs):
        super().__init__(**kwargs)
        self.spoil = spoil
        self.dense = keras.layers.Dense(1)
        self.optimizer = keras.optimizers.SGD(0.1)

    @property
    def network(self):
        return self.dense

    def create_weights(self):
        self.dense(keras.KerasTensor((None, self.latent_dim)))

    def value(self, inference, *, seed, training):
        outputs = self.dense(tf.stop_gradient(inference.z[0]))[:, 0]
        root = tf.sqrt(0.0 * outputs) if self.spoil else outputs
        value = 0.0 * tf.reduce_sum(inference.z[0], axis=-1)
        return tfvae.penalties.NetworkPenalty(value, 1.0 + root)


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("spoil", [False, True])
def test_gradient_of_a_penaltys_network_is_watched(x, spoil, replicas, mirrored):
    strategy = mirrored if replicas == 2 else tf.distribute.get_strategy()
    with strategy.scope():
        model = tfvae.VAE(
            2, encoder=mlp([8]), decoder=mlp([8], (5,)), penalties=[Spoilt(spoil)], seed=0
        )
        model.compile("adam")
        model.build(x.shape)
    before = [variable.numpy() for variable in model.weights]
    if not spoil:
        model.fit(x, batch_size=32, verbose=0)
        kernel = model.penalties[0].dense.kernel
        assert np.any(kernel.numpy() != before[[id(w) for w in model.weights].index(id(kernel))])
        return
    with pytest.raises(FloatingPointError, match="`gradients`"):
        model.fit(x, batch_size=32, verbose=0)
    for old, new in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
