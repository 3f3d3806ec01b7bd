"""Priors fitted to a trained model, and models that generate with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import priors
from tfvae.evaluation import prior_fit

FEW = {"steps": 60, "batch_size": 64, "learning_rate": 1e-2}


def small(cls=tfvae.VAE, **kwargs):
    mlp = tfvae.networks.mlp
    return cls(2, encoder=mlp([16]), decoder=mlp([16], (6,)), seed=0, **kwargs)


@pytest.fixture(scope="module")
def x():
    """Two clusters of six features."""
    rng = np.random.default_rng(0)
    signs = np.where(np.arange(200) % 2, 1.0, -1.0)[:, None]
    return (signs * [2.0, -2.0, 1.0, 1.0, 0.0, 3.0] + 0.3 * rng.normal(size=(200, 6))).astype(
        "float32"
    )


@pytest.fixture(scope="module")
def trained(x):
    vae = small(objective=tfvae.objectives.Constrained(kappa=0.3))
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit(x, batch_size=50, epochs=30, verbose=0)
    return vae


@pytest.fixture(scope="module")
def mixture(trained, x):
    return priors.fit_to(trained, x, priors.GaussianMixture(2))


@pytest.mark.parametrize(
    "prior",
    ["gaussian_mixture", "density_buffer", pytest.param("flow", marks=pytest.mark.slow)],
)
def test_a_fitted_prior_is_nearer_to_the_posteriors(trained, x, prior):
    before = [variable.numpy() for variable in trained.variables]
    options = FEW if prior == "flow" else {}
    fitted = priors.fit_to(trained, x, prior, seed=1, **options)
    assert fitted.built and isinstance(fitted, type(priors.get(prior)))
    standing_in = trained.with_prior(fitted)
    old, new = (prior_fit(one, x, num_samples=1000) for one in (trained, standing_in))
    assert new.divergence < 0.5 * old.divergence and new.share > old.share
    for variable, value in zip(trained.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_model_with_another_prior_is_a_model_as_any(trained, mixture, x, tmp_path):
    model = trained.with_prior(mixture)
    assert type(model) is type(trained) and model.prior is not mixture
    np.testing.assert_array_equal(model.predict(x, verbose=0), trained.predict(x, verbose=0))
    old, new = trained.evaluate(x, verbose=0), model.evaluate(x, verbose=0)
    assert new["distortion"] == old["distortion"] and new["lambda"] == old["lambda"]
    assert new["rate"] < old["rate"]  # The mixture is nearer to q(z).
    assert model.log_likelihood(x, 50).mean() > trained.log_likelihood(x, 50).mean()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(x, verbose=0) == new
    generated = model.generate(50, seed=1)
    np.testing.assert_array_equal(loaded.generate(50, seed=1), generated)
    tfvae.export(model, str(tmp_path / "served" / "1"))
    served = tf.saved_model.load(str(tmp_path / "served" / "1"))
    made = served.signatures["generate"](count=tf.constant(400), seed=tf.constant([0, 1]))["mean"]
    # What is generated lies at the clusters; N(0, I) also gives what lies between.
    distances = lambda made: np.abs(np.abs(made[:, 5]) - 3.0)  # noqa: E731
    assert np.mean(distances(made.numpy()) < 0.8) > 0.95
    assert np.mean(distances(generated) < 0.8) > 0.95
    model.fit(x, verbose=0)
    assert np.any(model.prior.loc.numpy() != mixture.loc.numpy())


@pytest.mark.parametrize("prior", ["density_buffer", "hierarchical"])
def test_files_keep_the_prior(trained, x, prior, tmp_path):
    options = {} if prior == "density_buffer" else {"steps": 3, "batch_size": 8}
    model = trained.with_prior(priors.fit_to(trained, x, prior, **options))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    z = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    np.testing.assert_array_equal(
        loaded.prior.log_prob(z, seed=(0, 1)), model.prior.log_prob(z, seed=(0, 1))
    )
    np.testing.assert_array_equal(loaded.generate(5, seed=1), model.generate(5, seed=1))


def test_the_new_model_is_apart_from_the_old_one(trained, mixture, x):
    one, two = trained.with_prior(mixture), trained.with_prior(mixture)
    before = [weight.numpy() for weight in [*trained.weights, *mixture.weights, *two.weights]]
    one.fit(x, verbose=0)
    after = [*trained.weights, *mixture.weights, *two.weights]
    for value, weight in zip(before, after, strict=True):
        np.testing.assert_array_equal(weight, value)
    fresh = trained.with_prior("hierarchical")
    assert isinstance(fresh.prior, priors.HierarchicalPrior)
    fresh.fit_prior(x, steps=3)


def test_a_network_penalty_and_a_prior_that_was_learned_go_along(x):
    """The order of the weights changes with the prior; each part keeps its own."""
    critic = tfvae.penalties.TotalCorrelation(1.0, tfvae.networks.mlp([8], (1,)))
    vae = small(prior=priors.HierarchicalPrior(2, hidden=(4,)), penalties=[critic])
    vae.build(x.shape)
    model = vae.with_prior("standard_normal")
    np.testing.assert_array_equal(model.predict(x, verbose=0), vae.predict(x, verbose=0))
    pairs = zip(model.penalties[0].network.weights, vae.penalties[0].network.weights, strict=True)
    for new, old in pairs:
        np.testing.assert_array_equal(new, old)


def test_weights_of_examples_decide_what_is_fitted(trained, x):
    weights = np.where(np.arange(200) % 2, 1.0, 0.0)  # The second cluster alone
    prior = priors.fit_to(trained, x, priors.GaussianMixture(1), sample_weight=weights)
    mean = trained.encode(x[1::2]).mean().numpy().mean(axis=0)
    np.testing.assert_allclose(prior.loc[0], mean, atol=0.05)
    sequences = tfvae.SequenceVAE(2, seed=0)
    data = np.random.default_rng(0).normal(size=(6, 4, 5))
    sequences.build(data.shape)
    prior = priors.fit_to(sequences, data, "density_buffer", sample_weight=[1, 0, 0, 0, 0, 1])
    assert prior.num_events == 8 and sequences.with_prior(prior).generate(2).shape == (2, 4, 5)


def test_what_cannot_stand_in_says_why(trained, mixture, x):
    with pytest.raises(ValueError, match=r"`prior` must be another than the model's own"):
        priors.fit_to(trained, x, trained.prior)
    with pytest.raises(ValueError, match="must have trainable weights, received a StandardNormal"):
        priors.fit_to(trained, x, "standard_normal")
    with pytest.raises(ValueError, match="Did you mean 'gaussian_mixture'"):
        priors.fit_to(trained, x, "gausian_mixture")
    with pytest.raises(ValueError, match="pseudo-inputs need an encoder"):
        priors.fit_to(trained, x, "vamp")
    torus = lambda: priors.TopographicPrior(  # noqa: E731
        tfvae.distributions.Torus((1, 1)), grid=(1, 2)
    )
    with pytest.raises(ValueError, match="TopographicPrior, which makes z of noise"):
        priors.fit_to(trained, x, torus())
    with pytest.raises(ValueError, match="TopographicPrior, which makes z of noise"):
        trained.with_prior(torus())
    topographic = tfvae.VAE(2, prior=torus(), seed=0)
    topographic.build(x.shape)
    for refused in (
        lambda: topographic.with_prior("standard_normal"),
        lambda: topographic.fit_prior(x),
    ):
        with pytest.raises(ValueError, match="TopographicPrior, which makes z of noise"):
            refused()
    with pytest.raises(ValueError, match="with_prior"):
        small().with_prior("standard_normal")
    other = tfvae.VAE(3, seed=0)
    other.build(x.shape)
    with pytest.raises(ValueError, match="`prior` must have the 3 latents of the model"):
        other.with_prior(mixture)
    with pytest.raises(ValueError, match="that was fitted to a trained model"):
        trained.with_prior("density_buffer")
