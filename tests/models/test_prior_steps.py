"""Steps on the prior alone, by an optimizer of its own, within a training step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.distributions import diagonal_gaussian
from tfvae.networks import mlp

CENTER = np.array([0.5, -1.0, 2.0], "float32")


@keras.saving.register_keras_serializable(package="tests")
class LearnedMean(tfvae.priors.Prior):
    """N(m, I)."""

    def create_weights(self, data_shape, encode):
        self.mean = self.add_weight(shape=(self.latent_dim,), name="mean", initializer="zeros")

    def distribution(self, *, training=False):
        return tfp.distributions.MultivariateNormalDiag(self.mean.value)


def identity_encoder():
    """z = x but for a noise of e⁻²⁰."""
    inputs = keras.Input((3,))
    return keras.Model(inputs, [inputs, keras.layers.Lambda(lambda x: 0.0 * x - 40.0)(inputs)])


def model(prior, optimizer=None, **kwargs):
    vae = tfvae.VAE(3, identity_encoder(), mlp([4], (3,)), prior=prior, seed=0, **kwargs)
    vae.compile(optimizer or keras.optimizers.SGD(0.0))
    return vae


def data(n=8):
    x = np.random.default_rng(0).normal(size=(n, 3)).astype("float32")
    return x - x.mean(axis=0) + CENTER


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("weights", [None, np.array([1.0, 0, 2, 0, 1, 1, 0, 3], "float32")])
def test_each_step_is_a_gradient_step_on_the_cross_entropy(weights, eager):
    """m ← m − r·(w̄·m − mean w z): of N(m, I) and SGD of rate r."""
    vae = model(LearnedMean(steps=3, optimizer=keras.optimizers.SGD(0.1)))
    vae.run_eagerly = eager
    x = data()
    vae.fit(x, sample_weight=weights, batch_size=8, shuffle=False, verbose=0)
    w = np.ones(8, "float32") if weights is None else weights
    expected = np.zeros(3)
    for _ in range(3):
        expected -= 0.1 * (w.mean() * expected - (w[:, None] * x).mean(axis=0))
    np.testing.assert_allclose(vae.prior.mean, expected, rtol=1e-5)
    assert int(vae.prior.optimizer.iterations) == 3
    assert int(vae.optimizer.iterations) == 1


@keras.saving.register_keras_serializable(package="tests")
class PenalizedMean(LearnedMean):
    """N(m, I) with the penalty ½ ‖m‖²."""

    def create_weights(self, data_shape, encode):
        self.mean = self.add_weight(
            shape=(self.latent_dim,),
            name="mean",
            initializer="ones",
            regularizer=keras.regularizers.L2(0.5),
        )


def test_what_layers_add_counts_once_in_the_steps_of_their_owner():
    """m ← m − r·(m − mean z + m), and the model's own steps leave m alone."""
    prior = PenalizedMean(steps=2, optimizer=keras.optimizers.SGD(0.1))
    vae = model(prior, keras.optimizers.SGD(0.1))
    x = data()
    vae.encoder.trainable = vae.decoder.trainable = False
    vae.fit(x, batch_size=8, shuffle=False, verbose=0)
    expected = np.ones(3)
    for _ in range(2):
        expected -= 0.1 * (2.0 * expected - x.mean(axis=0))
    np.testing.assert_allclose(prior.mean, expected, rtol=1e-5)


def test_the_models_optimizer_leaves_the_prior_alone():
    """Nor does its weight decay move it; without steps it trains the prior."""
    means = []
    for steps in (0, 1):
        own = keras.optimizers.SGD(0.0) if steps else None
        vae = model(LearnedMean(steps=steps, optimizer=own), keras.optimizers.SGD(0.1))
        vae.fit(data(), verbose=0)
        means.append(vae.prior.mean.numpy())
    assert np.all(np.abs(means[0]) > 0.01)
    np.testing.assert_array_equal(means[1], 0.0)


def test_a_frozen_prior_and_its_optimizer_and_moments_stay_as_they_are():
    objective = tfvae.objectives.Constrained(kappa=1e-4)  # out of reach
    vae = model(tfvae.priors.HierarchicalPrior(2, hidden=(4,)), objective=objective)
    vae.build((None, 3))
    state = [*vae.prior.weights, *vae.prior.optimizer.variables]
    before = [variable.numpy() for variable in state]
    with pytest.warns(UserWarning, match="not been trained at all"):
        vae.fit(data(), epochs=2, verbose=0)
    for variable, value in zip(state, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)
    vae = model(tfvae.priors.HierarchicalPrior(2, hidden=(4,)))
    vae.fit(data(), verbose=0)
    assert int(vae.prior.optimizer.iterations) == 2 and float(vae.prior.batches) == 1.0


