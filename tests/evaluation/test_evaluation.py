"""Evaluation: active units, collapse, log-likelihood reports, and the kinds of data they take."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae import evaluation


class KnownPosterior:
    """A model with q(z|x) = N(x·slope, scale²) in three dimensions, the last one collapsed."""

    slope = np.array([2.0, 0.5, 0.0])
    scale = np.array([0.1, 1.0, 1.0])
    columns = None

    def encode(self, x, y=None):
        loc = tf.constant(np.asarray(x)[:, :1] * self.slope, tf.float32)
        return tfvae.distributions.diagonal_gaussian(loc, tf.ones_like(loc) * self.scale)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(1000, 4)).astype("float32")


def test_posterior_report_against_the_known_moments(x):
    model = KnownPosterior()
    report = evaluation.posterior_report(model, x)
    variance = x[:, 0].var()
    np.testing.assert_allclose(report.variance_of_means, model.slope**2 * variance, rtol=1e-3)
    np.testing.assert_allclose(report.mean_variance, model.scale**2, rtol=1e-4)
    np.testing.assert_array_equal(report.active, [True, True, False])
    np.testing.assert_array_equal(report.collapsed, [False, False, True])
    # With a posterior variance that is the same for all x: ½ log(1 + slope² Var x / σ²).
    expected = 0.5 * np.log1p(model.slope**2 * variance / model.scale**2)
    np.testing.assert_allclose(report.information, expected, atol=1e-4)
    assert report.to_dict()["active units"] == 2
    assert "active units" in str(report) and "z_2 (collapsed)" in report.by_dimension()


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_active_units_of_latents_of_any_scale(size):
    """The published threshold for a total variance of 1; a share of the variance for another."""
    share = np.array([0.0099, 0.0101, 0.5])
    loc, scale = np.array([[-1.0], [1.0]]) * np.sqrt(share), np.ones((2, 1)) * np.sqrt(1.0 - share)
    expected = [False, True, True]
    assert evaluation.active_units(loc).tolist() == expected
    assert evaluation.active_units(size * loc, size * scale).tolist() == expected
    moments = np.var(size * loc, axis=0), np.mean((size * scale) ** 2, axis=0)
    report = evaluation.PosteriorReport(*moments, information=np.zeros(3))
    assert report.active.tolist() == expected and report.collapsed.tolist() == [True, False, False]
    numbers = report.to_dict()
    assert (numbers["active units"], numbers["collapsed dimensions"]) == (2, 1)


def test_a_latent_that_is_always_zero_is_collapsed():
    with np.errstate(all="raise"):
        report = evaluation.PosteriorReport(np.array([0.0, 1.0]), np.zeros(2), np.zeros(2))
        assert report.active.tolist() == [False, True]


def test_information_is_the_mean_kl_to_the_aggregated_gaussian(x):
    rng = np.random.default_rng(1)
    loc, scale = rng.normal(size=(50, 2)), rng.uniform(0.1, 1.0, size=(50, 2))
    mean, variance = loc.mean(axis=0), loc.var(axis=0) + (scale**2).mean(axis=0)
    kl = 0.5 * ((scale**2 + (loc - mean) ** 2) / variance - 1 + np.log(variance / scale**2))
    np.testing.assert_allclose(evaluation.information(loc, scale), kl.mean(axis=0), rtol=1e-6)


@pytest.fixture(scope="module")
def model():
    vae = tfvae.VAE(
        2, encoder=tfvae.networks.mlp([8]), decoder=tfvae.networks.mlp([8], (4,)), seed=0
    )
    vae.compile()
    vae.build((None, 4))
    return vae


def test_log_likelihood_report(model, x):
    report = evaluation.log_likelihood(model, x[:30], num_samples=20)
    np.testing.assert_array_equal(report.values, model.log_likelihood(x[:30], 20))
    assert report.mean == pytest.approx(report.values.mean())
    assert report.standard_error == pytest.approx(scipy.stats.sem(report.values), rel=1e-5)
    bits = -report.mean / 4 / np.log(2)
    assert report.to_dict()["per feature"] == pytest.approx(bits)
    for line in ("log p(x)", "nats", "bits", "20"):
        assert line in str(report)


def test_batches_of_every_kind_of_data(x):
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(1000))).batch(300)

    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return x[500 * index : 500 * (index + 1)], np.zeros(500)

    alone = dataset.map(lambda a, b: a).element_spec
    for data in (x, dataset, dataset.map(lambda a, b: a), Pairs()):
        rows, beside = zip(*evaluation.numpy_batches(data), strict=True)
        np.testing.assert_array_equal(np.concatenate(rows), x)
        if data is x or (isinstance(data, tf.data.Dataset) and data.element_spec == alone):
            assert set(beside) == {None}
        else:
            np.testing.assert_array_equal(np.concatenate(beside), np.zeros(1000))


def test_empty_data(model):
    with pytest.raises(ValueError, match="empty"):
        evaluation.posterior_report(model, np.zeros((0, 4), "float32"))
    with pytest.raises(ValueError, match="empty"):
        evaluation.log_likelihood(
            model, tf.data.Dataset.from_tensor_slices(np.zeros((0, 4))).batch(2)
        )


def test_one_example(model, x):
    report = evaluation.log_likelihood(model, x[:1], num_samples=3)
    assert len(report.values) == 1 and np.isnan(report.standard_error)
