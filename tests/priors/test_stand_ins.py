"""Mixture, buffer and flow: densities against SciPy, samples against densities, what they fit."""

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.priors import DensityBuffer, Flow, GaussianMixture


def built(prior, latent_dim=2):
    prior.build(latent_dim)
    return prior


def randomised(prior, scale=0.5):
    """Weights that are not those of the start."""
    rng = np.random.default_rng(3)
    for weight in prior.trainable_weights:
        weight.assign_add(scale * rng.normal(size=weight.shape))
    return prior


@pytest.fixture(scope="module")
def posteriors():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 2)), rng.uniform(0.1, 1.0, size=(30, 2)), rng.uniform(size=30)


@pytest.fixture(scope="module")
def clusters():
    """Two narrow clouds, the second with a correlation of its latents."""
    rng = np.random.default_rng(0)
    loc = rng.normal(size=(800, 2)) * [0.5, 0.05]
    loc[:400] += [4.0, 0.0]
    loc[400:] = loc[400:] @ [[0.6, 0.8], [-0.8, 0.6]]
    return loc, np.full_like(loc, 0.05)


# ---- the mixture ---------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_mixture_against_scipy(covariance):
    prior = randomised(built(GaussianMixture(4, covariance)))
    z = np.random.default_rng(1).normal(size=(5, 2)).astype("float32")
    weights = scipy.special.softmax(prior.logits.numpy())
    raw, positive = prior.raw_scale.numpy(), lambda x: np.log1p(np.exp(x)) + 1e-5
    each = []
    for weight, mean, entries in zip(weights, prior.loc.numpy(), raw, strict=True):
        if covariance == "full":  # TFP's order of the entries is the documented spiral.
            factor = np.array([[positive(entries[2]), 0.0], [entries[1], positive(entries[0])]])
        else:
            factor = np.diag(positive(entries))
        normal = scipy.stats.multivariate_normal(mean, factor @ factor.T)
        each.append(np.log(weight) + normal.logpdf(z))
    np.testing.assert_allclose(prior.log_prob(z), scipy.special.logsumexp(each, axis=0), rtol=1e-4)


def test_mixture_starts_at_unit_components():
    prior = built(GaussianMixture(5, "full"))
    p = prior.distribution()
    np.testing.assert_allclose(p.components_distribution.covariance()[0], np.eye(2), atol=1e-5)
    assert len(np.unique(prior.loc)) == 10


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_em_finds_the_clusters(clusters, covariance):
    before, after = GaussianMixture(2, covariance), built(GaussianMixture(2, covariance))
    for prior in (before, after):  # A mixture may be fitted before its weights are made, or after.
        assert prior.adapt_to_posteriors(*clusters, seed=1)
    built(before)
    np.testing.assert_array_equal(before.loc, after.loc)
    p = before.distribution()
    order = np.argsort(before.loc.numpy()[:, 0])
    loc = clusters[0]
    np.testing.assert_allclose(tf.math.softmax(before.logits), 0.5, atol=0.02)
    np.testing.assert_allclose(before.loc.numpy()[order[1]], loc[:400].mean(axis=0), atol=0.05)
    found = p.components_distribution
    covariances = found.covariance() if covariance == "full" else found.variance()
    expected = np.cov(loc[400:].T) + 0.05**2 * np.eye(2)
    expected = expected if covariance == "full" else np.diag(expected)
    np.testing.assert_allclose(covariances.numpy()[order[0]], expected, atol=0.02)


def test_number_of_components_is_that_of_the_clusters(clusters):
    prior = GaussianMixture(None, "full")
    with pytest.raises(ValueError, match="`num_components` of GaussianMixture must be a number"):
        GaussianMixture(None).build(2)
    prior.adapt_to_posteriors(*clusters)
    assert prior.num_components == 2
    few = GaussianMixture(None)
    few.adapt_to_posteriors(clusters[0][:3], clusters[1][:3])
    assert few.num_components == 1


