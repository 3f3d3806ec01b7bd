"""Priors: densities against closed forms, the rate, and what `build` and `adapt` check."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae import priors
from tfvae.distributions import diagonal_gaussian
from tfvae.priors import HierarchicalPrior, StandardNormal, VampPrior


@pytest.fixture
def posterior():
    rng = np.random.default_rng(0)
    loc = rng.normal(size=(4, 2)).astype("float32")
    scale = rng.uniform(0.2, 1.5, size=(4, 2)).astype("float32")
    return diagonal_gaussian(loc, scale)


def built(prior):
    prior.build(latent_dim=2)
    return prior


def test_standard_normal_density_and_analytic_rate(posterior):
    prior = built(StandardNormal())
    z = posterior.sample(3, seed=(0, 0))
    np.testing.assert_allclose(
        prior.log_prob(z), scipy.stats.norm.logpdf(z.numpy()).sum(axis=-1), rtol=1e-5
    )
    loc, scale = posterior.mean().numpy(), posterior.stddev().numpy()
    expected = 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale)).sum(axis=-1)
    np.testing.assert_allclose(prior.rate(posterior, z)[0], expected, rtol=1e-5)


def test_sampled_rate_has_the_analytic_one_as_its_mean(posterior):
    prior = built(StandardNormal())
    z = posterior.sample(100_000, seed=(0, 0))
    sampled = prior.rate(posterior, z, analytic=False).numpy()
    error = sampled.std(axis=0) / np.sqrt(len(sampled))
    assert np.all(np.abs(sampled.mean(axis=0) - prior.rate(posterior, z)[0]) < 4 * error)


def test_rate_of_a_learned_prior_is_the_sample_estimate(posterior):
    prior = built(HierarchicalPrior(4, hidden=(8,)))
    z = posterior.sample(3, seed=(0, 0))
    expected = posterior.log_prob(z) - prior.log_prob(z, seed=(1, 2))
    rate = prior.rate(posterior, z, seed=(1, 2))
    assert rate.shape == (3, 4)
    np.testing.assert_allclose(rate, expected)


def linear_prior(num_importance_samples):
    """A hierarchical prior whose decoder is z = Wζ + b with σ, and whose proposal is N(0, 1.2²)."""
    mlp = tfvae.networks.mlp
    prior = built(HierarchicalPrior(num_importance_samples, decoder=mlp([]), encoder=mlp([])))
    w, bias = np.array([[0.9, -0.3], [0.4, 0.7]], "float32"), np.array([0.2, -0.1], "float32")
    raw = lambda scale: np.full(2, np.log(np.expm1(scale)), "float32")  # noqa: E731
    zeros = np.zeros((2, 2), "float32")
    prior._decoder_head.set_weights(
        [np.concatenate([w.T, zeros], axis=1), np.concatenate([bias, raw(0.5)])]
    )
    prior._encoder_head.set_weights(
        [np.zeros((2, 4), "float32"), np.concatenate([np.zeros(2, "float32"), raw(1.2)])]
    )
    return prior, scipy.stats.multivariate_normal(bias, w @ w.T + 0.25 * np.eye(2))


def test_hierarchical_prior_approaches_the_exact_marginal_from_below():
    z = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    means = []
    for k in (1, 8, 256):
        prior, exact = linear_prior(k)
        means.append(prior.log_prob(np.tile(z, (500, 1)), seed=(0, k)).numpy().mean())
    assert means[0] < means[1] < means[2] < exact.logpdf(z).mean() + 0.01
    assert means[2] == pytest.approx(exact.logpdf(z).mean(), abs=0.02)


def test_hierarchical_samples_have_the_covariance_of_the_marginal():
    prior, exact = linear_prior(1)
    samples = prior.sample(100_000, seed=(0, 0)).numpy()
    np.testing.assert_allclose(np.cov(samples.T), exact.cov, atol=0.03)


def test_vamp_prior_is_the_mixture_of_the_pseudo_inputs_posteriors():
    vae = tfvae.VAE(2, prior=VampPrior(7))
    vae.build((None, 5))
    q = vae.encode(vae.prior.pseudo_inputs.numpy())
    z = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    each = scipy.stats.norm(q.mean().numpy(), q.stddev().numpy()).logpdf(z[:, None]).sum(axis=-1)
    np.testing.assert_allclose(
        vae.prior.log_prob(z), scipy.special.logsumexp(each, axis=1) - np.log(7), rtol=1e-4
    )


@pytest.mark.parametrize("before", [True, False])
def test_adapt_starts_the_pseudo_inputs_at_examples(before):
    x = np.random.default_rng(0).normal(size=(20, 5)).astype("float32")
    vae = tfvae.VAE(2, prior=VampPrior(30))
    if before:
        vae.prior.adapt(x)
    vae.build((None, 5))
    if not before:
        vae.prior.adapt(x)
    pseudo = vae.prior.pseudo_inputs.numpy()
    distances = np.abs(pseudo[:, None] - x).max(axis=-1)
    assert np.all(distances.min(axis=1) == 0.0)
    assert set(distances.argmin(axis=1)) == set(range(20))  # every example, before any twice


def test_adapt_checks_its_examples():
    vae = tfvae.VAE(2, prior=VampPrior(3))
    vae.build((None, 5))
    with pytest.raises(ValueError, match=r"\(5,\).*\(4,\)"):
        vae.prior.adapt(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least one example"):
        vae.prior.adapt(np.zeros((0, 5)))
    with pytest.raises(ValueError, match="`x` of `adapt` must be a finite number"):
        vae.prior.adapt(np.full((3, 5), np.nan))
    for built in (True, False):
        vae = tfvae.VAE(2, likelihood="bernoulli", prior=VampPrior(3))
        with pytest.raises(ValueError, match=r"`x` of `adapt` must be in \[0, 1\].*from 0 to 255"):
            if built:
                vae.build((None, 5))
            vae.prior.adapt(np.array([[0.0, 1.0, 2.0, 3.0, 255.0]]))
            vae.build((None, 5))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_pseudo_inputs_stay_in_the_support_of_the_likelihood(likelihood):
    """From the first values on, through steps that lead out of it, and free to move in again."""
    prior = VampPrior(50, initializer=keras.initializers.RandomNormal(0.5, 1.0, seed=0))
    mlp = tfvae.networks.mlp
    vae = tfvae.VAE(2, mlp([8]), mlp([8], (5,)), likelihood=likelihood, prior=prior, seed=0)
    vae.build((None, 5))
    vae.compile(keras.optimizers.SGD(1.0))
    bounded = likelihood == "bernoulli"
    pseudo = prior.pseudo_inputs
    drawn = np.asarray(keras.initializers.RandomNormal(0.5, 1.0, seed=0)((50, 5)))
    np.testing.assert_array_equal(pseudo, np.clip(drawn, 0.0, 1.0) if bounded else drawn)
    gradient = np.where(drawn > 0.5, -1.0, 1.0).astype("float32")  # Out of [0, 1], by 1 a step.
    before = pseudo.numpy()
    vae.optimizer.apply_gradients([(tf.constant(gradient), pseudo)])
    expected = before - gradient
    np.testing.assert_allclose(pseudo, np.clip(expected, 0.0, 1.0) if bounded else expected, 1e-6)
    if bounded:
        assert set(np.unique(pseudo)) == {0.0, 1.0}
        with tf.GradientTape() as tape:
            density = tf.reduce_sum(prior.log_prob(tf.zeros([1, 2])))
        at_bounds = tape.gradient(density, pseudo.value).numpy()
        assert np.all(np.any(at_bounds != 0.0, axis=1))
        vae.optimizer.apply_gradients([(tf.constant(-0.25 * gradient), pseudo)])
        np.testing.assert_allclose(np.unique(pseudo), [0.25, 0.75])


def test_pseudo_inputs_of_a_fit_stay_in_the_support():
    x = np.random.default_rng(0).integers(2, size=(64, 5)).astype("float32")
    mlp = tfvae.networks.mlp
    prior = VampPrior(10)
    vae = tfvae.VAE(2, mlp([8]), mlp([8], (5,)), likelihood="bernoulli", prior=prior, seed=0)
    prior.adapt(x)
    vae.compile(keras.optimizers.Adam(0.1))
    vae.fit(x, epochs=5, verbose=0)
    pseudo = prior.pseudo_inputs.numpy()
    assert pseudo.min() >= 0.0 and pseudo.max() <= 1.0
    assert np.any((pseudo > 0.0) & (pseudo < 1.0))  # Some have left the bounds they started at.


def test_pseudo_inputs_of_a_model_with_a_target_are_no_targets():
    """The likelihood's support is the target's; x may be anything."""
    vae = tfvae.VAE(2, likelihood="bernoulli", prior=VampPrior(20), target="y", seed=0)
    vae.build(((None, 5), {"target": (None, 3)}))
    assert vae.prior.support is None and vae.prior.pseudo_inputs.numpy().min() < 0.0


def test_a_prior_that_is_not_connected_says_what_to_do():
    for prior in (StandardNormal(), HierarchicalPrior(), VampPrior()):
        with pytest.raises(ValueError, match=r"(?s)has no weights yet.*build"):
            prior.distribution()


def test_vamp_prior_needs_an_encoder():
    with pytest.raises(ValueError, match="`prior` must be another than VampPrior"):
        VampPrior().build(latent_dim=2)


@pytest.mark.parametrize("bad", [0, -2, 1.5])
def test_numbers_are_checked(bad):
    with pytest.raises(ValueError, match="num_importance_samples"):
        HierarchicalPrior(bad)
    with pytest.raises(ValueError, match="num_components"):
        VampPrior(bad)
    with pytest.raises(ValueError, match="hyper_dim"):
        HierarchicalPrior(hyper_dim=bad)


def test_short_names():
    for name, cls in {
        "standard_normal": StandardNormal,
        "vamp": VampPrior,
        "hierarchical": HierarchicalPrior,
    }.items():
        assert isinstance(priors.get(name), cls)


def test_distributions_are_those_of_tfp():
    for prior in (StandardNormal(), HierarchicalPrior(2, hidden=(4,))):
        p = built(prior).distribution()
        assert isinstance(p, tfp.distributions.Distribution)
        assert p.batch_shape == () and p.event_shape == (2,) and p.dtype == tf.float32
