"""The scatter plot of the latent space."""

import numpy as np
import pytest

from tfvae.plots import latent_scatter


def offsets(axes, i=0):
    return np.asarray(axes.collections[i].get_offsets())


def legend_texts(figure):
    return [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]


def test_two_latents_are_shown_as_they_are(model, images):
    figure = latent_scatter(model, images)
    (axes,) = figure.axes
    np.testing.assert_allclose(offsets(axes), model.encode(images).mean(), atol=1e-5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$z_{0}$", "$z_{1}$")
    assert not figure.legends


def test_categories(model, images):
    labels = np.arange(200) % 3
    figure = latent_scatter(model, images, labels, label_name="kind")
    (axes,) = figure.axes
    loc = model.encode(images).mean().numpy()
    for value in range(3):
        np.testing.assert_allclose(offsets(axes, value), loc[labels == value], atol=1e-5)
    colors = {tuple(dots.get_facecolor()[0]) for dots in axes.collections}
    assert len(colors) == 3
    assert legend_texts(figure) == [["0", "1", "2"]]
    assert figure.legends[0].get_title().get_text() == "kind"


def test_categories_by_name(model, images):
    labels = np.array(["walk", "jog"])[np.arange(200) % 2]
    assert legend_texts(latent_scatter(model, images, labels)) == [["jog", "walk"]]


def test_more_categories_than_colours_differ_in_their_marker(model, images):
    (axes,) = latent_scatter(model, images, np.arange(200) % 25).axes
    looks = {
        (tuple(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes())
        for dots in axes.collections
    }
    assert len(looks) == 25


def test_continuous(model, images, angles):
    figure = latent_scatter(model, images, angles, label_name="angle (rad)")
    axes, bar = figure.axes
    np.testing.assert_allclose(axes.collections[0].get_array(), angles)
    assert bar.get_ylabel() == "angle (rad)"


def test_cyclic_labels_have_no_seam(model, images, angles):
    figure = latent_scatter(model, images, angles - 2 * np.pi, coloring="cyclic")
    axes, bar = figure.axes
    dots = axes.collections[0]
    np.testing.assert_allclose(dots.get_array(), angles, atol=1e-6)
    assert dots.get_clim() == pytest.approx((0.0, 2 * np.pi))
    np.testing.assert_allclose(dots.to_rgba(0.0), dots.to_rgba(2 * np.pi - 1e-6), atol=0.02)
    assert [text.get_text() for text in bar.get_yticklabels()] == ["0", "π/2", "π", "3π/2", "2π"]
    # Nothing so light that it would vanish on white.
    assert dots.cmap(np.linspace(0, 1, 100))[:, :3].max(axis=1).max() < 0.85


def test_period(model, images):
    figure = latent_scatter(model, images, np.arange(200), coloring="cyclic", period=24.0)
    np.testing.assert_allclose(figure.axes[0].collections[0].get_array(), np.arange(200) % 24)


def test_principal_axes(deep_model, images):
    figure = latent_scatter(deep_model, images)
    points = offsets(figure.axes[0])
    loc = deep_model.encode(images).mean().numpy().astype("float64")
    variances, axes = np.linalg.eigh(np.cov(loc.T))
    for i in range(2):
        expected = (loc - loc.mean(0)) @ axes[:, -1 - i]
        expected *= np.sign(expected @ points[:, i])
        np.testing.assert_allclose(points[:, i], expected, atol=1e-4)
    share = variances[-1] / variances.sum()
    assert figure.axes[0].get_xlabel() == f"principal axis 0 ({share:.0%} of the variance)"


def test_prior_and_paths(model, images, angles):
    path = [[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]
    figure = latent_scatter(
        model, images, angles, num_prior=70, paths={"way": path, "other": path[::-1]}, seed=5
    )
    axes = figure.axes[0]
    np.testing.assert_allclose(offsets(axes), model.prior.sample(70, seed=(5, 0)), atol=1e-6)
    assert len(offsets(axes, 1)) == 200
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["way"], path)
    np.testing.assert_allclose(lines["other"], path[::-1])
    assert legend_texts(figure) == [["prior", "way", "other"]]


def test_the_ends_of_paths_are_shown(model, images):
    path = np.float32([[-50.0, 0.0], [0.0, 70.0]])
    axes = latent_scatter(model, images, paths={"far": path}).axes[0]
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < -50.0 and top > 70.0 and right < 50.0 and bottom > -70.0


def test_one_latent(built, images):
    vae = built((8, 8, 1), latent_dim=1)
    figure = latent_scatter(vae, images, num_prior=500)
    axes = figure.axes[0]
    posterior = vae.encode(images)
    expected = np.concatenate([posterior.mean(), posterior.stddev()], axis=1)
    np.testing.assert_allclose(offsets(axes), expected, atol=1e-5)
    assert "standard deviation" in axes.get_ylabel()
    quantiles = [line.get_xdata()[0] for line in axes.lines]
    np.testing.assert_allclose(quantiles, [-1.645, 0, 1.645], atol=0.3)
    assert legend_texts(figure) == [["prior: 5%, 50%, 95%"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels": np.zeros(199)}, r"200 examples, shape \(200,\).*\(199,\)"),
        ({"labels": np.zeros([200, 1])}, r"received the shape \(200, 1\)"),
        ({"coloring": "rainbow"}, "`coloring`.*'rainbow'"),
        ({"labels": ["a"] * 200, "coloring": "cyclic"}, "names.*'cyclic'"),
        (
            {"labels": np.arange(200), "coloring": "categorical"},
            "at most 60 categories, received 200",
        ),
        ({"period": 0.0}, "`period`"),
        ({"num_prior": -1}, "`num_prior`"),
        ({"paths": {"way": np.zeros([3, 5])}}, r"paths\['way'\].*\(n, 2\).*\(3, 5\)"),
    ],
)
def test_errors(model, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        latent_scatter(model, images, **arguments)
