"""Denoising: against the closed form of a linear model, the mean over samples, and bad input."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.applications import denoise

X = np.random.default_rng(0).uniform(size=(40, 6)).astype("float32")


def small(cls=tfvae.VAE, **kwargs):
    model = cls(
        2,
        encoder=tfvae.networks.mlp([8]),
        decoder=tfvae.networks.mlp([8], (6,)),
        seed=0,
        **kwargs,
    )
    model.compile("adam")
    return model


def test_linear_autoencoder_learns_the_wiener_filter():
    """One direction u of variance s² in noise σ²: the best is u uᵀx · s²/(s² + σ²)."""
    rng = np.random.default_rng(0)
    u, s, sigma, steps = np.array([0.6, 0.8, 0.0, 0.0]), 2.0, 1.0, 1500
    clean = (rng.normal(size=(500, 1)) * s * u).astype("float32")
    clean *= np.float32(s / np.sqrt(np.mean(np.sum(clean**2, axis=1))))
    model = tfvae.Autoencoder(
        1,
        encoder=keras.Sequential([keras.layers.Flatten()]),
        decoder=keras.Sequential([keras.layers.Dense(4)]),
        corruption=keras.layers.GaussianNoise(sigma),
        seed=0,
    )
    rate = keras.optimizers.schedules.CosineDecay(0.03, steps)
    model.compile(keras.optimizers.Adam(rate))
    model.fit(tf.data.Dataset.from_tensors(clean).repeat(steps), verbose=0)
    probes = np.eye(4, dtype="float32")
    wiener = np.outer(u, u) * s**2 / (s**2 + sigma**2)
    found = denoise(model, probes) - denoise(model, np.zeros((1, 4), "float32"))
    np.testing.assert_allclose(found, wiener, atol=0.05)


def test_without_samples_it_is_predict():
    model = small(corruption=keras.layers.GaussianNoise(0.3))
    model.build(X.shape)
    found = denoise(model, X, batch_size=7)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_mean_over_samples():
    model = small()
    model.build(X.shape)
    found = denoise(model, X, num_samples=400, seed=1)
    z = model.encode(X).sample(20_000, seed=3)
    expected = model.decode(z).mean().numpy()
    error = 5.0 * expected.std(axis=0) / np.sqrt(400)
    assert np.all(np.abs(found - expected.mean(axis=0)) < error + 1e-4)
    again = denoise(model, X, num_samples=400, seed=1)
    np.testing.assert_array_equal(found, again)
    assert np.any(denoise(model, X, num_samples=400, seed=2) != found)
    autoencoder = small(tfvae.Autoencoder)
    autoencoder.build(X.shape)
    np.testing.assert_allclose(
        denoise(autoencoder, X, num_samples=3), denoise(autoencoder, X), rtol=1e-5, atol=1e-6
    )


def test_every_kind_of_model_and_of_data():
    labels = np.arange(40) % 3
    y = {"labels": labels, "condition": X[:, :2]}
    model = small(discrete=tfvae.discrete.Labels(3), condition=2)
    model.build((X.shape, {"labels": (None,), "condition": (None, 2)}))
    found = denoise(model, X, y, num_samples=2)
    expected = model.predict(X, y, verbose=0)
    np.testing.assert_allclose(denoise(model, X, y), expected, rtol=1e-4, atol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices((X, y)).batch(40)
    np.testing.assert_allclose(denoise(model, dataset, num_samples=2), found, rtol=1e-5, atol=1e-6)
    pairs = small(target="y")
    pairs.fit(X + 0.1, X, verbose=0)
    assert denoise(pairs, X, num_samples=1).shape == X.shape
    sequences = np.stack([X] * 3, axis=1)
    of_sequences = small(tfvae.SequenceVAE)
    of_sequences.build(sequences.shape)
    for number in (0, 2):
        assert denoise(of_sequences, sequences, num_samples=number).shape == sequences.shape


def test_noise_beyond_the_range_of_the_likelihood():
    model = small(likelihood="bernoulli", corruption=keras.layers.GaussianNoise(0.3))
    plain = small(likelihood="bernoulli")
    for one in (model, plain):
        one.build(X.shape)
    assert np.all(np.isfinite(denoise(model, X - 1.0)))
    with pytest.raises(ValueError, match="train with `corruption`, or clip"):
        denoise(plain, X - 1.0)


def test_bad_arguments():
    model = small()
    with pytest.raises(ValueError, match="denoise"):
        denoise(model, X)
    model.build(X.shape)
    bad = X.copy()
    bad[9, 2] = np.nan
    for arguments, message in (
        ((None, X), "`model` must be a model of the library, received NoneType"),
        ((model, bad), "with NaN or infinities; the first bad example is number 9"),
        ((model, X[:, :5]), r"`x` must have the shape"),
        ((model, X[:0]), "at least one example"),
    ):
        with pytest.raises(ValueError, match=message):
            denoise(*arguments, batch_size=4)
    with pytest.raises(ValueError, match="`num_samples` must be a whole number from 0"):
        denoise(model, X, num_samples=-1)
