"""The automatic bound: what it is measured from, and how it follows the error both ways."""

import warnings

import keras
import numpy as np
import pytest
import sklearn.datasets
import tensorflow as tf

import tfvae
from tfvae.likelihoods import Bernoulli, Gaussian
from tfvae.objectives import GECO, REWO, AutomaticBound, Constrained


@pytest.fixture
def bound():
    bound = AutomaticBound()
    bound.build()
    return bound


def measure(bound, x):
    """Lets the bound measure a batch of five features under a Gaussian likelihood."""
    likelihood = tfvae.likelihoods.Gaussian(1.0)
    likelihood.build((5,))
    bound.measure(tf.constant(x, tf.float32), likelihood)


def test_it_is_a_fifth_of_the_variance_of_the_first_32_batches(bound):
    x = np.random.default_rng(0).normal(size=(40, 16, 5)) * [1, 2, 3, 4, 5]
    assert float(bound.value()) == 0.0 and not bool(bound.is_known())
    for batch in x:
        measure(bound, batch)
    # Unbiased variances of batches, averaged: the variance within them of the first 32.
    expected = 0.2 * x[:32].var(axis=1, ddof=1).sum(axis=-1).mean()
    assert float(bound.value()) == pytest.approx(expected, rel=1e-4)


def test_batches_of_no_use_are_left_out(bound):
    for useless in (np.ones((1, 5)), np.ones((8, 5)), np.full((8, 5), np.nan)):
        measure(bound, useless)
        assert not bool(bound.is_known())
    x = np.random.default_rng(0).normal(size=(16, 5))
    measure(bound, x)
    assert float(bound.value()) == pytest.approx(0.2 * x.var(axis=0, ddof=1).sum(), rel=1e-4)


def run(bound, errors, multiplier=None):
    """β and κ² after each of a series of errors, κ² and errors as shares of the variance."""
    multiplier = multiplier or REWO(initial=0.1, alpha=0.0)
    multiplier.build()

    @tf.function
    def step(error):
        error *= bound.constant.value
        bound.update(multiplier.averaged(error), multiplier)
        multiplier.update(error, bound.value())
        return tf.stack([1.0 / multiplier.value(), bound.value() / bound.constant.value])

    betas, values = np.transpose([step(tf.constant(one, tf.float32)) for one in errors])
    return betas, values, multiplier


@pytest.fixture
def measured(bound):
    measure(bound, np.random.default_rng(0).normal(size=(16, 5)))
    return bound


def falling_to(level, steps):
    return level + (1.0 - level) * np.exp(-np.arange(steps) / 20.0)


def test_initial_phase_ends_where_four_fifths_are_explained(measured):
    errors = falling_to(0.1, 300)
    betas, values, multiplier = run(measured, errors)
    end = np.flatnonzero(errors < 0.2)[0]
    assert 0 < end < 100
    np.testing.assert_allclose(values[:end], 0.2, rtol=1e-5)
    np.testing.assert_allclose(betas[:end], 0.1, rtol=1e-5)
    # δ = β − 1 by hand.
    beta = 0.1
    for step in range(end, 300):
        assert values[step] == pytest.approx(errors[step] / beta, rel=1e-4)
        beta *= np.exp(0.05 * np.tanh(3.0 * (beta - 1.0)) * (beta - 1.0))
        assert betas[step] == pytest.approx(beta, rel=1e-4)
    assert beta > 0.9 and not bool(multiplier.prior_is_frozen)
    assert not measured.gave_way()


def test_plateau_that_passes_loosens_the_bound_for_as_long_as_it_lasts(measured):
    plateau = np.full(600, 0.6)
    betas, values, _ = run(measured, np.concatenate([plateau, falling_to(0.05, 300)]))
    assert values[98] == pytest.approx(0.2) and betas[98] == pytest.approx(0.1)
    assert values[599] == pytest.approx(0.6, rel=0.05)  # it lasts longer than the phase
    assert values[-1] == pytest.approx(0.05, rel=0.02)  # and is no more


def test_bound_follows_an_error_that_rises_again(measured):
    errors = np.concatenate([falling_to(0.1, 300), np.linspace(0.1, 0.3, 200)])
    betas, values, _ = run(measured, errors)
    assert np.all(np.diff(betas) >= 0.0)  # and does not hold β back
    assert values[-1] == pytest.approx(0.3, rel=0.05)