def test_weights_of_the_examples_weigh_the_mixture(clusters):
    prior = GaussianMixture(1)
    weights = np.repeat([0.0, 2.0], 400)
    prior.adapt_to_posteriors(*clusters, weights=weights)
    np.testing.assert_allclose(built(prior).loc[0], clusters[0][400:].mean(axis=0), atol=0.05)


# ---- the buffer ----------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_buffer_against_scipy(posteriors, weighted):
    loc, scale, weights = posteriors
    prior = DensityBuffer(smear=1.7)
    prior.adapt_to_posteriors(loc, scale, weights=weights if weighted else None)
    z = np.random.default_rng(1).normal(size=(5, 2))
    each = scipy.stats.norm(loc, 1.7 * scale).logpdf(z[:, None]).sum(axis=-1)
    share = weights / weights.sum() if weighted else np.full(30, 1 / 30)
    expected = scipy.special.logsumexp(each, b=share, axis=1)
    np.testing.assert_allclose(built(prior).log_prob(z.astype("float32")), expected, rtol=1e-5)


def test_buffer_keeps_some_of_the_events(posteriors):
    loc, scale, weights = posteriors
    weights = np.where(np.arange(30) < 20, weights, 0.0)
    prior = DensityBuffer(num_events=10, smear=1.0)
    prior.adapt_to_posteriors(loc, scale, weights=weights, seed=1)
    prior = built(prior)
    kept = [int(np.flatnonzero(np.isclose(loc[:, 0], one))[0]) for one in prior.loc.numpy()[:, 0]]
    assert len(set(kept)) == 10 and max(kept) < 20
    np.testing.assert_allclose(prior.scale, scale[kept], rtol=1e-6)
    np.testing.assert_allclose(np.exp(prior.log_weights), 0.1, rtol=1e-6)
    with pytest.raises(ValueError, match="`num_events` must be at most 20"):
        DensityBuffer(21).adapt_to_posteriors(loc, scale, weights=weights)


@pytest.mark.parametrize(("posterior_scale", "low", "high"), [(0.05, 4.0, 14.0), (2.0, 0.1, 1.2)])
def test_the_smear_factor_is_the_one_of_held_out_posteriors(posterior_scale, low, high):
    """μ ~ N(0, I): few narrow posteriors need a wider kernel; wide ones do not."""
    loc = np.random.default_rng(0).normal(size=(200, 2))
    prior = DensityBuffer()
    prior.adapt_to_posteriors(loc, np.full_like(loc, posterior_scale))
    prior = built(prior)
    alpha = float(prior.smear_factor)
    assert low < alpha < high and not prior.trainable_weights
    # New draws of the distribution that the posteriors come from
    rng = np.random.default_rng(1)
    z = rng.normal(size=(4000, 2)) * np.hypot(1.0, posterior_scale)
    log_prob = lambda smear: (  # noqa: E731
        tfvae.distributions.MixtureOfPosteriors(loc, smear * np.full_like(loc, posterior_scale))
        .log_prob(z)
        .numpy()
        .mean()
    )
    assert log_prob(alpha) > max(log_prob(alpha / 2.0), log_prob(2.0 * alpha)) - 0.01


