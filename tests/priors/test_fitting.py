"""Priors fitted to posteriors that are held: optima in closed form, and what stays as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import priors
from tfvae.priors import fitting


class LearnedNormal(priors.Prior):
    """N(m, diag s²), with a weight beside it that is not trained."""

    def create_weights(self, data_shape, encode):
        shape = (self.latent_dim,)
        self.mean = self.add_weight(shape=shape, initializer="zeros", name="mean")
        self.log_scale = self.add_weight(shape=shape, initializer="zeros", name="log_scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", trainable=False)

    def distribution(self, *, training=False):
        scale = tf.exp(self.log_scale.value)
        return tfp.distributions.MultivariateNormalDiag(self.mean.value + self.shift.value, scale)


def built(prior, latent_dim=2, **kwargs):
    prior.build(latent_dim, **kwargs)
    return prior


@pytest.fixture(scope="module")
def moments():
    rng = np.random.default_rng(0)
    return rng.normal([1.0, -2.0], [0.5, 1.5], size=(400, 2)), rng.uniform(0.1, 1.0, size=(400, 2))


@pytest.fixture(scope="module")
def ring():
    """Posteriors on a ring of radius 1.6, all of the same σ."""
    angles = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, 500)
    loc = 1.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return loc, np.full_like(loc, 0.12)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_optimum_of_a_gaussian_has_the_moments_of_the_mixture(moments, weighted):
    loc, scale = moments
    weights = np.where(loc[:, 0] > 1.0, 5.0, 0.0) if weighted else None
    prior = built(LearnedNormal())
    losses = fitting.fit(prior, loc, scale, weights=weights, steps=800, learning_rate=0.05)
    mean = np.average(loc, axis=0, weights=weights)
    variance = np.average((loc - mean) ** 2 + scale**2, axis=0, weights=weights)
    p = prior.distribution()
    np.testing.assert_allclose(p.mean(), mean, atol=0.05)
    np.testing.assert_allclose(p.stddev(), np.sqrt(variance), rtol=0.03)
    cross_entropy = 0.5 * np.sum(np.log(2.0 * np.pi * np.e * variance))
    assert losses.shape == (800,) and losses.dtype == np.float32
    assert losses[-200:].mean() == pytest.approx(cross_entropy, abs=0.03)
    np.testing.assert_array_equal(prior.shift, 0.0)


def test_adam_is_that_of_keras():
    rng = np.random.default_rng(0)
    weight = keras.Variable(np.zeros(3, "float32"))
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 10))
    optimizer.build([weight])
    own, moments = np.zeros(3), [(tf.zeros(3), tf.zeros(3))]
    for index in range(10):
        gradient = tf.constant(rng.normal(size=3), tf.float32)
        rate = optimizer.learning_rate.numpy()
        optimizer.apply_gradients([(gradient, weight)])
        (change,), moments = fitting._adam([gradient], moments, rate, tf.constant(index))
        own = own - change
    np.testing.assert_allclose(own, weight, rtol=1e-4)


def test_draws_have_the_moments_of_the_mixture():
    loc, scale = np.array([[-1.0], [0.0], [4.0]], "float32"), np.array([[0.1], [1.0], [0.2]])
    weights = np.array([0.3, 0.0, 0.7])
    ends = fitting.cumulated(weights)
    z = fitting.draws(tf.constant(loc), tf.constant(scale, tf.float32), ends, 100_000, (0, 1))
    mean = weights @ loc
    variance = weights @ ((loc - mean) ** 2 + scale**2)
    assert z.numpy().mean() == pytest.approx(mean[0], abs=4 * np.sqrt(variance[0] / 1e5))
    assert z.numpy().var() == pytest.approx(variance[0], rel=0.02)
    assert np.mean(np.abs(z - 2.0) < 0.8) < 1e-3  # Nothing of the one without weight


def test_a_hierarchical_prior_learns_a_ring(ring):
    prior = built(priors.HierarchicalPrior(8, hidden=(64,)))
    losses = fitting.fit(prior, *ring, steps=400, batch_size=128, learning_rate=1e-2)
    assert losses[-50:].mean() < losses[:50].mean() - 0.5
    radii = np.linalg.norm(prior.sample(2000, seed=(0, 0)), axis=1)
    assert np.mean(np.abs(radii - 1.6) < 0.4) > 0.8  # N(0, I): 0.3


def test_the_same_seed_gives_the_same_weights(moments):
    made = []
    for seed in (1, 1, 2):
        prior = built(LearnedNormal())
        made.append(fitting.fit(prior, *moments, steps=130, batch_size=32, seed=seed))
    np.testing.assert_array_equal(made[0], made[1])
    assert np.all(made[0] != made[2]) and len(set(made[0].tolist())) == 130


@pytest.mark.parametrize("learning_rate", [1e3, 1e30])
def test_a_prior_that_would_get_worse_is_left_as_it_was(moments, learning_rate):
    prior = built(LearnedNormal())
    fitting.fit(prior, *moments, steps=800, learning_rate=0.05)
    before = [weight.numpy() for weight in prior.weights]
    with pytest.warns(UserWarning, match="LearnedNormal is left as it was: mean log p"):
        fitting.fit(prior, *moments, steps=3, learning_rate=learning_rate)
    for weight, value in zip(prior.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_weights_that_are_frozen_stay(moments):
    prior = built(LearnedNormal())
    prior.mean.trainable = False
    fitting.fit(prior, *moments, steps=50, batch_size=16, learning_rate=0.05)
    np.testing.assert_array_equal(prior.mean, 0.0)
    assert np.all(np.asarray(prior.log_scale) != 0.0)
    assert [one.name for one in prior.trainable_weights] == ["log_scale"]
    prior.trainable = False
    with pytest.raises(ValueError, match="must have trainable weights, received a LearnedNormal"):
        fitting.fit(prior, *moments)


def test_what_cannot_be_fitted_says_why(moments):
    loc, scale = moments
    with pytest.raises(ValueError, match="must have trainable weights, received a StandardNormal"):
        fitting.fit(built(priors.StandardNormal()), loc, scale)
    with pytest.raises(ValueError, match="has no weights yet"):
        fitting.fit(LearnedNormal(), loc, scale)
    with pytest.raises(ValueError, match="must be an instance of"):
        fitting.fit("hierarchical", loc, scale)
    torus = priors.TopographicPrior(tfvae.distributions.Torus((1, 1)), grid=(2, 3))
    with pytest.raises(ValueError, match="TopographicPrior, which makes z of noise"):
        fitting.fit(built(torus, 6), loc, scale)
    prior, spoilt = built(LearnedNormal()), loc.copy()
    spoilt[3, 0] = np.nan
    for arguments, words in [
        ((spoilt, scale), "`loc` must be finite, received .*with NaN"),
        ((loc, -scale), "`scale` must not be negative"),
        ((loc[:, :1], scale[:, :1]), r"one shape \(n, 2\), received \(400, 1\)"),
        ((loc, scale[:3]), r"\(400, 2\) and \(3, 2\)"),
        ((loc[:0], scale[:0]), "Give a row for each example"),
    ]:
        with pytest.raises(ValueError, match=words):
            fitting.fit(prior, *arguments)
    for weights, words in [
        (np.ones(3), r"each of the 400 examples, received the shape \(3,\)"),
        (np.zeros(400), "not all 0"),
        (-np.ones(400), "not negative"),
    ]:
        with pytest.raises(ValueError, match=words):
            fitting.fit(prior, loc, scale, weights=weights)
    for name in ("steps", "batch_size", "learning_rate"):
        with pytest.raises(ValueError, match=f"`{name}`"):
            fitting.fit(prior, loc, scale, **{name: 0})


def test_pseudo_inputs_are_fitted_within_the_support():
    x = np.random.default_rng(0).uniform(size=(100, 5)).astype("float32")
    mlp = tfvae.networks.mlp
    vae = tfvae.VAE(2, mlp([8]), mlp([8], (5,)), "bernoulli", priors.VampPrior(6), seed=0)
    vae.build(x.shape)
    for weight in vae.posterior_head.trainable_weights:
        weight.assign(8.0 * weight.value)  # Posteriors that lie apart
    encoder = [weight.numpy() for weight in vae.encoder.weights]
    before = vae.prior.pseudo_inputs.numpy()
    losses = vae.fit_prior(x, steps=150, batch_size=64, learning_rate=0.1).history["loss"]
    pseudo = vae.prior.pseudo_inputs.numpy()
    assert np.mean(losses[-20:]) < np.mean(losses[:10]) - 0.5
    assert np.any(pseudo != before) and pseudo.min() >= 0.0 and pseudo.max() <= 1.0
    for weight, value in zip(vae.encoder.weights, encoder, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.fixture(scope="module")
def trained(blobs):
    mlp = tfvae.networks.mlp
    vae = tfvae.VHPVAE(
        2,
        encoder=mlp([8]),
        decoder=mlp([8], (8, 6, 1)),
        prior=priors.HierarchicalPrior(4, hidden=(16,)),
        objective=tfvae.objectives.Constrained(kappa=0.2),
        seed=0,
    )
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit(blobs, batch_size=32, epochs=3, verbose=0)
    return vae


@pytest.mark.filterwarnings("ignore:The constraint was not reached")
def test_fit_prior_improves_the_prior_and_leaves_all_else(trained, blobs):
    own = {id(weight) for weight in trained.prior.weights}
    others = [v for v in trained.training_state if id(v) not in own]
    others += [trained.seed_generator.state, trained.test_seed_generator.state]
    before = [variable.numpy() for variable in others]
    fit = tfvae.evaluation.prior_fit(trained, blobs, num_samples=1000)
    history = trained.fit_prior(blobs, steps=300, batch_size=64, learning_rate=1e-2)
    assert history.epoch == list(range(300)) and len(history.history["loss"]) == 300
    for variable, value in zip(others, before, strict=True):
        np.testing.assert_array_equal(variable, value, err_msg=variable.path)
    after = tfvae.evaluation.prior_fit(trained, blobs, num_samples=1000)
    assert after.divergence < 0.5 * fit.divergence
    # The traced functions see the new weights, and training goes on.
    trained.fit(blobs, batch_size=32, verbose=0)


@pytest.mark.filterwarnings("ignore:HierarchicalPrior is left as it was")
def test_fit_prior_takes_what_fit_takes(trained, blobs):
    data = tf.data.Dataset.from_tensor_slices((blobs, np.arange(128))).batch(50)
    one, two = (trained.fit_prior(x, steps=2, batch_size=8) for x in (blobs, data))
    assert np.all(np.isfinite(one.history["loss"] + two.history["loss"]))
    conditional = tfvae.VAE(2, prior="hierarchical", condition=3, seed=0)
    conditional.build(((None, 4), (None, 3)))
    x, c = np.random.default_rng(0).normal(size=(20, 4)), np.eye(3)[np.arange(20) % 3]
    assert np.all(np.isfinite(conditional.fit_prior(x, c, steps=2).history["loss"]))
    sequences = tfvae.SequenceVAE(2, prior="hierarchical", seed=0)
    sequences.build((None, 4, 5))
    x = np.random.default_rng(0).normal(size=(6, 4, 5))
    assert sequences.posterior_moments(x)[0].shape == (24, 2)
    assert np.all(np.isfinite(sequences.fit_prior(x, steps=2).history["loss"]))


@pytest.mark.slow
def test_fit_prior_of_a_model_on_two_replicas(mirrored):
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    with mirrored.scope():
        vae = tfvae.VAE(2, prior=priors.HierarchicalPrior(4, hidden=(16,)), seed=0)
        vae.compile("adam")
    vae.fit(x, verbose=0)
    losses = vae.fit_prior(x, steps=200, learning_rate=1e-2).history["loss"]
    assert np.mean(losses[-20:]) < losses[0]
    for weight in vae.prior.trainable_weights:
        one, two = (part.numpy() for part in weight.value.values)
        np.testing.assert_array_equal(one, two)
    vae.fit(x, verbose=0)
