"""Principal axes of latents against NumPy's eigenvectors, and what they refuse."""

import numpy as np
import pytest

import tfvae
from tfvae.evaluation.principal import axes_of


@pytest.fixture
def z():
    rng = np.random.default_rng(0)
    return rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)) + [1.0, -2.0, 0.5, 3.0]


def test_axes_are_eigenvectors_of_the_covariance(z):
    axes = axes_of(z)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    np.testing.assert_allclose(axes.variances, values[::-1], rtol=1e-10)
    np.testing.assert_allclose(axes.shares, values[::-1] / values.sum(), rtol=1e-10)
    overlaps = np.abs(np.sum(axes.directions * vectors.T[::-1], axis=1))
    np.testing.assert_allclose(overlaps, 1.0, rtol=1e-10)
    np.testing.assert_allclose(axes.mean, z.mean(axis=0), rtol=1e-12)


def test_coordinates_lead_back_to_latents(z):
    axes = axes_of(z)
    np.testing.assert_allclose(axes.latents(axes.coordinates(z)), z, atol=1e-12)
    np.testing.assert_allclose(np.cov(axes.coordinates(z).T), np.diag(axes.variances), atol=1e-10)
    assert axes.coordinates(z.reshape(5, 100, 4)).shape == (5, 100, 4)


def test_fewer_examples_than_latents():
    axes = axes_of(np.random.default_rng(0).normal(size=(3, 10)))
    assert axes.directions.shape == (3, 10)
    np.testing.assert_allclose(axes.shares.sum(), 1.0)


def test_latents_that_do_not_vary_have_no_shares():
    axes = axes_of(np.ones((5, 2)))
    np.testing.assert_array_equal(axes.shares, 0.0)
    assert "principal axis 0" in str(axes)


def test_report_counts_the_axes_of_most_of_the_variance():
    z = np.diag([3.0, 1.0, 0.1])[np.arange(300) % 3] * np.where(np.arange(300) % 2, 1, -1)[:, None]
    found = axes_of(z).to_dict()
    # 9 + 1 + 0.01 in all: one axis holds 89.9%, two hold 99.9%.
    assert found["axes for 90% of the variance"] == 2
    assert found["axes for 99% of the variance"] == 2
    assert found["principal axis 0"] == pytest.approx(9 / 10.01, abs=1e-4)


def test_of_a_model_and_of_sequences():
    model = tfvae.VAE(latent_dim=3, seed=0)
    model.build((None, 5))
    x = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
    axes = tfvae.evaluation.principal_axes(model, x)
    loc = model.encode(x).mean().numpy().astype("float64")
    np.testing.assert_allclose(axes.mean, loc.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(axes.variances.sum(), np.var(loc, axis=0, ddof=1).sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("z", "match"),
    [
        (np.ones((1, 3)), "at least two examples or steps, received 1"),
        (np.array([[0.0, 1.0], [np.nan, 0.0]]), "received 1 of 2 .* the first is number 1"),
    ],
)
def test_refused_latents(z, match):
    with pytest.raises(ValueError, match=match):
        axes_of(z)


def test_refused_shapes(z):
    axes = axes_of(z)
    with pytest.raises(ValueError, match=r"`z` must have the shape \(…, 4\), received \(3,\)"):
        axes.coordinates(np.zeros(3))
    with pytest.raises(ValueError, match="`coordinates` must have the shape"):
        axes.latents(1.0)
