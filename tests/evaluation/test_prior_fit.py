"""The divergence of the aggregated posterior from the prior, against closed forms and SciPy."""

import numpy as np
import pytest
import scipy.spatial
import scipy.stats
import tensorflow as tf

import tfvae
import tfvae.plots
from tfvae import _seeds
from tfvae.evaluation import distance_to_data, log_aggregated_posterior, prior_fit
from tfvae.models import aggregated


class Known(tfvae.VAE):
    """A model with q(z|x) = N(x, scale²) and a prior that is given."""

    def __init__(self, prior, scale):
        super().__init__(2, prior=prior, seed=0)
        self.scale = scale
        self.build((None, 2))

    def encode(self, x, y=None, *, training=False):
        loc = tf.constant(np.asarray(x), tf.float32)
        return tfvae.distributions.diagonal_gaussian(loc, tf.ones_like(loc) * self.scale)


def encodings(variance, n=20000):
    return np.random.default_rng(0).normal(size=(n, 2)) * np.sqrt(variance)


def test_log_of_the_mixture_against_a_loop():
    generator = np.random.default_rng(1)
    loc, scale = 50.0 + generator.normal(size=(7, 3)), generator.uniform(0.01, 2.0, size=(7, 3))
    z = 50.0 + generator.normal(size=(5, 3))
    expected = [
        np.log(np.mean(np.prod(scipy.stats.norm.pdf(one, loc, scale), axis=1))) for one in z
    ]
    np.testing.assert_allclose(log_aggregated_posterior(z, loc, scale), expected, rtol=1e-9)


def test_chunks_give_the_same(monkeypatch):
    generator = np.random.default_rng(1)
    loc, scale = generator.normal(size=(7, 3)), generator.uniform(0.5, 2.0, size=(7, 3))
    z = generator.normal(size=(11, 3))
    whole = log_aggregated_posterior(z, loc, scale)
    monkeypatch.setattr(aggregated, "PAIRS", 15)
    np.testing.assert_allclose(log_aggregated_posterior(z, loc, scale), whole, rtol=1e-12)


@pytest.mark.parametrize("total", [1.0, 4.0, 0.5])
def test_closed_form_of_gaussians(total):
    """q(z) = N(0, v I): KL = Σ ½ (v − 1 − log v), of two dimensions."""
    model = Known(tfvae.priors.StandardNormal(), 0.5)
    found = prior_fit(model, encodings(total - 0.25), num_samples=4000)
    expected = total - 1.0 - np.log(total)
    assert found.divergence == pytest.approx(expected, abs=4 * found.standard_error + 0.01)
    if total == 1.0:
        assert found.share == pytest.approx(0.99, abs=0.008)
    if total == 0.5:  # N(0, I) reaches farther than the data.
        assert found.share < 0.98


def test_a_ring_that_the_prior_fills_like_a_disc():
    angles = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, 2000)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = prior_fit(Known(tfvae.priors.StandardNormal(), 0.05), ring, num_samples=2000)
    # The mass of N(0, I) within 0.05 · 3 of the circle is about 0.18.
    assert 0.1 < found.share < 0.25 and found.divergence > 1.0


def test_hierarchical_prior_against_samples_of_its_marginal():
    prior = tfvae.priors.HierarchicalPrior(num_importance_samples=4, hidden=(8,))
    model, x = Known(prior, 0.5), encodings(0.75, n=2000)
    found = prior_fit(model, x, num_samples=200, num_importance_samples=1024, seed=1)
    zeta = np.random.default_rng(5).normal(size=(40_000, 2)).astype("float32")
    conditional = prior.conditional(zeta)
    loc, scale = conditional.mean().numpy(), conditional.stddev().numpy()
    z = encodings(1.0, n=2000)
    log_p = log_aggregated_posterior(z, loc, scale)  # p(z) is a mixture over ζ, too.
    log_q = scipy.stats.norm.logpdf(z).sum(axis=1)
    expected, error = np.mean(log_q - log_p), np.std(log_q - log_p) / np.sqrt(2000)
    assert found.divergence == pytest.approx(
        expected, abs=4.0 * np.hypot(error, found.standard_error) + 0.02
    )


def test_same_seed_same_numbers_and_every_kind_of_prior():
    x = np.random.default_rng(0).random((60, 5)).astype("float32")
    for prior in ("standard_normal", "vamp", "hierarchical"):
        vae = tfvae.VAE(2, prior=prior, seed=0)
        vae.build(x.shape)
        one, two = (prior_fit(vae, x, num_samples=50, seed=3) for _ in range(2))
        assert one == two and np.isfinite(one.divergence)
    sequences = np.random.default_rng(0).random((6, 4, 5)).astype("float32")
    tvae = tfvae.TopographicVAE(8, likelihood="bernoulli", seed=0)
    tvae.build(sequences.shape)
    found = prior_fit(tvae, sequences, num_samples=50)
    assert np.isfinite(found.divergence) and "nats, of the noise" in str(found)


