"""Figures of capsules and maps, and what other figures make of sequences and topographic priors."""

import numpy as np
import pytest

import tfvae
from tfvae import evaluation, plots
from tfvae.distributions import Torus
from tfvae.models.data import latents
from tfvae.priors import TopographicPrior

T = 4


def small(cls, shape, latent_dim, **kwargs):
    mlp = tfvae.networks.mlp
    return cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], shape), seed=0, **kwargs)


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).uniform(size=(5, T, 6, 5, 1)).astype("float32")


@pytest.fixture(scope="module")
def tvae(frames):
    """Grey sequences, two capsules of four."""
    model = small(tfvae.TopographicVAE, (6, 5, 1), 8, encoder_u=tfvae.networks.mlp([8]))
    model.build(frames.shape)
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(size=(40, 6, 5, 1)).astype("float32")


@pytest.fixture(scope="module")
def torus(images):
    """Grey images, a map of 2×3 latents."""
    model = small(tfvae.VAE, (6, 5, 1), 6, prior=TopographicPrior(Torus((1, 3)), grid=(2, 3)))
    model.build(images.shape)
    return model


def tiles(figure, columns=T):
    """The arrays of a grid of images, (rows, columns, h, w, …)."""
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]
    return np.reshape(shown, (-1, columns, *shown[0].shape))


def row_labels(figure):
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_capsule_traversals(tvae, frames):
    figure = plots.capsule_traversals(tvae, frames, 2, frame=1, labels=list("abcde"))
    shown = tiles(figure)
    assert shown.shape == (6, T, 6, 5)
    np.testing.assert_array_equal(shown[::3], frames[:2, ..., 0])
    expected = tvae.predict(frames[:2], verbose=0)[..., 0]
    np.testing.assert_allclose(shown[1::3], expected, atol=1e-5)
    for column in range(T):
        rolled = tvae.roll(frames[:2], column - 1)[:, 1, ..., 0]
        np.testing.assert_allclose(shown[2::3, column], rolled, atol=1e-5)
    assert row_labels(figure)[:3] == ["a: data", "a: reconstruction", "a: rolled"]
    assert [mark.get_x() for mark in figure.axes[0].patches] == [1, 1]
    # Each mark lies on its tile, in a figure whose groups of rows are apart.
    extents = [image.get_extent() for image in figure.axes[0].get_images()]
    for mark, row in zip(figure.axes[0].patches, (2, 5), strict=True):
        left, right, bottom, top = extents[row * T + 1]
        assert mark.get_x() < left < right < mark.get_x() + 1
        assert mark.get_y() < top < bottom < mark.get_y() + 1


def test_forward_prediction(tvae, frames):
    figure = plots.forward_prediction(tvae, frames, seen=3, num=2)
    shown = tiles(figure)
    np.testing.assert_array_equal(shown[::2], frames[:2, ..., 0])
    expected = tvae.predict_sequence(frames[:2, :3])[..., 0]
    np.testing.assert_allclose(shown[1::2], expected, atol=1e-5)
    (line,) = figure.axes[0].lines
    assert list(line.get_xdata()) == [3, 3]
    heads = {text.get_text(): text.get_position()[0] for text in figure.axes[0].get_xticklabels()}
    assert heads == {"given": 1.5, "predicted": 3.5}


def test_colour_sequences_and_other_capsule_sizes():
    x = np.random.default_rng(0).uniform(size=(2, T, 5, 5, 3)).astype("float32")
    prior = TopographicPrior(tfvae.distributions.Shifting(window=3), grid=(2, 3))
    model = small(
        tfvae.TopographicVAE, (5, 5, 3), 6, prior=prior, encoder_u=tfvae.networks.mlp([8])
    )
    model.build(x.shape)
    shown = tiles(plots.capsule_traversals(model, x))
    assert shown.shape == (6, T, 5, 5, 3)
    # Capsules of three: the roll has closed in the fourth frame.
    np.testing.assert_allclose(shown[2::3, 3], shown[2::3, 0], atol=1e-5)
    assert tiles(plots.forward_prediction(model, x, 1)).shape == (4, T, 5, 5, 3)


