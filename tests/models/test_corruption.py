"""Noise on the encoder's input in training, with a clean target."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.networks import DroppedPatches, MaskingNoise, SaltAndPepper

X = np.random.default_rng(0).uniform(size=(32, 6)).astype("float32")


@keras.saving.register_keras_serializable(package="tests")
class Halved(keras.layers.Layer):
    """A corruption that is known: x/2 in training."""

    def call(self, inputs, training=False):
        return inputs / 2 if training else inputs


def small(cls=tfvae.VAE, **kwargs):
    return cls(
        2,
        encoder=tfvae.networks.mlp([8]),
        decoder=tfvae.networks.mlp([8], (6,)),
        seed=0,
        **kwargs,
    )


def test_the_encoder_reads_the_corrupted_x_and_the_clean_one_is_explained():
    model, plain = small(corruption=Halved()), small()
    for one in (model, plain):
        one.build(X.shape)
    terms = model.elbo_terms(X, seed=0, training=True)
    halved = plain.elbo_terms(X / 2, seed=0)
    np.testing.assert_allclose(terms.rate, halved.rate, rtol=1e-6)
    assert not np.allclose(terms.distortion, halved.distortion)
    batch = model.prepared(X)
    np.testing.assert_array_equal(batch.target, X)
    inference = model.infer(batch, seed=(0, 0), training=True)
    expected = -plain.decode(inference.z).log_prob(X)
    np.testing.assert_allclose(inference.terms.distortion, expected, rtol=1e-5)


def test_nothing_is_corrupted_outside_of_training():
    model, plain = small(corruption=Halved()), small()
    for one in (model, plain):
        one.compile("adam")
        one.build(X.shape)
    np.testing.assert_array_equal(model.predict(X, verbose=0), plain.predict(X, verbose=0))
    np.testing.assert_array_equal(model.embed(X), plain.embed(X))
    assert model.evaluate(X, verbose=0) == plain.evaluate(X, verbose=0)


@pytest.mark.parametrize(
    "noise", [lambda: keras.layers.GaussianNoise(0.3), SaltAndPepper, MaskingNoise]
)
def test_the_seed_of_the_model_decides_the_noise(noise):
    def trained(state):
        keras.utils.set_random_seed(state)
        model = small(corruption=noise())
        model.compile("adam")
        model.fit(X, epochs=2, shuffle=False, verbose=0)
        return np.concatenate([weight.numpy().ravel() for weight in model.trainable_weights])

    np.testing.assert_array_equal(trained(1), trained(2))


def test_images_with_default_networks_and_dropped_patches():
    x = np.random.default_rng(0).uniform(size=(8, 24, 24, 1)).astype("float32")
    corruption = DroppedPatches(0.5, patch_size=6)
    model = tfvae.VAE(2, likelihood="bernoulli", corruption=corruption, seed=0)
    model.compile("adam")
    assert np.isfinite(model.fit(x, verbose=0).history["loss"][0])


def test_sequences_and_a_target():
    sequences = np.random.default_rng(0).uniform(size=(8, 3, 6)).astype("float32")
    model = small(tfvae.SequenceVAE, corruption=keras.layers.GaussianNoise(0.1))
    model.compile("adam")
    assert np.isfinite(model.fit(sequences, verbose=0).history["loss"][0])
    pairs = small(corruption=keras.layers.GaussianNoise(0.1), target="y")
    pairs.compile("adam")
    assert np.isfinite(pairs.fit(X, X, verbose=0).history["loss"][0])


def test_noisy_inputs_may_leave_the_support_only_of_such_a_model():
    noisy = X + 2.0
    model = small(likelihood="bernoulli", corruption=keras.layers.GaussianNoise(0.3))
    plain = small(likelihood="bernoulli")
    for one in (model, plain):
        one.compile("adam")
        one.build(X.shape)
    assert np.all(np.isfinite(model.predict(noisy, verbose=0)))
    assert np.all(np.isnan(plain.predict(noisy, verbose=0)))
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        model.fit(noisy, verbose=0)  # As a target it cannot be explained.


@pytest.mark.parametrize(
    ("corruption", "message"),
    [
        (0.3, r"`corruption` must be a Keras layer or None, received 0.3.*GaussianNoise"),
        ("gaussian", "`corruption` must be a Keras layer or None"),
        (keras.layers.Dense(4), r"`corruption` must keep the shape of x, \(6,\), received.*\(4,\)"),
        (keras.layers.Conv2D(1, 3), "`corruption` must take x"),
    ],
)
def test_bad_corruptions(corruption, message):
    with pytest.raises(ValueError, match=message):
        small(corruption=corruption).build(X.shape)
