"""The autoencoder: PCA's error on linear data, no noise, and what it refuses."""

import keras
import numpy as np
import pytest
import sklearn.decomposition
import tensorflow as tf

import tfvae


def linear(latent_dim=2, **kwargs):
    """Affine encoder and decoder of five features."""
    return tfvae.Autoencoder(
        latent_dim,
        encoder=keras.Sequential([keras.layers.Flatten()]),
        decoder=keras.Sequential([keras.layers.Dense(5)]),
        seed=0,
        **kwargs,
    )


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(0)
    spread = np.array([3.0, 2.0, 1.0, 0.7, 0.4])
    mixed = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    return (1.0 + (rng.normal(size=(60, 5)) * spread) @ mixed).astype("float32")


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_linear_networks_reach_the_error_of_pca(x, latent_dim):
    model = linear(latent_dim)
    steps = 1500
    rate = keras.optimizers.schedules.CosineDecay(0.05, steps)
    model.compile(keras.optimizers.Adam(rate))
    model.fit(tf.data.Dataset.from_tensors(x).repeat(steps), verbose=0)
    pca = sklearn.decomposition.PCA(latent_dim).fit(x)
    expected = np.mean((pca.inverse_transform(pca.transform(x)) - x) ** 2)
    found = np.mean((model.predict(x, verbose=0) - x) ** 2)
    assert expected * (1.0 - 1e-5) <= found <= expected * 1.001  # No linear code is better.
    np.testing.assert_allclose(model.evaluate(x, verbose=0)["constraint"], found**0.5, rtol=1e-5)


def test_it_is_deterministic_and_has_no_rate(x):
    model = linear()
    model.compile("adam")
    history = model.fit(x, epochs=2, verbose=0).history
    assert history["rate"] == [0.0, 0.0] and history["loss"] == history["distortion"]
    posterior = model.encode(x)
    np.testing.assert_array_equal(posterior.sample(seed=1), posterior.sample(seed=2))
    np.testing.assert_array_equal(posterior.mean(), model.embed(x))
    assert not np.any(posterior.stddev())
    terms = [model.elbo_terms(x, seed=seed) for seed in (1, 2)]
    np.testing.assert_array_equal(terms[0].distortion, terms[1].distortion)


def test_a_proper_prior_has_minus_its_log_density_as_rate(x):
    objective = tfvae.objectives.BetaELBO(0.0)
    model = linear(prior="standard_normal", objective=objective, penalties=["mmd"])
    model.compile("adam")
    history = model.fit(x, epochs=1, verbose=0).history
    assert np.isfinite(history["mmd"][0]) and model.generate(3, seed=0).shape == (3, 5)
    z = model.embed(x).numpy()
    expected = np.sum(z**2 / 2 + np.log(2 * np.pi) / 2, axis=1)
    np.testing.assert_allclose(model.elbo_terms(x, seed=0).rate[0], expected, rtol=1e-5)


def test_saved_and_loaded(x, tmp_path):
    model = linear(corruption=keras.layers.GaussianNoise(0.1))
    model.compile("adam")
    model.fit(x, epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.prior, tfvae.priors.Improper)
    np.testing.assert_array_equal(loaded.embed(x), model.embed(x))
    histories = [one.fit(x, epochs=1, verbose=0, shuffle=False).history for one in (model, loaded)]
    assert histories[0] == histories[1]  # The noise goes on where it was.


def test_onnx(x, tmp_path):
    pytest.importorskip("tf2onnx")
    model = linear()
    model.build(x.shape)
    tfvae.export_onnx(model, tmp_path / "onnx")
    session = pytest.importorskip("onnxruntime").InferenceSession(
        str(tmp_path / "onnx" / "encoder.onnx")
    )
    (embedding,) = session.run(["embedding"], {"x": x})
    np.testing.assert_allclose(embedding, model.embed(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda model, x: model.generate(2), "`prior` must be a distribution for samples"),
        (lambda model, x: model.log_likelihood(x), "`log_likelihood` needs a posterior with a"),
        (lambda model, x: model.log_weights(x, 3, seed=0), "`log_weights` needs a posterior"),
        (
            lambda model, x: tfvae.evaluation.log_likelihood(model, x, verbose=0),
            "whose code is a point",
        ),
        (lambda model, x: tfvae.evaluation.prior_fit(model, x), "must be a distribution"),
        (lambda model, x: model.fit_prior(x), "`posterior` must be a diagonal Gaussian"),
    ],
)
def test_what_needs_a_density_is_refused(x, ask, message):
    model = linear()
    model.build(x.shape)
    with pytest.raises(ValueError, match=message):
        ask(model, x)


def test_an_encoder_of_moments_is_refused():
    inputs = keras.Input((5,))
    outputs = [keras.layers.Dense(2)(inputs), keras.layers.Dense(2)(inputs)]
    model = tfvae.Autoencoder(2, encoder=keras.Model(inputs, outputs))
    with pytest.raises(ValueError, match="for a model whose code is a point"):
        model.build((None, 5))