def test_a_second_call_traces_nothing():
    prior = tfvae.priors.HierarchicalPrior(num_importance_samples=4, hidden=(8,))
    model, x = Known(prior, 0.5), encodings(0.75, n=50)
    for number, samples in ((50, 8), (50, 8), (70, 16)):
        prior_fit(model, x, num_samples=number, num_importance_samples=samples)
    assert model.log_prior.experimental_get_tracing_count() == 1


def test_several_models_are_not_taken_for_one_that_is_traced_again(caplog):
    caplog.set_level("WARNING", "tensorflow")
    for _ in range(8):
        prior_fit(Known(tfvae.priors.StandardNormal(), 0.5), encodings(0.75, n=20), num_samples=5)
    assert not [record for record in caplog.records if "log_prior" in record.getMessage()]
    assert "retracing" not in caplog.text


def test_weights_that_change_are_seen():
    """The function is traced once, not its weights with it."""
    prior = tfvae.priors.HierarchicalPrior(num_importance_samples=4, hidden=(8,))
    model, x = Known(prior, 0.5), encodings(0.75, n=50)
    before = prior_fit(model, x, num_samples=20, num_importance_samples=8)
    for weight in prior.weights:
        weight.assign_add(0.1 * np.ones(weight.shape))
    after = prior_fit(model, x, num_samples=20, num_importance_samples=8)
    assert after.divergence != before.divergence


def test_lines_and_units():
    fit = tfvae.evaluation.PriorFit(1.5, 0.1, 0.9, num_samples=20)
    assert [tuple(line)[1:] for line in fit.lines()] == [
        (1.5, "nats"), (0.1, "nats"), (0.9, "share; of the posterior: 0.99")
    ]  # fmt: skip


def test_draws_of_the_prior_are_near_or_not():
    """By hand: the distance to the nearest encoding, and its 99% quantile among draws of q(z)."""
    model, x = Known(tfvae.priors.StandardNormal(), 0.1), encodings(0.2, n=300)
    loc, scale = tfvae.evaluation.posterior_moments(model, x)
    drawn = aggregated.draws(model, loc, scale, 200, _seeds.generator(3))
    own, of_prior = (
        [np.min(np.linalg.norm(drawn.encodings - one, axis=1)) for one in z]
        for z in (drawn.aggregated, drawn.prior)
    )
    np.testing.assert_array_equal(drawn.is_near, of_prior <= np.quantile(own, 0.99))
    assert 0.2 < np.mean(drawn.is_near) < 0.95
    fit = prior_fit(model, x, num_samples=200, seed=3)
    assert fit.share == np.mean(drawn.is_near)
    # Draws are where they should be: moments of the mixture and of N(0, I).
    np.testing.assert_allclose(drawn.encodings, loc, atol=0.6)
    np.testing.assert_allclose(drawn.aggregated.var(axis=0), 0.21, rtol=0.35)
    np.testing.assert_allclose(drawn.prior.var(axis=0), 1.0, rtol=0.35)


def test_a_gap_in_the_data_is_named(tmp_path):
    """By all that look at encodings, with the number of the example."""
    vae = tfvae.VAE(2, tfvae.networks.mlp([4]), tfvae.networks.mlp([4], (3,)), seed=0)
    vae.build((None, 3))
    x = np.zeros((5, 3), "float32")
    x[3, 1] = np.nan
    monitor = tfvae.callbacks.PriorFitMonitor(x)
    monitor.set_model(vae)
    message = "`data` must hold finite numbers, received 1 of 5 .* the first is number 3"
    for look in (
        lambda: prior_fit(vae, x),
        lambda: tfvae.plots.prior_fit(vae, x),
        lambda: tfvae.priors.fit_to(vae, x),
        lambda: tfvae.evaluation.posterior_report(vae, x),
        monitor.on_train_begin,
    ):
        with pytest.raises(ValueError, match=message):
            look()


def test_distance_to_data():
    """The 1% of data that lie farthest from others have 1; far away it is the distance over Q."""
    model = Known(tfvae.priors.StandardNormal(), 0.1)
    x = encodings(1.0, 3000)
    rng = np.random.default_rng(1)
    drawn, others = (x + 0.1 * rng.normal(size=x.shape) for _ in range(2))
    near = distance_to_data(model, x, others.reshape(100, 30, 2), seed=3)
    assert near.shape == (100, 30)
    assert np.mean(near <= 1.0) == pytest.approx(0.99, abs=0.006)
    unit = np.quantile(scipy.spatial.distance.cdist(others, drawn).min(axis=1), 0.99)
    far = np.array([[50.0, 0.0], [0.0, 80.0]])
    expected = scipy.spatial.distance.cdist(far, drawn).min(axis=1) / unit
    np.testing.assert_allclose(distance_to_data(model, x, far), expected, rtol=0.25)
    assert np.ndim(distance_to_data(model, x, [0.0, 0.0])) == 0
    for z in (np.zeros((4, 3)), 1.0, [[0.0, np.nan]]):
        with pytest.raises(ValueError, match=r"`z` must hold finite latents, \(…, 2\), received"):
            distance_to_data(model, x, z)