def test_moments_follow_the_latents():
    """The first batch at once, then slowly; at last those of all data."""
    prior = tfvae.priors.HierarchicalPrior(2, hidden=(4,))
    prior.build(latent_dim=2)
    rng = np.random.default_rng(0)

    def posterior(size):
        loc = rng.normal(size=(size, 2)) * [3.0, 0.1] + [10.0, -1.0]
        return diagonal_gaussian(loc.astype("float32"), tf.fill([size, 2], 0.2))

    first = posterior(64)
    prior.observe(first)
    loc = first.mean().numpy()
    np.testing.assert_allclose(prior.location, loc.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(prior.scale, np.sqrt(loc.var(axis=0) + 0.04), rtol=1e-4)
    before = [weight.numpy() for weight in (prior.location, prior.scale, prior.batches)]
    prior.observe(posterior(4), weights=tf.zeros([4]))
    for weight, value in zip((prior.location, prior.scale, prior.batches), before, strict=True):
        np.testing.assert_array_equal(weight, value)
    for _ in range(200):
        prior.observe(posterior(64))
    np.testing.assert_allclose(prior.location, [10.0, -1.0], atol=0.1)
    np.testing.assert_allclose(prior.scale, np.sqrt([9.04, 0.05]), rtol=0.05)


def test_a_prior_of_another_place_and_scale_is_the_same_but_for_both():
    """log p(m + s z') = log p'(z') − Σ log s."""
    prior = tfvae.priors.HierarchicalPrior(8, hidden=(4,))
    prior.build(latent_dim=2)
    z = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    before = prior.log_prob(z, seed=(0, 1))
    prior.location.assign([3.0, -2.0])
    prior.scale.assign([2.0, 0.5])
    moved = prior.log_prob([3.0, -2.0] + z * [2.0, 0.5], seed=(0, 1))
    np.testing.assert_allclose(moved, before - np.log(2.0) - np.log(0.5), rtol=1e-4, atol=1e-4)


def test_vamp_prior_takes_steps_within_the_support():
    vae = tfvae.VAE(
        2, mlp([4]), mlp([4], (3,)), "bernoulli", tfvae.priors.VampPrior(5, steps=2), seed=0
    )
    vae.compile(keras.optimizers.SGD(0.0))
    x = np.random.default_rng(0).uniform(size=(16, 3)).astype("float32")
    vae.build((None, 3))
    before = vae.prior.pseudo_inputs.numpy()
    vae.fit(x, verbose=0)
    after = vae.prior.pseudo_inputs.numpy()
    assert np.any(after != before) and after.min() >= 0.0 and after.max() <= 1.0


def test_refused():
    with pytest.raises(ValueError, match="`steps` must be 0 for a StandardNormal, which has no"):
        tfvae.VAE(2, prior=tfvae.priors.StandardNormal(steps=1)).build((None, 3))
    with pytest.raises(ValueError, match="`steps` must be a whole number from 0"):
        tfvae.priors.HierarchicalPrior(steps=-1)
    with pytest.raises(ValueError, match="`optimizer` must be None where `steps` is 0"):
        tfvae.priors.HierarchicalPrior(steps=0, optimizer="adam")
    optimizer = keras.optimizers.Adam()
    vae = tfvae.VAE(2, prior=LearnedMean(steps=1, optimizer=optimizer))
    with pytest.raises(ValueError, match="not be the one of the prior 'learned_mean"):
        vae.compile(optimizer)


def test_the_state_of_its_optimizer_is_saved(tmp_path):
    x = data()
    vae = tfvae.VAE(2, mlp([4]), mlp([4], (3,)), prior=LearnedMean(steps=2), seed=0)
    vae.compile("adam")
    vae.fit(x, verbose=0)
    vae.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pairs = zip(vae.prior.optimizer.variables, loaded.prior.optimizer.variables, strict=True)
    for own, other in pairs:
        np.testing.assert_array_equal(own.numpy(), other.numpy(), err_msg=own.path)
    assert loaded.prior.steps == 2 and int(loaded.prior.optimizer.iterations) == 2
