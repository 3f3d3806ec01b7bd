"""The schedules of the cascade and of the capacities."""

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.likelihoods import Gaussian
from tfvae.objectives import Capacity, InformationCascade, Terms
from tfvae.objectives.cascade import cascade_weights


def connected(objective, latent_dim=3, num_categories=()):
    likelihood = Gaussian()
    likelihood.build((4,))
    objective.build(likelihood, latent_dim, num_categories)
    return objective


def weights_of(objective, latent_dim=3):
    """β_i, read from the loss of latents that have a rate of 1 each in turn."""
    rates = tf.eye(latent_dim)[tf.newaxis]
    zeros = tf.zeros([1, latent_dim])
    return objective.loss(Terms(zeros, zeros, zeros, rate_per_latent=rates)).numpy()


def test_weights_at_each_boundary_of_the_periods():
    objective = connected(InformationCascade(0.5, 7.0, period=2, discrete_start=1))
    low, high = 0.5, 7.0
    expected = [  # one row a step: two steps in each of three periods, and all open after them
        [low, high, high],
        [low, high, high],
        [low, low, high],
        [low, low, high],
        [low, low, low],
        [low, low, low],
        [low, low, low],
    ]
    categories = [False, False, True, True, True, True, True]
    for step, (row, is_open) in enumerate(zip(expected, categories, strict=True)):
        np.testing.assert_allclose(weights_of(objective), row, err_msg=str(step))
        assert bool(objective.discrete_is_open) == is_open
        assert float(objective.state()["period"]) == 1 + step // 2
        assert float(objective.state()["open_latents"]) == min(1 + step // 2, 3)
        objective.update(tf.constant(0.0))


def test_published_schedule():
    # [JS19]: ten latents, 20,000 steps a period.
    for step, number in ((0, 1), (19_999, 1), (20_000, 2), (179_999, 9), (180_000, 10)):
        weights = cascade_weights(1 + step // 20_000, 10, 0.1, 10.0).numpy()
        np.testing.assert_allclose(weights, [0.1] * number + [10.0] * (10 - number))


@pytest.mark.parametrize(
    ("hold", "num_categories", "expected"),
    [
        (False, (3,), [1, 2, 3, 4, 5, 6, 6, 6]),
        (True, (3,), [1, 2, 3, 4, 4, 5, 6, 6]),  # The authors' program.
        (True, (), [1, 2, 3, 4, 5, 6, 6, 6]),  # CascadeVAE-C has nothing to wait for.
    ],
)
def test_open_latents_by_period(hold, num_categories, expected):
    """Published: six latents, categories after four periods."""
    objective = connected(InformationCascade(period=2, hold=hold), 6, num_categories)
    for period, number in enumerate(expected):
        for _ in range(2):
            assert float(objective.state()["open_latents"]) == number
            np.testing.assert_allclose(
                weights_of(objective, 6), [0.1] * number + [10.0] * (6 - number)
            )
            assert bool(objective.discrete_is_open) == (period >= 4)
            warned = objective.convergence_warning(None)
            assert (warned is None) == (number == 6)
            first = 2 * expected.index(6)  # Steps after which all are open.
            assert warned is None or f"takes more than {first} steps" in warned
            objective.update(tf.constant(0.0))


def test_categories_from_the_start_take_the_first_period_when_held():
    objective = connected(InformationCascade(period=1, discrete_start=0, hold=True), 3, (2,))
    for number in (0, 1, 2, 3, 3):
        assert float(objective.open_latents()) == number
        objective.update(tf.constant(0.0))


def test_cascade_loss_is_the_formula():
    rng = np.random.default_rng(0)
    distortion, rates = rng.uniform(size=(2, 5)), rng.uniform(size=(1, 5, 3))
    categorical = np.full((1, 5), np.log(3.0))
    objective = connected(InformationCascade(0.2, 4.0, period=1))
    objective.update(tf.constant(0.0))
    terms = Terms(
        *(tf.constant(v, tf.float32) for v in (distortion, rates.sum(-1), distortion)),
        rate_per_latent=tf.constant(rates, tf.float32),
        discrete_rate=tf.constant(categorical, tf.float32),
    )
    expected = [
        np.mean(distortion[:, i]) + 0.2 * rates[0, i, :2].sum() + 4.0 * rates[0, i, 2] + np.log(3.0)
        for i in range(5)
    ]
    np.testing.assert_allclose(objective.loss(terms), expected, rtol=1e-5)


def test_cascade_says_what_it_needs(blobs):
    model = tfvae.VHPVAE(2, objective="information_cascade")
    model.compile()
    with pytest.raises(ValueError, match='prior="standard_normal"'):
        model.fit(blobs, verbose=0)
    model = tfvae.CascadeVAE(
        3,
        discrete=tfvae.discrete.Assigned(4),
        objective=InformationCascade(period=5, discrete_start=3),
    )
    model.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match="After 4 steps 1 of 3 latents and none of the categories"):
        model.fit(blobs, verbose=0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"beta_low": -1.0},
        {"beta_low": 5.0, "beta_high": 1.0},
        {"period": 0},
        {"discrete_start": -1},
        {"discrete_start": 1.5},
    ],
)
def test_bad_cascade(arguments):
    with pytest.raises(ValueError, match=list(arguments)[-1]):
        InformationCascade(**arguments)


@pytest.mark.parametrize("steps", [0, 3, 10, 20])
def test_capacity_loss_in_mean_is_the_formula(steps):
    rng = np.random.default_rng(steps)
    distortion, rate = rng.uniform(size=(1, 6)), 4.0 * rng.uniform(size=(1, 6))
    categorical = rng.uniform(size=(1, 6))
    objective = connected(Capacity(7.0, 3.0, 9.0, num_steps=10), 3, (4, 2))
    for _ in range(steps):
        objective.update(tf.constant(0.0))
    share = min(steps / 10, 1.0)
    capacity, most = share * 3.0, np.log(8.0)
    categorical_capacity = min(share * 9.0, most)
    expected = (
        distortion.mean()
        + 7.0 * abs(rate.mean() - capacity)
        + 7.0 * abs(categorical.mean() - categorical_capacity)
    )
    values = [tf.constant(v, tf.float32) for v in (distortion, rate, categorical)]
    with tf.GradientTape() as tape:
        tape.watch(values)
        terms = Terms(values[0], values[1] + values[2], values[0], discrete_rate=values[2])
        loss = tf.reduce_mean(objective.loss(terms))
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    gradients = tape.gradient(loss, values)
    signs = [np.sign(rate.mean() - capacity), np.sign(categorical.mean() - categorical_capacity)]
    for gradient, sign in zip(gradients[1:], signs, strict=True):
        np.testing.assert_allclose(gradient, 7.0 * sign / 6 * np.ones((1, 6)), rtol=1e-5)


def test_capacity_of_categories_is_all_that_they_carry():
    objective = connected(Capacity(num_steps=1), 2, (3, 5))
    objective.update(tf.constant(0.0))
    assert float(objective.state()["discrete_capacity"]) == pytest.approx(np.log(15.0))
    assert "discrete_capacity" not in connected(Capacity()).state()
