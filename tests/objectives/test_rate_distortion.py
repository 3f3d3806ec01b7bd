"""Constrained optima of linear-Gaussian data: reverse water-filling gives rate, error and λ."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import tfvae
from tfvae.objectives import GECO, REWO, Constrained, Terms

# Variances of x along its principal axes. Two latents leave out the last three.
VARIANCES = np.array([4.0, 1.5, 0.5, 0.3, 0.2])
NUM_LATENTS = 2
LEFT_OUT = VARIANCES[NUM_LATENTS:].sum()


def water_filling(bound):
    """The least rate for two Gaussian components and a mean squared error of `bound` in all.

    D_i = min(s_i, θ) with Σ D_i + what is left out = κ²; R = ½ Σ log s_i/D_i; λ = −dR/dκ² = 1/(2θ).
    """
    kept = VARIANCES[:NUM_LATENTS]
    excess = lambda theta: np.minimum(kept, theta).sum() + LEFT_OUT - bound  # noqa: E731
    theta = scipy.optimize.brentq(excess, 1e-6, kept.max())
    return 0.5 * np.log(kept / np.minimum(kept, theta)).sum(), 1.0 / (2.0 * theta)


def test_water_filling_against_the_elbo_of_probabilistic_pca():
    """At λ = 1/(2σ²) the constrained optimum is that of PPCA with the scale σ (N_x = 2 kept)."""
    theta = 0.4
    rate, multiplier = water_filling(2 * theta + LEFT_OUT)
    kept = VARIANCES[:NUM_LATENTS]
    evidence = -0.5 * (np.log(2 * np.pi * kept) + 1).sum()  # PPCA fits N(0, diag s) exactly
    distortion = 0.5 * NUM_LATENTS * (1 + np.log(2 * np.pi * theta))
    assert multiplier == pytest.approx(1 / (2 * theta))
    assert rate + distortion == pytest.approx(-evidence)


class Linear:
    """Linear networks on such data, with R and C as exact means in place of samples."""

    def __init__(self, unit=1.0, learned_prior=False):
        rng = np.random.default_rng(0)
        axes = np.linalg.qr(rng.normal(size=(5, 5)))[0]
        self.covariance = tf.constant(unit**2 * axes @ np.diag(VARIANCES) @ axes.T, tf.float32)
        start = 0.3 * rng.normal(size=(5, NUM_LATENTS))
        self.encoder = tf.Variable(start / unit, dtype=tf.float32)
        self.decoder = tf.Variable(start.T * unit, dtype=tf.float32)
        self.log_scale = tf.Variable(tf.fill([NUM_LATENTS], -0.5))
        self.log_prior = tf.Variable(tf.zeros([NUM_LATENTS]))  # log of its variances
        self.learned_prior, self.unit = learned_prior, unit

    def latent_covariance(self):
        """Of the aggregated posterior."""
        means = tf.transpose(self.encoder) @ self.covariance @ self.encoder
        return means + tf.linalg.diag(tf.exp(2.0 * self.log_scale))

    def terms(self):
        """E C = tr (1 − AW)ᵀ S (1 − AW) + tr Wᵀ diag σ² W, and E KL(q(z|x) ‖ p(z))."""
        left = tf.eye(5) - self.encoder @ self.decoder
        noise = tf.exp(self.log_scale)[:, tf.newaxis] * self.decoder
        error = tf.linalg.trace(tf.transpose(left) @ self.covariance @ left)
        error += tf.reduce_sum(noise**2)
        second_moments = tf.linalg.diag_part(self.latent_covariance())
        # D of the maximum-likelihood scale σ² = E C/N_x, which a likelihood learns.
        distortion = 2.5 * error / tf.stop_gradient(error)
        log_prior = self.log_prior if self.learned_prior else tf.zeros([NUM_LATENTS])
        rate = second_moments * tf.exp(-log_prior) - 1.0 + log_prior - 2.0 * self.log_scale
        rate = 0.5 * tf.reduce_sum(rate)
        return Terms(*(one[None, None] for one in (distortion, rate, error)))

    def train(self, objective, steps):
        """Adam on what the objective makes of the terms; its steps fit each weight's unit."""
        weights = [self.encoder, self.decoder, self.log_scale, self.log_prior]
        units = [1.0 / self.unit, self.unit, 1.0, 1.0]
        rate = keras.optimizers.schedules.CosineDecay(0.03, steps)
        moments = [tf.Variable(tf.zeros([2, *weight.shape])) for weight in weights]

        @tf.function
        def run():
            for number in tf.range(steps):
                with tf.GradientTape() as tape:
                    terms = self.terms()
                    loss = objective.loss(terms)[0]
                gradients = tape.gradient(loss, weights, unconnected_gradients="zero")
                t = tf.cast(number, tf.float32) + 1.0
                for weight, moment, unit, g in zip(weights, moments, units, gradients, strict=True):
                    first = 0.9 * moment[0] + 0.1 * g
                    second = 0.99 * moment[1] + 0.01 * g**2
                    moment.assign(tf.stack([first, second]))
                    size = tf.sqrt(second / (1.0 - 0.99**t)) + 1e-12
                    weight.assign_sub(unit * rate(number) * first / (1.0 - 0.9**t) / size)
                objective.update(terms.error[0, 0])

        run()
        return self.terms()


