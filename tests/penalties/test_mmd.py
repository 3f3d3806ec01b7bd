"""The MMD against loops, its value for Gaussians by quadrature, and its unbiasedness."""

import types

import numpy as np
import pytest
import scipy.integrate
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.penalties.base import Inference
from tfvae.penalties.mmd import MMD, inverse_multiquadratic, mmd_shares

tfd = tfp.distributions


def by_loops(z, prior_z, constants):
    """The U-statistic of MMD²."""

    def kernel(a, b):
        return sum(c / (c + np.sum((a - b) ** 2)) for c in constants)

    n = len(z)
    total = 0.0
    for i in range(n):
        for k in range(n):
            if i != k:
                total += kernel(z[i], z[k]) / (n * (n - 1))
                total += kernel(prior_z[i], prior_z[k]) / (n * (n - 1))
            total -= 2.0 * kernel(z[i], prior_z[k]) / n**2
    return total


def expected_kernel(shift, variance, constants):
    """E k(a, b) for a − b ~ N(shift, variance·1), from 1/(C + d²) = ∫ exp(−t(C + d²)) dt.

    The Gaussian integral is E exp(−t d²) = (1 + 2tv)^(−N_z/2) exp(−t ‖shift‖²/(1 + 2tv)).
    """

    def integrand(t, c):
        spread = 1.0 + 2.0 * t * variance
        exponent = -t * (c + shift @ shift / spread)
        return c * spread ** (-len(shift) / 2) * np.exp(exponent)

    return sum(scipy.integrate.quad(integrand, 0.0, np.inf, args=(c,))[0] for c in constants)


def gaussian_mmd(mean, scale, constants):
    """MMD² between N(mean, scale²·1) and N(0, 1)."""
    zero = np.zeros_like(mean)
    own = expected_kernel(zero, 2.0 * scale**2, constants)
    prior = expected_kernel(zero, 2.0, constants)
    return own + prior - 2.0 * expected_kernel(mean, 1.0 + scale**2, constants)


def prior_of(draws):
    """A prior whose samples are known."""
    return types.SimpleNamespace(sample=lambda n, *, seed: tf.constant(draws)[:n])


def value_of(penalty, z, prior, seed=(1, 2)):
    inference = Inference(None, None, None, z, None, None, None, prior, None, None)
    return penalty.value(inference, seed=seed, training=True)


def test_mean_of_shares_is_the_u_statistic():
    rng = np.random.default_rng(0)
    z, prior_z = rng.normal(1.0, 0.5, size=(6, 3)), rng.normal(size=(6, 3))
    constants = MMD().constants(3)
    np.testing.assert_allclose(constants, 6.0 * np.array([0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]))
    shares = mmd_shares(tf.constant(z), tf.constant(prior_z), constants)
    assert shares.shape == (6,)
    np.testing.assert_allclose(np.mean(shares), by_loops(z, prior_z, constants), rtol=1e-6)


def test_shares_against_loops():
    rng = np.random.default_rng(0)
    z, prior_z = rng.normal(1.0, 0.5, size=(4, 2)), rng.normal(size=(4, 2))
    pairs = [
        inverse_multiquadratic(tf.constant(a), tf.constant(b), [0.5, 2.0]).numpy()
        for a, b in ((z, z), (z, prior_z), (prior_z, prior_z))
    ]
    own, across, prior = pairs
    of_prior = np.mean([prior[i, k] for i in range(4) for k in range(4) if i != k])
    expected = [
        np.mean([own[i, k] for k in range(4) if k != i]) - 2.0 * np.mean(across[i]) + of_prior
        for i in range(4)
    ]
    shares = mmd_shares(tf.constant(z), tf.constant(prior_z), [0.5, 2.0])
    np.testing.assert_allclose(shares, expected, rtol=1e-6)


def test_expected_kernel_against_samples():
    """The quadrature that other tests rely on, within four standard errors of 10⁶ samples."""
    shift = np.array([1.0, -0.5])
    differences = shift + np.sqrt(1.3) * np.random.default_rng(0).normal(size=(10**6, 2))
    squares = np.sum(differences**2, axis=1)
    values = 0.5 / (0.5 + squares) + 4.0 / (4.0 + squares)
    error = values.std() / np.sqrt(len(values))
    assert abs(values.mean() - expected_kernel(shift, 1.3, [0.5, 4.0])) < 4.0 * error


