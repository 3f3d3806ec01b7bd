"""What a model does with networks that a user hands in: training mode, penalties, states."""

import keras
import numpy as np
import pytest

import tfvae


@pytest.fixture
def x():
    return (5.0 + np.random.default_rng(0).normal(size=(64, 6))).astype("float32")


def model_with(*layers, prior_layers=None, cls=tfvae.VAE):
    encoder = keras.Sequential([keras.layers.Flatten(), *layers])
    prior = "standard_normal"
    if prior_layers is not None:
        network = keras.Sequential([keras.layers.Dense(4, "tanh"), *prior_layers])
        prior = tfvae.priors.HierarchicalPrior(2, decoder=network)
    model = cls(2, encoder=encoder, decoder=tfvae.networks.mlp([4], (6,)), prior=prior, seed=0)
    model.compile(keras.optimizers.SGD(1e-2))
    return model


def test_batch_normalisation_learns_its_moments(x):
    norm, prior_norm = keras.layers.BatchNormalization(), keras.layers.BatchNormalization()
    model = model_with(norm, keras.layers.Dense(4, "relu"), prior_layers=[prior_norm])
    model.fit(x, epochs=3, verbose=0)
    seen = 1.0 - 0.99 ** (3 * 2)
    np.testing.assert_allclose(norm.moving_mean, seen * x.mean(axis=0), rtol=0.05)
    assert np.any(prior_norm.moving_mean.numpy() != 0.0)
    before = norm.moving_mean.numpy()
    model.evaluate(x, verbose=0)
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(norm.moving_mean, before)


def test_dropout_drops_in_training_only(x):
    losses = {}
    for rate in (0.0, 0.9):
        keras.utils.set_random_seed(0)
        model = model_with(keras.layers.Dense(4), keras.layers.Dropout(rate, seed=1))
        losses[rate] = [
            model.evaluate(x, verbose=0)["distortion"],
            model.fit(x, verbose=0).history["distortion"][0],
        ]
    assert losses[0.0][0] == losses[0.9][0]
    assert losses[0.0][1] != losses[0.9][1]


def test_penalties_of_layers_are_part_of_the_loss(x):
    weight = 100.0
    losses, kernels = [], []
    for regularizer in (None, keras.regularizers.L2(weight)):
        keras.utils.set_random_seed(0)
        dense = keras.layers.Dense(4, kernel_regularizer=regularizer)
        model = model_with(dense)
        model.build(x.shape)
        penalty = weight * np.sum(np.square(dense.kernel.numpy()))
        losses.append(model.evaluate(x, verbose=0)["loss"])
        model.fit(x, batch_size=64, verbose=0)
        kernels.append(dense.kernel.numpy())
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-4)
    # One step of gradient descent: the penalty's share is −2·learning rate·weight·kernel.
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(4)
    model_with(dense).build(x.shape)
    step = -2.0 * 1e-2 * weight * dense.kernel.numpy()
    np.testing.assert_allclose(kernels[1] - kernels[0], step, rtol=1e-3, atol=1e-5)


@keras.saving.register_keras_serializable(package="tests")
class WithOwnWeight(tfvae.VAE):
    """A model with a weight of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.temperature = self.add_weight(shape=(), name="temperature", trainable=False)


def test_weights_of_a_subclass_and_states_of_layers_are_saved(x, tmp_path):
    dropout = keras.layers.Dropout(0.5, seed=1)
    model = model_with(keras.layers.Dense(4), dropout, cls=WithOwnWeight)
    model.fit(x, verbose=0)
    model.temperature.assign(7.0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.temperature) == 7.0
    first, second = (m.fit(x, verbose=0).history["loss"] for m in (model, loaded))
    assert first == second