def constrained(kind, kappa=None):
    likelihood = tfvae.likelihoods.Gaussian()
    likelihood.build((5,))
    rewo = REWO(nu=0.2, alpha=0.0, initial=0.1)
    multiplier = rewo if kind == "rewo" else GECO(nu=0.05, alpha=0.0)
    objective = Constrained(kappa=kappa, multiplier=multiplier)
    objective.build(likelihood)
    return objective


def check_optimum(model, terms, objective, bound):
    """Error, rate, λ and prior are those of water-filling, within 2%."""
    rate, multiplier = water_filling(bound / model.unit**2)
    assert float(terms.error[0, 0]) == pytest.approx(bound, rel=0.02)
    assert float(terms.rate[0, 0]) == pytest.approx(rate, rel=0.02)
    assert float(objective.multiplier_value()) == pytest.approx(
        multiplier / model.unit**2, rel=0.02
    )
    # The optimal prior is the aggregated posterior.
    prior = np.exp(model.log_prior) if model.learned_prior else np.ones(NUM_LATENTS)
    scale = np.sqrt(np.outer(prior, prior))
    np.testing.assert_allclose(model.latent_covariance() / scale, np.eye(NUM_LATENTS), atol=0.02)


@pytest.mark.parametrize("learned_prior", [False, True])
@pytest.mark.parametrize("kind", ["rewo", "geco"])
def test_optimum_for_a_given_kappa(kind, learned_prior):
    bound = 2 * 0.25 + LEFT_OUT  # θ = 1/4
    objective = constrained(kind, (bound / 5) ** 0.5)
    model = Linear(learned_prior=learned_prior)
    check_optimum(model, model.train(objective, 1500), objective, bound)


def test_cap_of_rewo_is_the_elbo_with_the_scale_kappa():
    """θ ≤ κ² at λ_ELBO = 1/(2κ²): where this leaves an error below the bound, β ends at 1."""
    kappa = 0.7  # θ = 0.49; the bound, 5 · 0.49 = 2.45, would allow θ = 0.725
    objective = constrained("rewo", kappa)
    model = Linear()
    check_optimum(model, model.train(objective, 1500), objective, 2 * kappa**2 + LEFT_OUT)
    assert float(objective.multiplier.value()) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize(("kind", "unit"), [("rewo", 0.1), ("rewo", 10.0), ("geco", 1.0)])