@pytest.mark.parametrize("batch", [2, 5])
@pytest.mark.parametrize(("mean", "scale"), [((0.0, 0.0), 1.0), ((0.5, -0.2), 0.6)])
def test_estimate_is_unbiased_for_small_batches(batch, mean, scale):
    """The mean of 40,000 batches within four standard errors of MMD² by quadrature."""
    rng = np.random.default_rng(batch)
    shape = (40_000, batch, 2)
    z, prior_z = np.array(mean) + scale * rng.normal(size=shape), rng.normal(size=shape)
    constants = MMD().constants(2)
    estimates = np.mean(mmd_shares(tf.constant(z), tf.constant(prior_z), constants), axis=1)
    expected = gaussian_mmd(np.array(mean), scale, constants)
    assert abs(estimates.mean() - expected) < 4.0 * estimates.std() / np.sqrt(len(estimates))
    if scale == 1.0:
        np.testing.assert_allclose(expected, 0.0, atol=1e-7)
    else:
        # A bias of the size of one diagonal would not pass unseen.
        assert expected > 8.0 * estimates.std() / np.sqrt(len(estimates))


def test_standard_normal_sample_gives_nearly_zero_of_either_sign():
    """|MMD²| < 0.02 for 500 latents, where a shift of one standard deviation gives over 0.3."""
    estimates = []
    for seed in range(10):
        z, draws = np.random.default_rng(seed).normal(size=(2, 500, 2))
        estimates.append(np.mean(value_of(MMD(), tf.constant(z[np.newaxis]), prior_of(draws))))
    assert np.max(np.abs(estimates)) < 0.02
    assert min(estimates) < 0.0 < max(estimates)
    shifted = value_of(MMD(), tf.constant(z[np.newaxis] + 1.0), prior_of(draws))
    assert np.mean(shifted) > 0.3


def test_penalty_takes_the_first_sample_and_the_seed():
    z = tf.constant(np.random.default_rng(0).normal(size=(2, 6, 2)), tf.float32)
    normal = tfd.Independent(tfd.Normal(tf.zeros([2]), 1.0), 1)
    penalty = MMD(scales=[0.5, 2.0], prior_scale=2.0)
    values = value_of(penalty, z, normal, seed=(3, 4))
    drawn = normal.sample(6, seed=(3, 4))
    # C_s = 2 N_z σ_p² s = 16 s.
    np.testing.assert_allclose(values, mmd_shares(z[0], drawn, [8.0, 32.0]), rtol=1e-5)


def test_sequences_give_the_mean_over_steps():
    rng = np.random.default_rng(0)
    z, draws = rng.normal(1.0, 0.5, size=(5, 3, 2)), rng.normal(size=(5, 3, 2))
    values = value_of(MMD(), tf.constant(z[np.newaxis]), prior_of(draws))
    assert values.shape == (5,)
    constants = MMD().constants(2)
    expected = np.mean([by_loops(z[:, t], draws[:, t], constants) for t in range(3)])
    np.testing.assert_allclose(np.mean(values), expected, rtol=1e-6)


def test_gradients_are_finite_where_points_coincide_and_skip_the_prior():
    z, location = tf.Variable(tf.zeros([1, 3, 2])), tf.Variable(tf.zeros([2]))
    with tf.GradientTape() as tape:
        prior = tfd.Independent(tfd.Normal(location, 1.0), 1)
        mean = tf.reduce_mean(value_of(MMD(), z + 0.0, prior))
    of_z, of_prior = tape.gradient(mean, [z, location])
    assert np.all(np.isfinite(of_z)) and np.any(of_z != 0.0)
    assert of_prior is None


def test_gradient_against_differences():
    rng = np.random.default_rng(0)
    z, prior_z = tf.Variable(rng.normal(size=(4, 2))), tf.constant(rng.normal(size=(4, 2)))
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(mmd_shares(z, prior_z, [0.4, 4.0]))
    gradient = tape.gradient(mean, z).numpy()
    step = np.zeros((4, 2))
    step[1, 0] = 1e-5
    above, below = (by_loops(z.numpy() + s, prior_z.numpy(), [0.4, 4.0]) for s in (step, -step))
    np.testing.assert_allclose(gradient[1, 0], (above - below) / 2e-5, rtol=1e-6)


def test_single_example_adds_nothing():
    prior = prior_of(np.zeros((9, 2), "float32"))
    np.testing.assert_array_equal(value_of(MMD(), tf.ones([1, 1, 2]), prior), [0.0])
    assert value_of(MMD(), tf.zeros([1, 0, 2]), prior).shape == (0,)
    compiled = tf.function(
        lambda z: value_of(MMD(), z, prior), input_signature=[tf.TensorSpec([1, None, 2])]
    )
    assert compiled(tf.zeros([1, 2, 2])).shape == (2,)
    np.testing.assert_array_equal(compiled(tf.ones([1, 1, 2])), [0.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1.0}, "`weight` must lie in"),
        ({"scales": []}, "`scales` must be a sequence"),
        ({"scales": 1.0}, "`scales` must be a sequence"),
        ({"scales": [1.0, 0.0]}, "`scales` must lie in"),
        ({"prior_scale": 0.0}, "`prior_scale` must lie in"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        MMD(**arguments)


def test_config_comes_back():
    config = MMD(3.0, scales=iter([0.5, 1.0]), prior_scale=2.0).get_config()
    assert config["scales"] == (0.5, 1.0)
    assert MMD.from_config(config).get_config() == config