def test_topographic_map(torus, images, tvae, frames):
    figure = plots.topographic_map(torus, images)
    largest = np.argmax(latents(torus, images), axis=0)
    np.testing.assert_array_equal(tiles(figure, 3), images[largest, ..., 0].reshape(2, 3, 6, 5))
    # A row of the map of a sequence model is a capsule.
    largest = np.argmax(tvae.capsules(frames).reshape(-1, 2, 4), axis=0)
    expected = frames.reshape(-1, 6, 5)[largest]
    np.testing.assert_array_equal(tiles(plots.topographic_map(tvae, frames), 4), expected)
    assert tiles(plots.topographic_map(tvae, frames, grid=(4, 2)), 2).shape[:2] == (4, 2)


def test_squares_covariance(torus, images, tvae, frames):
    figure = plots.squares_covariance(torus, images, correlation=False)
    axes, bar = figure.axes
    squares = latents(torus, images).astype("float64") ** 2
    matrix = np.asarray(axes.get_images()[0].get_array())
    np.testing.assert_allclose(matrix, np.cov(squares.T, bias=True), rtol=1e-5)
    assert len(axes.lines) == 2 and "covariance" in bar.get_ylabel()
    low, high = axes.get_images()[0].get_clim()
    assert low == -high
    figure = plots.squares_covariance(tvae, frames)
    matrix = np.asarray(figure.axes[0].get_images()[0].get_array())
    expected = np.corrcoef(latents(tvae, frames).astype("float64").T ** 2)
    np.testing.assert_allclose(matrix, expected, atol=1e-5)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["0", "1"]


def test_squares_of_latents_without_variance_are_grey(built):
    vae = built((5,), latent_dim=3)
    x = np.random.default_rng(0).normal(size=(9, 5))
    weights = vae.posterior_head.get_weights()
    weights[0][:, 1] = 0.0
    vae.posterior_head.set_weights(weights)
    axes = plots.squares_covariance(vae, x).axes[0]
    matrix = np.ma.filled(axes.get_images()[0].get_array(), np.nan)
    assert np.all(np.isnan(matrix[1])) and matrix[0, 0] == pytest.approx(1.0)
    assert axes.get_xlabel() == "latent" and not axes.lines


def test_selectivity_maps(torus, images):
    codes = latents(torus, images)
    maps = evaluation.selectivity(codes, np.arange(40) % 3)
    figure = plots.selectivity_maps(maps, ["x", "y", "z"], grid=(2, 3))
    *panels, bar = figure.axes
    for axes, values, name in zip(panels, maps, "xyz", strict=True):
        (image,) = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), values.reshape(2, 3))
        low, high = image.get_clim()
        assert low == -high and high == pytest.approx(np.quantile(np.abs(maps), 0.995))
        assert axes.get_title(loc="left") == name
    assert "d′" in bar.get_ylabel()
    assert len(plots.selectivity_maps(maps.reshape(3, 2, 3)).axes) == 4


@pytest.mark.parametrize(
    ("outlier", "expected"), [(0.0, "neither"), (9.0, "max"), (-9.0, "min"), ((9.0, -9.0), "both")]
)
def test_arrows_tell_of_values_beyond_the_colours(outlier, expected):
    maps = np.tile([1.0, -1.0], (3, 40, 5))
    maps[0, 0, : np.size(outlier)] = outlier
    image = plots.selectivity_maps(maps).axes[-2].get_images()[0]
    assert image.get_clim() == (-1.0, 1.0) and image.colorbar.extend == expected


# ---- figures that were there before -----------------------------------------------------------


def test_reconstructions_and_samples_of_sequences(tvae, frames):
    figure = plots.reconstructions(tvae, frames, 3)
    shown = tiles(figure)
    np.testing.assert_array_equal(shown[::2], frames[:3, ..., 0])
    expected = tvae.predict(frames[:3], verbose=0)[..., 0]
    np.testing.assert_allclose(shown[1::2], expected, atol=1e-5)
    assert row_labels(figure) == ["data", "reconstruction"] * 3
    expected = tvae.decode(tvae.prior.sample(8, seed=(2, 0))).mean()[..., 0]
    np.testing.assert_allclose(tiles(plots.samples(tvae, seed=2)), expected, atol=1e-5)


def test_sequences_of_vectors():
    x = np.random.default_rng(0).uniform(size=(3, T, 5)).astype("float32")
    model = small(tfvae.SequenceVAE, (5,), 4)
    model.build(x.shape)
    for axes, one in zip(plots.reconstructions(model, x).axes, x, strict=True):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), one.ravel())
    assert len(plots.samples(model, 2).axes) == 2
    for call in (
        lambda: plots.capsule_traversals(model, x),
        lambda: plots.forward_prediction(model, x, 2),
    ):
        with pytest.raises(ValueError, match=r"`model` must.*sequences of grey.*\(4, 5\)"):
            call()
    with pytest.raises(ValueError, match=r"`model` must be a model of grey.*\(5,\)"):
        plots.topographic_map(model, x)