def test_automatic_kappa_is_that_of_probabilistic_pca(kind, unit):
    """σ² of PPCA is the mean of the variances left out [Tipping & Bishop 1999]; C = N_x σ²."""
    objective = constrained(kind)
    model = Linear(unit, learned_prior=True)
    x = unit * np.random.default_rng(0).normal(size=(64, 5)) * VARIANCES**0.5
    likelihood = tfvae.likelihoods.Gaussian()
    likelihood.build((5,))
    objective.observe_batch(tf.constant(x, tf.float32), likelihood)
    terms = model.train(objective, 1500)
    bound = 5 * unit**2 * LEFT_OUT / 3
    check_optimum(model, terms, objective, bound)
    assert float(objective.bound) == pytest.approx(bound, rel=0.03)


@pytest.mark.parametrize("kind", ["rewo", "geco"])
def test_unit_of_the_data_changes_nothing(kind):
    """After 300 steps, far from the optimum: the whole way is the same, not only its end."""
    kappa = ((2 * 0.25 + LEFT_OUT) / 5) ** 0.5
    found = []
    for unit in (0.1, 1.0, 10.0):
        objective = constrained(kind, unit * kappa)
        terms = Linear(unit).train(objective, 300)
        rate, error = float(terms.rate[0, 0]), float(terms.error[0, 0])
        multiplier = float(objective.multiplier_value())
        found.append([rate, error / unit**2, multiplier * unit**2])
    np.testing.assert_allclose(found[0], found[1], rtol=0.01)
    np.testing.assert_allclose(found[2], found[1], rtol=0.01)


def trained_in_unit(unit, x, **kwargs):
    """A VHP-VAE whose networks see and give numbers of unit size, trained on data in a unit."""
    dense, rescaling = keras.layers.Dense, keras.layers.Rescaling
    encoder = keras.Sequential([rescaling(1.0 / unit), dense(16, "tanh")])
    decoder = keras.Sequential([dense(16, "tanh"), dense(5), rescaling(unit)])
    prior = tfvae.priors.HierarchicalPrior(4, hidden=(8,))
    vae = tfvae.VHPVAE(2, encoder=encoder, decoder=decoder, prior=prior, seed=0, **kwargs)
    vae.compile(keras.optimizers.Adam(1e-2))
    vae.fit(unit * x, batch_size=64, epochs=20, shuffle=False, verbose=0)
    logs = vae.evaluate(unit * x, verbose=0)
    return logs, vae.predict(unit * x, verbose=0) / unit


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.slow  # A quick one is with `Standardize`.
@pytest.mark.parametrize("case", ["automatic", "rewo", "geco"])
def test_unit_of_the_data_changes_no_model(case):
    """The same data × 0.1, 1, 10: the same rate, and the same reconstructions in their unit."""
    rng = np.random.default_rng(0)
    x = np.tanh(rng.normal(size=(512, 2)) @ rng.normal(size=(2, 5)))
    x = (x + 0.1 * rng.normal(size=x.shape)).astype("float32")
    results = []
    for unit in (0.1, 1.0, 10.0):
        kappa = None if case == "automatic" else 0.3 * unit
        multiplier = "geco" if case == "geco" else "rewo"
        objective = Constrained(kappa, multiplier)
        results.append(trained_in_unit(unit, x, objective=objective))
    middle, reconstructions = results[1]
    assert middle["rate"] > 1.0  # something was learned
    for (logs, means), unit in ((results[0], 0.1), (results[2], 10.0)):
        assert logs["rate"] == pytest.approx(middle["rate"], rel=0.01)
        for name, power in (("constraint", 1), ("kappa", 1), ("lambda", -2)):
            assert logs[name] == pytest.approx(middle[name] * unit**power, rel=0.01), name
        # D is a density in the unit of the data.
        distortion = middle["distortion"] + 5 * np.log(unit)
        assert logs["distortion"] == pytest.approx(distortion, abs=0.05)
        np.testing.assert_allclose(means, reconstructions, atol=0.01 * x.std())