def test_bound_that_is_never_reached_keeps_nothing_waiting(measured):
    betas, values, multiplier = run(measured, np.full(1000, 1.2))
    assert not bool(multiplier.prior_is_frozen) and betas[-1] > 0.98
    assert values[-1] == pytest.approx(1.2, rel=0.02)
    assert measured.gave_way()


def test_rewo_that_starts_at_one_ends_its_phase(measured):
    betas, _, multiplier = run(measured, np.full(120, 0.9), REWO(initial=1.0))
    assert not bool(multiplier.prior_is_frozen) and np.all(betas == 1.0)


@pytest.mark.parametrize("initial", [0.2, 1.0, 5.0])
def test_geco_goes_to_the_multiplier_of_the_elbo_from_both_sides(measured, initial):
    betas, values, _ = run(measured, np.full(1500, 0.4), GECO(initial=initial))
    assert betas[-1] == pytest.approx(1.0, abs=1e-3)
    assert values[-1] == pytest.approx(0.4, rel=1e-3)


def small_vhp(latent_dim=2, **kwargs):
    mlp = tfvae.networks.mlp
    prior = tfvae.priors.HierarchicalPrior(2, hidden=(8,))
    vae = tfvae.VHPVAE(
        latent_dim, encoder=mlp([16]), decoder=mlp([16], (5,)), prior=prior, seed=0, **kwargs
    )
    vae.compile(keras.optimizers.Adam(1e-2))
    return vae


def test_warning_says_by_how_much_the_bound_was_loosened():
    """Five equal directions in two dimensions: 40% can be explained, not 80%."""
    x = np.random.default_rng(0).normal(size=(256, 5)).astype("float32")
    vae = small_vhp()
    with pytest.warns(UserWarning, match="initial phase of REWO has not ended"):
        vae.fit(x, batch_size=32, epochs=1, verbose=0)
    with pytest.warns(UserWarning, match=r"was loosened from 0\.4.* to 0\.\d+ .*\d\d% of what"):
        vae.fit(x, batch_size=32, epochs=15, verbose=0)
    assert not bool(vae.objective.prior_is_frozen)
    logs = vae.evaluate(x, verbose=0)
    assert logs["kappa"] > 0.7  # it was 0.2 ** 0.5


def test_no_warning_where_the_bound_was_reached(recwarn):
    z = np.random.default_rng(0).normal(size=(256, 2))
    x = (z @ np.random.default_rng(1).normal(size=(2, 5))).astype("float32")
    x += 0.05 * np.random.default_rng(2).normal(size=x.shape).astype("float32")
    vae = small_vhp()
    vae.fit(x / x.std(axis=0), batch_size=32, epochs=20, verbose=0)
    assert not [one for one in recwarn if "kappa" in str(one.message)]
    logs = vae.evaluate(x / x.std(axis=0), verbose=0)
    assert logs["kappa"] < 0.447


def test_constant_columns_and_a_single_batch():
    x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    x[:, 1:3] = 1.0
    vae = small_vhp()
    vae.fit(x, batch_size=64, epochs=1, verbose=0)  # one step
    # Unbiased variances of the three that vary.
    first = 0.2 * x.var(axis=0, ddof=1).sum()
    assert float(vae.objective.bound) == pytest.approx(first, rel=1e-3)
    history = vae.fit(x, batch_size=32, epochs=60, verbose=0)
    assert np.all(np.isfinite(history.history["elbo"]))
    assert history.history["elbo"][-1] > history.history["elbo"][0]


@pytest.mark.parametrize("x", [np.ones((1, 5)), np.ones((9, 5))])
def test_first_batch_that_does_not_vary_asks_for_kappa_and_leaves_the_model_usable(x):
    vae = tfvae.VHPVAE(2, seed=0)
    vae.compile("adam")
    with pytest.raises(ValueError, match=r"do not vary\. Give `kappa=`"):
        vae.fit(x.astype("float32"), verbose=0)
    good = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    assert np.isfinite(vae.fit(good, verbose=0).history["loss"][0])


