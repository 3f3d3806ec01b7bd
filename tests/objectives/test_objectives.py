"""Each objective against its formula in NumPy, and bounds against the exact evidence."""

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae import objectives
from tfvae.objectives import ELBO, BetaELBO, Constrained, ConvexBeta, ImportanceWeighted, Terms


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {name: rng.uniform(1.0, 5.0, size=(3, 4)) for name in ("distortion", "rate", "error")}


def terms_of(arrays, **other):
    return Terms(
        **{name: tf.constant(value, tf.float64) for name, value in arrays.items()}, **other
    )


def test_elbo(arrays):
    expected = (arrays["distortion"] + arrays["rate"]).mean(axis=0)
    np.testing.assert_allclose(ELBO().loss(terms_of(arrays)), expected)


def test_analytic_rate_is_shared_by_the_samples(arrays):
    arrays["rate"] = arrays["rate"][:1]
    expected = arrays["distortion"].mean(axis=0) + arrays["rate"][0]
    np.testing.assert_allclose(ELBO().loss(terms_of(arrays)), expected)


def test_beta_elbo(arrays):
    expected = (arrays["distortion"] + 2.5 * arrays["rate"]).mean(axis=0)
    np.testing.assert_allclose(BetaELBO(2.5).loss(terms_of(arrays)), expected)


def test_convex_beta(arrays):
    likelihood = tfvae.likelihoods.Gaussian(1.0)
    likelihood.build((7,))
    objective = ConvexBeta(0.25)
    objective.build(likelihood)
    expected = (0.75 * arrays["error"] / 7 + 0.25 * arrays["rate"]).mean(axis=0)
    np.testing.assert_allclose(objective.loss(terms_of(arrays)), expected)


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_limits_of_convex_beta(arrays, beta):
    """The mean error alone at β = 0, the rate alone at β = 1."""
    likelihood = tfvae.likelihoods.Gaussian("learned")
    likelihood.build((7,))
    objective = ConvexBeta(beta)
    objective.build(likelihood)
    expected = arrays["rate"] if beta else arrays["error"] / 7
    np.testing.assert_allclose(objective.loss(terms_of(arrays)), expected.mean(axis=0))


def test_importance_weighted(arrays):
    log_weights = -(arrays["distortion"] + arrays["rate"])
    expected = -(scipy.special.logsumexp(log_weights, axis=0) - np.log(3))
    np.testing.assert_allclose(ImportanceWeighted(3).loss(terms_of(arrays)), expected)


