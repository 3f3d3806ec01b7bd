"""The topographic product against SciPy, closed forms and numerical integration."""

import functools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfvae.distributions import (
    Bubble,
    Explicit,
    Shifting,
    TopographicStudentT,
    Torus,
    importance_sampled_log_prob,
    topographic_product,
)

RANDOM = np.random.default_rng(0)
OVERLAPPING = {
    2: np.array([[1, 1], [0, 1]]),
    3: np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]]),
}


def ring(nu, mean=0.0, **kwargs):
    """One latent in front of ν squares, and ν − 1 others like it."""
    return TopographicStudentT(Torus(None if nu == 1 else nu), (nu,), mean, **kwargs)


@pytest.mark.parametrize("nu", [1, 2, 5, 18])
@pytest.mark.parametrize("mean", [0.0, 1.5, 30.0])
def test_marginals_are_student_t(nu, mean):
    t = ring(nu, tf.constant(mean, tf.float64), epsilon=0.0).sample(20_000, seed=(nu, 3))
    reference = scipy.stats.nct(nu, mean) if mean else scipy.stats.t(nu)
    assert scipy.stats.kstest(np.sqrt(nu) * t[:, 0].numpy(), reference.cdf).pvalue > 1e-3


@pytest.mark.parametrize("nu", [3, 8, 52])
def test_mean_and_variance_are_those_of_the_non_central_t(nu):
    p = ring(nu, np.float64(4.0))
    mean, variance = scipy.stats.nct(nu, 4.0).stats("mv")
    np.testing.assert_allclose(p.mean(), np.full(nu, mean / np.sqrt(nu)), rtol=1e-9)
    np.testing.assert_allclose(p.variance(), np.full(nu, variance / nu), rtol=1e-9)
    np.testing.assert_allclose(p.stddev() ** 2, p.variance(), rtol=1e-9)


def test_moments_of_a_large_sample():
    p = TopographicStudentT(Shifting(), (6, 2, 6), mean=[0.0, 2.0])
    t = p.sample(20_000, seed=(0, 1)).numpy()
    error = np.sqrt(p.variance() / 20_000)
    assert np.all(np.abs(t.mean(axis=0) - p.mean()) < 5 * error)
    np.testing.assert_allclose(t.var(axis=0), p.variance(), rtol=0.15)


def test_moments_that_do_not_exist():
    assert np.all(np.isnan(ring(1).mean())) and np.all(np.isnan(ring(1).variance()))
    assert np.all(np.isinf(ring(2).variance())) and np.all(ring(2).mean().numpy() == 0.0)
    with pytest.raises(ValueError, match="have no mean"):
        ring(1, allow_nan_stats=False).mean()


def test_disjoint_blocks_are_multivariate_student_t():
    p = TopographicStudentT(Bubble(window=None), (4, 2, 3), np.float64(0.0))
    assert p.has_closed_form
    t = RANDOM.normal(size=(5, 4, 2, 3))
    blocks = scipy.stats.multivariate_t(np.zeros(12), np.eye(12) / 12, df=12)
    expected = [sum(blocks.logpdf(one[:, c].reshape(-1)) for c in range(2)) for one in t]
    np.testing.assert_allclose(p.log_prob(t), expected, rtol=1e-9)


