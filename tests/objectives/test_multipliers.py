"""GECO and REWO against step-by-step NumPy over a sequence that crosses the bound several times."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.objectives import GECO, REWO, Constrained, geco_step, rewo_step

BOUND = 2.0


@pytest.fixture(scope="module")
def errors():
    """C of 200 batches: starts far above the bound, then swings around it."""
    t = np.arange(200)
    sequence = BOUND * (1.0 + 3.0 * np.exp(-t / 15) + 0.6 * np.sin(t / 9.0)) + 0.05 * np.cos(37 * t)
    signs = np.sign(sequence - BOUND)
    assert np.sum(signs[1:] != signs[:-1]) >= 4  # it crosses
    return sequence


def numpy_geco(errors, nu, alpha, relative, initial=1.0, limit=1e8):
    multiplier, average, path = initial, None, []
    for error in errors:
        average = error if average is None else (1 - alpha) * error + alpha * average
        delta = average - BOUND
        if relative:
            delta = delta / BOUND
        multiplier = min(max(multiplier * np.exp(nu * delta), 1 / limit), limit)
        path.append(multiplier)
    return np.array(path)


def numpy_rewo(errors, nu, tau, alpha, relative, initial, limit=1e8):
    beta, average, initial_phase, path, phases = initial, None, True, [], []
    for error in errors:
        average = error if average is None else (1 - alpha) * error + alpha * average
        delta = average - BOUND
        if delta < 0:
            initial_phase = False
        if not initial_phase:
            heaviside = 1.0 if delta > 0 else 0.0
            f = (1 - heaviside) * np.tanh(tau * (beta - 1)) - heaviside
            step = delta / BOUND if relative else delta
            beta = beta * np.exp(nu * f * step)
            beta = min(max(beta, 1 / limit), 1.0)
        path.append(1 / beta)
        phases.append(initial_phase)
    return np.array(path), np.array(phases)


def run(multiplier, errors):
    multiplier.build()
    values, held = [], []
    for error in errors:
        multiplier.update(tf.constant(error, tf.float32), tf.constant(BOUND))
        values.append(float(multiplier.value()))
        held.append(multiplier.prior_is_frozen)
    return np.array(values), held


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.9])
def test_geco_against_numpy(errors, relative, alpha):
    values, held = run(GECO(nu=0.1, alpha=alpha, relative=relative), errors)
    np.testing.assert_allclose(values, numpy_geco(errors, 0.1, alpha, relative), rtol=1e-4)
    assert set(held) == {None}
    assert np.any(np.diff(values) > 0) and np.any(np.diff(values) < 0)


@pytest.mark.parametrize("relative", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.9])
def test_rewo_against_numpy(errors, relative, alpha):
    values, held = run(REWO(nu=0.5, tau=2.0, alpha=alpha, initial=0.05, relative=relative), errors)
    expected, phases = numpy_rewo(errors, 0.5, 2.0, alpha, relative, 0.05)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    np.testing.assert_array_equal([bool(h) for h in held], phases)
    # The sequence shows all that matters: a held phase, then β rising and falling.
    assert 5 < phases.sum() < 150 and not phases[phases.argmin() :].any()
    np.testing.assert_array_equal(values[: phases.sum()], np.float32(1) / np.float32(0.05))
    after = np.diff(values[phases.sum() :])
    assert np.any(after > 0) and np.any(after < 0)


def test_rewo_never_passes_one():
    multiplier = REWO(nu=50.0, initial=0.5)
    values, _ = run(multiplier, np.full(50, 0.01 * BOUND))
    assert values.min() == 1.0 and values[-1] == 1.0


@pytest.mark.parametrize(
    ("multiplier", "error"),
    [(GECO(nu=10.0), 100.0), (GECO(nu=10.0), 0.0), (REWO(nu=10.0), 0.0)],
)
def test_multipliers_stay_finite(multiplier, error):
    values, _ = run(multiplier, [0.5 * BOUND] + [error * BOUND] * 100)
    assert np.all(np.isfinite(values)) and values.max() <= 1.01e8 and values.min() >= 0.99e-8


def test_pure_steps_in_float64():
    beta, nu, tau = np.array([0.2, 0.2, 1.0]), 0.3, 3.0
    delta = np.array([0.5, -0.5, -0.5])
    f = np.array([-1.0, np.tanh(tau * (0.2 - 1.0)), 0.0])
    expected = beta * np.exp(nu * f * delta)
    np.testing.assert_allclose(rewo_step(tf.constant(beta), tf.constant(delta), nu, tau), expected)
    np.testing.assert_allclose(geco_step(tf.constant(beta), delta, nu), beta * np.exp(nu * delta))


def flat_data(n=96):
    return np.random.default_rng(0).uniform(size=(n, 6)).astype("float32")


def vhp(kappa, optimizer):
    objective = Constrained(kappa=kappa, multiplier=REWO(nu=0.1))
    prior = tfvae.priors.HierarchicalPrior(2, hidden=(8,))
    mlp = tfvae.networks.mlp
    vae = tfvae.VHPVAE(
        2, encoder=mlp([8]), decoder=mlp([8], (6,)), prior=prior, objective=objective, seed=0
    )
    vae.compile(optimizer)
    vae.build((None, 6))
    return vae


@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, keras.optimizers.AdamW])
def test_prior_rests_in_the_initial_phase_to_the_last_bit_and_moves_after_it(optimizer):
    x = flat_data()
    vae = vhp(1e-3, optimizer(1e-2))
    before = [w.numpy() for w in vae.prior.trainable_weights]
    others = [w.numpy() for w in vae.encoder.trainable_weights + vae.decoder.trainable_weights]
    with pytest.warns(UserWarning, match=r"initial phase of REWO has not ended"):
        vae.fit(x, batch_size=32, epochs=3, verbose=0)
    for old, new in zip(before, vae.prior.trainable_weights, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    moved = vae.encoder.trainable_weights + vae.decoder.trainable_weights
    assert all(np.any(old != new.numpy()) for old, new in zip(others, moved, strict=True))

    vae = vhp(10.0, optimizer(1e-2))
    before = [w.numpy() for w in vae.prior.trainable_weights]
    vae.fit(x, batch_size=32, epochs=1, verbose=0)
    assert not bool(vae.objective.prior_is_frozen)
    assert all(
        np.any(old != new.numpy())
        for old, new in zip(before, vae.prior.trainable_weights, strict=True)
    )


def test_constraint_is_met_and_beta_rises_from_its_start():
    rng = np.random.default_rng(0)
    x = np.tanh(rng.normal(size=(512, 2)) @ rng.normal(size=(2, 6))).astype("float32")
    vae = vhp(0.3, keras.optimizers.Adam(3e-3))
    vae.fit(x, batch_size=64, epochs=60, verbose=0)
    logs = vae.evaluate(x, verbose=0)
    assert logs["constraint"] < 0.33
    start = 100 / (2 * 0.3**2)
    assert start / 100 <= logs["lambda"] < 0.5 * start


@pytest.mark.parametrize("name", ["rewo", "geco"])
def test_gradients_keep_their_size_while_lambda_rises_and_falls(name):
    """Adam's step is about its learning rate, whatever λ does: m/√v of a constant gradient is 1.

    Were λ a factor of the gradients, √v would keep the largest for a thousand steps, and λ that has
    fallen by e⁸ would leave steps of less than 1%.
    """
    start = 1e4
    multiplier = REWO(initial=1 / start) if name == "rewo" else GECO(initial=start)
    vae = tfvae.VAE(
        2, encoder=tfvae.networks.mlp([8]), decoder=tfvae.networks.mlp([8], (6,)), seed=0,
        objective=Constrained(kappa=0.01, multiplier=multiplier),
    )  # fmt: skip
    vae.compile(keras.optimizers.Adam(1e-4))
    x = flat_data()
    vae.build(x.shape)

    def set_lambda(value):
        state = multiplier.beta if name == "rewo" else multiplier.multiplier
        state.assign(1 / value if name == "rewo" else value)

    kernel = next(w for w in vae.decoder.trainable_weights if "kernel" in w.path)
    steps = []
    for power in [*range(9), *range(7, -1, -1), *[0] * 10]:
        set_lambda(start * np.exp(power))
        before = kernel.numpy()
        vae.train_on_batch(x)
        steps.append(np.median(np.abs(kernel.numpy() - before)) / 1e-4)
    assert min(steps) > 0.5 and max(steps) < 1.5


def test_a_step_of_a_large_lambda_is_the_gradient_of_the_loss_over_lambda():
    multiplier = GECO(initial=20.0)
    vae = tfvae.VAE(
        2, encoder=tfvae.networks.mlp([8]), decoder=tfvae.networks.mlp([8], (6,)), seed=0,
        likelihood=tfvae.likelihoods.Gaussian(0.5), objective=Constrained(0.2, multiplier),
    )  # fmt: skip
    vae.compile(keras.optimizers.SGD(0.1))
    x = flat_data()
    vae.build(x.shape)
    # z = μ(x) but for 1e-5.
    kernel, bias = vae.posterior_head.dense.get_weights()
    kernel[:, 2:], bias[2:] = 0.0, -30.0
    vae.posterior_head.dense.set_weights([kernel, bias])
    weights = vae.trainable_weights
    before = [w.numpy() for w in weights]
    with tf.GradientTape() as tape:
        loc, scale = vae.posterior_head(vae.encoder(x))
        error = tf.reduce_sum((x - vae.decoder(loc)) ** 2, axis=1)
        rate = 0.5 * tf.reduce_sum(loc**2 + scale**2 - 1 - 2 * tf.math.log(scale), axis=1)
        of_elbo = 1 / (2 * 0.5**2)
        loss = tf.reduce_mean(rate + 20.0 * of_elbo * (error - 6 * 0.2**2)) / 20.0
    gradients = tape.gradient(loss, [w.value for w in weights])
    vae.train_on_batch(x)
    for weight, old, gradient in zip(weights, before, gradients, strict=True):
        if "posterior" not in weight.path:  # σ = 1e-5 has steep rates of its own
            np.testing.assert_allclose(
                weight.numpy(), old - 0.1 * gradient.numpy(), rtol=1e-3, atol=1e-5,
                err_msg=weight.path,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [("nu", 0.0), ("nu", -1.0), ("alpha", 1.0), ("alpha", -0.1), ("tau", 0.0), ("initial", 0.0),
     ("initial", 1.5), ("max_multiplier", 0.5), ("nu", float("nan"))],
)  # fmt: skip
def test_arguments_are_checked(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must lie in .*received"):
        REWO(**{name: value})


@pytest.mark.parametrize("kappa", [0.0, -0.1, float("nan"), float("inf"), "small"])
def test_kappa_is_checked(kappa):
    with pytest.raises(ValueError, match=r"`kappa` must (lie in|be a number).*received"):
        Constrained(kappa=kappa)