def test_a_buffer_that_is_not_fitted_is_refused(posteriors):
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    vae = tfvae.VAE(2, prior="density_buffer")
    vae.compile()
    with pytest.raises(ValueError, match=r"must be a DensityBuffer that was fitted.*fit_to"):
        vae.fit(x, verbose=0)
    vae = tfvae.VAE(2, prior=DensityBuffer(num_events=5))
    vae.compile()
    with pytest.raises(ValueError, match="received one that was built without events"):
        vae.fit(x, verbose=0)
    loc, scale, _ = posteriors
    vae.prior.adapt_to_posteriors(loc, scale)  # Also after it was built
    assert np.all(np.isfinite(vae.fit(x, verbose=0).history["loss"]))
    with pytest.raises(ValueError, match="`scale` must be above 0 for a DensityBuffer"):
        DensityBuffer().adapt_to_posteriors(loc, 0.0 * scale)
    for bad in ({"num_events": 0}, {"smear": 0.0}, {"smear": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            DensityBuffer(**bad)


# ---- the flow ------------------------------------------------------------------------------


def test_flow_starts_as_a_gaussian_with_the_moments_of_the_posteriors(posteriors):
    loc, scale, weights = posteriors
    prior = Flow(2, hidden=(8,))
    assert not prior.adapt_to_posteriors(loc, scale, weights=weights)
    weights = weights / weights.sum()
    mean = weights @ loc
    deviation = np.sqrt(weights @ ((loc - mean) ** 2 + scale**2))
    z = np.random.default_rng(1).normal(size=(5, 2))
    expected = scipy.stats.norm(mean, deviation).logpdf(z).sum(axis=1)
    np.testing.assert_allclose(built(prior).log_prob(z.astype("float32")), expected, rtol=1e-4)


@pytest.mark.parametrize("latent_dim", [1, 2, 3])
def test_density_of_a_flow_is_the_change_of_variables(latent_dim):
    """log N(n) − log|det ∂z/∂n| at z = f(n), the Jacobian by autodiff."""
    prior = randomised(built(Flow(2, hidden=(8,), num_bins=4), latent_dim), 0.2)
    noise = tf.random.stateless_normal([20, latent_dim], (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(noise)
        z = prior.distribution().bijector.forward(noise)
    jacobian = tape.batch_jacobian(z, noise).numpy()
    expected = scipy.stats.norm.logpdf(noise).sum(axis=1) - np.linalg.slogdet(jacobian)[1]
    assert np.max(np.abs(z - noise)) > 0.3
    np.testing.assert_allclose(prior.log_prob(z), expected, atol=2e-3)


def test_flow_integrates_to_one_and_samples_follow_its_density():
    prior = randomised(built(Flow(3, hidden=(8,), num_bins=4), 1), 0.2)
    grid = np.linspace(-15.0, 15.0, 6001, dtype="float32")
    density = np.exp(prior.log_prob(grid[:, None]).numpy().astype("float64"))
    assert scipy.integrate.trapezoid(density, grid) == pytest.approx(1.0, abs=2e-3)
    cumulative = scipy.integrate.cumulative_trapezoid(density, grid, initial=0.0)
    z = prior.sample(4000, seed=(0, 0)).numpy()[:, 0]
    test = scipy.stats.kstest(z, lambda x: np.interp(x, grid, cumulative))
    assert test.pvalue > 1e-3


def test_flow_of_two_latents_integrates_to_one():
    prior = randomised(built(Flow(2, hidden=(8,), num_bins=4)), 0.2)
    side = np.linspace(-10.0, 10.0, 401, dtype="float32")
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    density = np.exp(prior.log_prob(grid).numpy().astype("float64"))
    total = scipy.integrate.trapezoid(scipy.integrate.trapezoid(density, side), side)
    assert total == pytest.approx(1.0, abs=5e-3)


@pytest.mark.slow
def test_flow_learns_a_ring():
    angles = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, 500)
    loc = 1.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    prior = Flow(2, hidden=(32,))
    prior.adapt_to_posteriors(loc, np.full_like(loc, 0.12))
    losses = tfvae.priors.fit(
        built(prior), loc, np.full_like(loc, 0.12), steps=400, batch_size=128, learning_rate=1e-2
    )
    # Entropy of the ring: log 2πr + ½ log 2πe σ²
    entropy = np.log(2.0 * np.pi * 1.6) + 0.5 * np.log(2.0 * np.pi * np.e * 0.12**2)
    assert losses[-50:].mean() == pytest.approx(entropy, abs=0.15)
    radii = np.linalg.norm(prior.sample(2000, seed=(0, 0)), axis=1)
    assert np.mean(np.abs(radii - 1.6) < 0.4) > 0.9  # The rest lies where the ring is cut open.


@pytest.mark.parametrize("argument", ["num_layers", "hidden", "num_bins"])
def test_numbers_of_a_flow_are_checked(argument):
    with pytest.raises(ValueError, match=argument):
        Flow(**{argument: 0})


def test_numbers_of_a_mixture_are_checked():
    with pytest.raises(ValueError, match="num_components"):
        GaussianMixture(0)
    with pytest.raises(ValueError, match="covariance"):
        GaussianMixture(3, "spherical")