@pytest.mark.parametrize("per_frame", [False, True])
def test_scatter_of_frames(tvae, frames, per_frame):
    labels = np.arange(5 * T).reshape(5, T) % 3 if per_frame else np.arange(5)
    figure = plots.latent_scatter(tvae, frames, labels, num_prior=7)
    prior, *groups = figure.axes[0].collections
    assert len(prior.get_offsets()) == 7
    expected = np.bincount((labels if per_frame else np.repeat(labels, T)).ravel())
    assert [len(group.get_offsets()) for group in groups] == list(expected)
    with pytest.raises(ValueError, match="`labels` must have one entry"):
        plots.latent_scatter(tvae, frames, np.arange(6))


def test_figures_of_a_topographic_prior(torus, images):
    expected = torus.predict(images[:4], verbose=0)[..., 0]
    np.testing.assert_allclose(
        tiles(plots.reconstructions(torus, images, 4), 4)[1], expected, atol=1e-5
    )
    shown = tiles(plots.traversals(torus, images[0], dims=[2], num_values=3, limits=(-1, 1)), 3)
    code = torus.embed(images[:1]).numpy()
    code[0, 2] = 0.0
    np.testing.assert_allclose(shown[0, 1], torus.decode(code).mean()[0, ..., 0], atol=1e-5)
    assert len(plots.latent_scatter(torus, images).axes[0].collections[0].get_offsets()) == 40
    one = small(tfvae.VAE, (6, 5, 1), 1, prior=TopographicPrior(Torus(1)))
    one.build(images.shape)
    with pytest.raises(ValueError, match=r"TopographicPrior.*latent_dim ≥ 2"):
        plots.latent_scatter(one, images)


def test_flatness_of_topographic_latents(images):
    model = small(tfvae.VAE, (6, 5, 1), 2, prior=TopographicPrior(Torus(1)))
    model.build(images.shape)
    assert len(evaluation.flatness(model, images, num_pairs=1).condition_encoded) == 40
    figure = plots.equidistance(model, images, np.arange(40) % 2, resolution=8, num_centres=1)
    assert len(figure.axes) == 2


def test_errors(tvae, frames, torus, images, built):
    with pytest.raises(ValueError, match=r"`model` must be a model with capsules.*received a VAE"):
        plots.capsule_traversals(torus, images)
    with pytest.raises(ValueError, match="no weights yet"):
        plots.forward_prediction(tfvae.SequenceVAE(4), frames, 2)
    with pytest.raises(ValueError, match="`frame` must be one of 0 to 3, received 4"):
        plots.capsule_traversals(tvae, frames, frame=4)
    with pytest.raises(ValueError, match=r"`labels`.*5 sequences, received 2"):
        plots.capsule_traversals(tvae, frames, labels=["a", "b"])
    with pytest.raises(ValueError, match="`seen` must be less than the 4 frames"):
        plots.forward_prediction(tvae, frames, 4)
    with pytest.raises(ValueError, match=r"single examples.*capsule_traversals"):
        plots.traversals(tvae, frames[0])
    with pytest.raises(ValueError, match="received a TopographicVAE of sequences"):
        plots.interpolation(tvae, np.zeros(8), np.ones(8))
    vae = built((6, 5, 1), latent_dim=4)
    with pytest.raises(
        ValueError, match="`grid` must have two dimensions and 4 latents, received None"
    ):
        plots.topographic_map(vae, images)
    with pytest.raises(ValueError, match=r"received \(2, 3\)"):
        plots.topographic_map(vae, images, grid=(2, 3))
    with pytest.raises(ValueError, match="`x` must hold at least two examples"):
        plots.squares_covariance(vae, images[:1])
    with pytest.raises(ValueError, match=r"`maps`.*received \(3, 7\) and grid=\(2, 3\)"):
        plots.selectivity_maps(np.zeros((3, 7)), grid=(2, 3))
    with pytest.raises(ValueError, match="`names` must have 3 entries, received 1"):
        plots.selectivity_maps(np.zeros((3, 7, 2)), ["a"])