def test_rewo_by_name_warms_up_faster_without_a_given_kappa():
    automatic, given = Constrained().multiplier, Constrained(0.5).multiplier
    assert (automatic.nu, automatic.initial) == (0.02, 0.3)
    assert (given.nu, given.initial) == (0.05, 0.01)
    again = Constrained.from_config(Constrained().get_config()).multiplier
    assert (again.nu, again.initial) == (0.02, 0.3)


@pytest.mark.parametrize(
    ("likelihood", "nats"),
    [
        (Gaussian(), lambda error, constant: 8 / 2 * np.log(constant / error)),
        (Gaussian(0.5), lambda error, constant: (constant - error) / (2 * 0.5**2)),
        (Bernoulli(), lambda error, constant: constant - error),
    ],
)
def test_flatness_without_a_given_kappa_weighs_a_share_of_what_is_explained(likelihood, nats):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 2)) @ rng.normal(size=(2, 8)) + 0.1 * rng.normal(size=(256, 8))
    x = (x > 0).astype("float32") if isinstance(likelihood, Bernoulli) else x.astype("float32")
    vae = tfvae.FlatManifoldVAE(2, likelihood=likelihood, seed=0)
    vae.build(x.shape)
    assert vae.objective.explained() == 0.0  # Nothing is known, nothing pulls.
    vae.compile(keras.optimizers.Adam(1e-2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vae.fit(x, batch_size=64, epochs=10, verbose=0)
    error = float(vae.objective.multiplier.average.value)
    spread = x.std(axis=0, ddof=1) ** 2
    constant = float(np.sum(spread))
    if isinstance(likelihood, Bernoulli):
        p = x.mean(axis=0)
        constant = float(-np.sum(p * np.log(p) + (1 - p) * np.log(1 - p)))
    expected = 0.3 * nats(error, constant) / 2
    assert expected > 0.1
    weight = float(vae.penalties[0].weight_beside(vae.objective))
    # The error of the mean is measured on batches.
    assert weight == pytest.approx(expected, rel=0.05)


def test_flatness_has_its_weight_where_it_or_a_kappa_is_given():
    automatic = tfvae.FlatManifoldVAE(2)
    given = tfvae.FlatManifoldVAE(2, objective=Constrained(0.5))
    assert automatic.penalties[0].weight is None
    assert given.penalties[0].weight_beside(given.objective) == 50.0
    own = tfvae.FlatManifoldVAE(2, penalties=[tfvae.penalties.Flatness(7.0)])
    assert own.penalties[0].weight_beside(own.objective) == 7.0
    plain = tfvae.VAE(2, penalties=[tfvae.penalties.Flatness()])
    assert plain.penalties[0].weight_beside(plain.objective) == 50.0
    for vae in (automatic, own):
        again = type(vae).from_config(vae.get_config())
        assert again.penalties[0].weight == vae.penalties[0].weight
    assert tfvae.FlatManifoldVAE(2, penalties=()).penalties == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_default_models_reach_the_elbo_of_a_plain_vae_on_held_out_digits():
    """At 300 and 900 steps; the standard error over 359 digits is about 0.8 and 1.1 nats."""
    x = sklearn.datasets.load_digits().data.astype("float32") / 16
    x = np.random.default_rng(0).permutation(x)
    train, test = x[359:], x[:359]
    elbo = {}
    for name in ("VAE", "VHPVAE", "FlatManifoldVAE"):
        vae = getattr(tfvae, name)(8, seed=0)
        vae.compile(keras.optimizers.Adam(1e-3))
        for steps in (300, 900):
            batches = tf.data.Dataset.from_tensor_slices(train).shuffle(2000, seed=0).repeat()
            first = vae.optimizer.iterations.numpy()
            vae.fit(batches.batch(128), steps_per_epoch=steps - first, verbose=0)
            elbo[name, steps] = vae.evaluate(test, verbose=0)["elbo"]
    for name in ("VHPVAE", "FlatManifoldVAE"):
        assert elbo[name, 300] > elbo["VAE", 300] - 0.8, elbo
        assert elbo[name, 900] > elbo["VAE", 900] - 1.1, elbo
        assert elbo[name, 900] > elbo[name, 300], elbo