def test_constrained(arrays):
    likelihood = tfvae.likelihoods.Gaussian(1.0)
    likelihood.build((7,))
    objective = Constrained(kappa=0.5, multiplier=objectives.GECO(initial=3.0))
    objective.build(likelihood)
    single = {name: value.astype("float32") for name, value in arrays.items()}
    loss = objective.loss(Terms(**{n: tf.constant(v) for n, v in single.items()}))
    # The ELBO's multiplier at σ = 1 is 1/(2σ²) = 0.5.
    expected = (arrays["rate"] + 3.0 * 0.5 * (arrays["error"] - 7 * 0.25)).mean(axis=0)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert float(objective.bound) == pytest.approx(7 * 0.25)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BetaELBO(-1.0), "`beta` must lie in"),
        (lambda: ConvexBeta(1.1), "`beta` must lie in"),
        (lambda: ImportanceWeighted(0), "`num_samples` must be a whole number"),
        (lambda: Constrained(multiplier="gecko"), "'geco', 'rewo'.*'gecko'. Did you mean 'geco'"),
        (lambda: objectives.get("elbow"), "'elbow'"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class TestLinearGaussianModel:
    """p(z) = N(0, 1), p(x|z) = N(Wz + b, σ²I), with everything in closed form."""

    W = np.array([[0.8, -0.4], [0.1, 1.1], [0.5, 0.6]], "float32")
    BIAS = np.array([0.3, -0.2, 0.9], "float32")
    SIGMA = 0.6

    def model(self, exact, objective="elbo"):
        """A VAE whose linear encoder is the exact posterior mean, or a poor one.

        A diagonal Gaussian is the exact posterior only if WᵀW is diagonal: W is rotated to be so.
        """
        u, s, _ = np.linalg.svd(self.W, full_matrices=False)
        w = (u * s).astype("float32")
        vae = tfvae.VAE(
            2,
            encoder=tfvae.networks.mlp([]),
            decoder=tfvae.networks.mlp([], (3,)),
            likelihood=tfvae.likelihoods.Gaussian(self.SIGMA),
            objective=objective,
            seed=0,
        )
        vae.build((None, 3))
        vae.decoder.set_weights([w.T, self.BIAS])
        precision = s**2 / self.SIGMA**2 + 1.0
        to_mean = (w / self.SIGMA**2 / precision).astype("float32")  # (3, 2)
        scale = 1.0 / np.sqrt(precision)
        if not exact:
            to_mean, scale = 0.5 * to_mean, 1.5 * scale
        kernel = np.concatenate([to_mean, np.zeros((3, 2))], axis=1)
        raw = np.log(np.expm1(scale - 1e-5))
        vae.posterior_head.set_weights([kernel, np.concatenate([-self.BIAS @ to_mean, raw])])
        return vae

    def data_and_evidence(self):
        x = np.random.default_rng(2).normal(size=(6, 3)).astype("float32")
        covariance = self.W @ self.W.T + self.SIGMA**2 * np.eye(3)
        return x, scipy.stats.multivariate_normal(self.BIAS, covariance).logpdf(x)

    @pytest.mark.parametrize("num_samples", [1, 7])
    def test_exact_posterior_gives_the_evidence(self, num_samples):
        x, evidence = self.data_and_evidence()
        vae = self.model(exact=True)
        np.testing.assert_allclose(vae.log_likelihood(x, num_samples), evidence, rtol=1e-4)

    def test_elbo_of_the_exact_posterior_is_the_evidence_in_mean(self):
        x, evidence = self.data_and_evidence()
        vae = self.model(exact=True)
        vae.compile()
        logs = vae.evaluate(np.tile(x, (4000, 1)), batch_size=4000, verbose=0)
        assert logs["elbo"] == pytest.approx(evidence.mean(), abs=0.05)
        assert logs["loss"] == pytest.approx(-logs["elbo"], rel=1e-5)

    def test_bound_rises_with_samples_and_never_passes_the_evidence(self):
        x, evidence = self.data_and_evidence()
        vae = self.model(exact=False)
        x = np.tile(x, (500, 1))
        means = [vae.log_likelihood(x, n, batch_size=500).mean() for n in (1, 4, 16, 512)]
        assert np.all(np.diff(means) > 0.0)
        assert means[-1] < evidence.mean() + 0.01
        assert evidence.mean() - means[0] > 0.2 and evidence.mean() - means[-1] < 0.02

    def test_chunks_do_not_change_what_is_estimated(self, monkeypatch):
        """Chunks of odd length, with a rest, against one logsumexp over all log-weights."""
        x, evidence = self.data_and_evidence()
        monkeypatch.setattr("tfvae.models.evidence.ROWS_AT_A_TIME", 60)
        vae = self.model(exact=False)
        np.testing.assert_allclose(vae.log_likelihood(x, 20_005), evidence, atol=0.03)
        np.testing.assert_array_equal(vae.log_likelihood(x, 17), vae.log_likelihood(x, 17))

    def test_iwae_loss_is_minus_the_bound(self):
        x, evidence = self.data_and_evidence()
        vae = self.model(exact=True, objective=ImportanceWeighted(5))
        vae.compile()
        assert vae.evaluate(x, verbose=0)["loss"] == pytest.approx(-evidence.mean(), rel=1e-4)

    @pytest.mark.parametrize("objective", ["elbo", ImportanceWeighted(20)])
    def test_learned_scale_is_that_of_the_data(self, objective):
        """Each objective weighs the samples' errors as its own optimum of σ does."""
        rng = np.random.default_rng(3)
        z = rng.normal(size=(4000, 2))
        x = z @ self.W.T + self.BIAS + 0.3 * rng.normal(size=(4000, 3))
        keras.utils.set_random_seed(0)
        vae = tfvae.VAE(
            2,
            encoder=tfvae.networks.mlp([]),
            decoder=tfvae.networks.mlp([], (3,)),
            objective=objective,
            seed=0,
        )
        vae.compile(keras.optimizers.Adam(1e-2))
        vae.fit(x.astype("float32"), batch_size=100, epochs=15, verbose=0)
        assert float(tf.exp(vae.likelihood.log_scale)) == pytest.approx(0.3, rel=0.08)