def test_several_latents_may_share_squares_that_lie_elsewhere():
    """Two groups: {0, 2} over squares {0, 1, 3}, {1, 3} over the square 2."""
    rows = [[1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]
    t = RANDOM.normal(size=(3, 4))
    p = TopographicStudentT(Explicit(rows), (4,), np.float64(0.0))
    three = scipy.stats.multivariate_t(np.zeros(2), np.eye(2) / 3, df=3)
    one = scipy.stats.multivariate_t(np.zeros(2), np.eye(2), df=1)
    expected = three.logpdf(t[:, [0, 2]]) + one.logpdf(t[:, [1, 3]])
    np.testing.assert_allclose(p.log_prob(t), expected, rtol=1e-9)


def integrated(t, mean, rows):
    """log ∫ Π_i N(t_i √v_i; μ, 1) √v_i N(u; 0, I) du, v = W u², by Gauss–Legendre for u > 0."""
    nodes, weights = np.polynomial.legendre.leggauss(120)
    u, weights = 4.5 * (nodes + 1.0), 4.5 * weights * 2.0
    axes = np.meshgrid(*[u] * len(t), indexing="ij")
    grid = np.stack(axes, axis=-1)
    root = np.sqrt(grid**2 @ rows.T)
    density = np.prod(scipy.stats.norm.pdf(t * root - mean) * root, axis=-1)
    density = density * np.prod(scipy.stats.norm.pdf(grid), axis=-1)
    for _ in t:
        density = density @ weights  # The last axis that is left.
    return np.log(density)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("mean", [0.0, 2.0, -1.5])
def test_estimate_where_neighbourhoods_overlap_against_integration(size, mean):
    rows = OVERLAPPING[size]
    p = TopographicStudentT(
        Explicit(rows), (size,), np.float64(mean), epsilon=0.0, num_importance_samples=200_000
    )
    assert not p.has_closed_form
    for t in (np.array([0.3, -0.8, 1.2])[:size], np.array([3.0, 0.1, -0.2])[:size]):
        estimate = p.log_prob(t, seed=(0, 1))
        assert float(estimate) == pytest.approx(integrated(t, mean, rows), abs=0.02)


def test_estimate_against_the_closed_form():
    t = RANDOM.normal(size=(4, 3))
    exact = TopographicStudentT(Torus(None), (3,), np.float64(0.0)).log_prob(t)
    estimate = importance_sampled_log_prob(
        tf.constant(t), tf.constant([0.0], tf.float64), np.ones((3, 3)), 0.0, 100_000, seed=(0, 0)
    )
    np.testing.assert_allclose(estimate, exact, atol=0.01)


def test_estimate_rises_with_the_number_of_samples():
    means = []
    for number in (1, 10, 100):
        p = TopographicStudentT(
            Explicit(OVERLAPPING[3]), (3,), np.float64(1.0), num_importance_samples=number
        )
        draws = p.log_prob(np.tile([0.5, -0.5, 1.0], (2000, 1)), seed=(1, 2)).numpy()
        means.append(draws.mean())
    exact = integrated(np.array([0.5, -0.5, 1.0]), 1.0, OVERLAPPING[3])
    assert means[0] < means[1] < means[2] < exact + 0.01


def test_shapes_and_seeds():
    p = TopographicStudentT(Shifting(), (4, 2, 4), mean=tf.zeros([3]))
    assert p.batch_shape == (3,) and p.event_shape == (4, 2, 4) and p.dtype == tf.float32
    draw = functools.partial(p.sample, (5, 2))
    assert draw(seed=(0, 0)).shape == (5, 2, 3, 4, 2, 4)
    np.testing.assert_array_equal(draw(seed=(0, 0)), draw(seed=(0, 0)))
    assert np.any(draw(seed=(0, 0)) != draw(seed=(0, 1)))
    assert p.log_prob(tf.zeros([6, 1, 4, 2, 4]), seed=(0, 0)).shape == (6, 3)


def test_samples_depend_on_the_mean_by_reparameterisation():
    mean = tf.constant([0.5, 1.0], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(mean)
        t = TopographicStudentT(Torus(3), (5,), mean).sample(7, seed=(0, 0))
    u = TopographicStudentT(Torus(3), (5,), mean + 1.0).sample(7, seed=(0, 0))
    gradient = tape.gradient(t, mean)
    # t is linear in μ.
    np.testing.assert_allclose(gradient, tf.reduce_sum(u - t, axis=[0, 2]), rtol=1e-8)


@pytest.mark.parametrize("exact", [True, False])
def test_gradients_of_the_density_are_finite_and_right(exact):
    neighborhood = Torus(None) if exact else Explicit(OVERLAPPING[3])
    p = TopographicStudentT(neighborhood, (3,), np.float64(0.0))
    t = tf.constant([0.3, -2.0, 1e-9], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(t)
        value = p.log_prob(t, seed=(0, 0))
    gradient = tape.gradient(value, t)
    for direction in np.eye(3):
        step = 1e-6 * direction
        difference = p.log_prob(t + step, seed=(0, 0)) - p.log_prob(t - step, seed=(0, 0))
        assert np.dot(gradient, direction) == pytest.approx(float(difference) / 2e-6, 1e-4, 1e-7)


def test_squares_near_zero_stay_finite():
    z, u = tf.zeros([4, 2, 4]), tf.fill([4, 2, 4], 1e-30)
    with tf.GradientTape() as tape:
        tape.watch([z, u])
        t = topographic_product(z, tf.square(u), 30.0, Shifting(), (4, 2, 4))
    assert np.all(np.isfinite(t)) and float(t[0, 0, 0]) == pytest.approx(30_000.0)
    assert all(np.all(np.isfinite(gradient)) for gradient in tape.gradient(t, [z, u]))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"neighborhood": "circle"}, "`neighborhood` must be one of"),
        ({"shape": (0,)}, "`shape` must be a whole number"),
        ({"epsilon": -1.0}, "`epsilon` must lie in"),
        ({"num_importance_samples": 0}, "`num_importance_samples`"),
        ({"shape": (2,)}, "`width` must be at most 2"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TopographicStudentT(**{"neighborhood": Torus(3), "shape": (5,), **kwargs})
