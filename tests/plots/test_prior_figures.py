"""The aggregated posterior beside the prior: points, colours, and what the title counts."""

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.colors import to_rgb

import tfvae
from tfvae import plots
from tfvae.plots import _style


def offsets(axes, i=0):
    return np.asarray(axes.collections[i].get_offsets())


def titles(figure):
    return [axes.get_title("left") for axes in figure.axes]


def test_points_colours_and_title(model, images):
    figure = plots.prior_fit(model, images, num_samples=150, seed=3)
    left, right = figure.axes
    encodings, near, away = (offsets(right, i) for i in range(3))
    assert len(offsets(left)) == len(near) + len(away) == 150 and len(away) > 0
    posterior = model.encode(images)
    inside = np.abs(encodings - posterior.mean()) < 5.0 * posterior.stddev().numpy()
    assert encodings.shape == (200, 2) and inside.all()
    # The same as the report's, for the same draws.
    found = tfvae.evaluation.prior_fit(
        model, images, num_samples=150, num_importance_samples=1, seed=3
    )
    assert len(near) / 150 == found.share
    assert titles(figure) == [
        "aggregated posterior", f"prior: {len(away)} of 150 where no data are"
    ]  # fmt: skip
    # By a loop: no point of another colour lies nearer to the data.
    distance = [
        [np.min(np.linalg.norm(encodings - one, axis=1)) for one in part] for part in (near, away)
    ]
    assert max(distance[0]) < min(distance[1])
    colors = [dots.get_facecolor()[0][:3] for dots in right.collections]
    expected = [_style.BACKDROP, *_style.PAIR]
    np.testing.assert_allclose(colors, [to_rgb(color) for color in expected])
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["encodings", "where data are", "where no data are"]


def test_scales_are_equal_and_the_title_is_not_cut(model, images):
    figure = plots.prior_fit(model, images, num_samples=50)
    figure.draw_without_rendering()
    for axes in figure.axes:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        assert right - left == pytest.approx(top - bottom)
        box = axes.get_window_extent()
        assert box.width == pytest.approx(box.height)
    assert figure.axes[1]._left_title.get_window_extent().x1 <= figure.bbox.width


def test_principal_axes_of_more_latents(deep_model, images):
    figure = plots.prior_fit(deep_model, images, num_samples=30)
    left, right = figure.axes
    points = offsets(right)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.cov(points.T)[0, 1], 0.0, atol=1e-6)
    assert "principal axis 0" in left.get_xlabel() and "principal axis 1" in left.get_ylabel()


def test_one_latent_is_a_histogram(built, images):
    figure = plots.prior_fit(built((8, 8, 1), latent_dim=1), images, num_samples=300)
    left, right = figure.axes
    assert left.get_xlabel() == "$z_{0}$" and left.get_ylabel() == "samples"
    assert sum(bar.get_height() for bar in left.patches) == 300
    assert sum(bar.get_height() for bar in right.patches) == 300
    away = [bar for bar in right.patches if bar.get_facecolor()[:3] == to_rgb(_style.PAIR[1])]
    count = int(sum(bar.get_height() for bar in away))
    assert titles(figure)[1] == f"prior: {count} of 300 where no data are"


def test_noise_datasets_and_a_condition():
    frames = np.random.default_rng(0).random((5, 4, 6)).astype("float32")
    tvae = tfvae.TopographicVAE(8, likelihood="bernoulli", seed=0)
    tvae.build(frames.shape)
    dataset = tf.data.Dataset.from_tensor_slices(frames).batch(2)
    figure = plots.prior_fit(tvae, dataset, num_samples=10)
    assert titles(figure)[0] == "aggregated posterior of the noise"
    assert titles(figure)[1].startswith("prior noise: ")
    assert len(offsets(figure.axes[1])) == 20
    vae = tfvae.VAE(2, condition=3, seed=0)
    vae.build((None, 6))
    c = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    plots.prior_fit(vae, frames[:, 0], y=c, num_samples=10)
    with pytest.raises(ValueError, match="condition"):
        plots.prior_fit(vae, frames[:, 0], num_samples=10)


def test_errors(model, images, deep_model):
    with pytest.raises(ValueError, match="`num_samples` must be a whole number of at least 1"):
        plots.prior_fit(model, images, num_samples=0)
    with pytest.raises(ValueError, match="must be built"):
        plots.prior_fit(tfvae.VAE(2), images)
    with pytest.raises(ValueError, match="`data` must hold at least two examples"):
        plots.prior_fit(deep_model, images[:1])
