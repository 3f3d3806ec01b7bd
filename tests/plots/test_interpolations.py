"""Traversals and interpolations: the rows are decodings of the points that they claim to be."""

import numpy as np
import pytest

import tfvae
from tfvae.geometry import LatentGraph
from tfvae.plots import interpolation, traversals


def rows_of(figure):
    """The arrays of a grid of images by row: (rows, columns, h, w)."""
    rows = {}
    for image in figure.axes[0].get_images():
        rows.setdefault(image.get_extent()[3], []).append(np.asarray(image.get_array()))
    return np.array([rows[top] for top in sorted(rows)])


def row_labels(figure):
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def decoded(model, z):
    return model.decode(np.asarray(z, "float32")).mean().numpy()[..., 0]


def test_traversal_moves_one_dimension(deep_model, images):
    figure = traversals(deep_model, images[0], num_values=5, limits=(-2, 2))
    rows = rows_of(figure)
    assert rows.shape == (4, 5, 8, 8)
    loc = deep_model.encode(images[:1]).mean().numpy()[0]
    for dim in range(4):
        for column, value in enumerate([-2, -1, 0, 1, 2]):
            z = loc.copy()
            z[dim] = value
            np.testing.assert_allclose(rows[dim, column], decoded(deep_model, z), atol=1e-5)
    assert row_labels(figure)[1] == "$z_{1}$: −2.0 … 2.0"


def test_traversal_of_chosen_dimensions_around_a_sample(deep_model):
    figure = traversals(deep_model, dims=[2], num_values=3, seed=4)
    rows = rows_of(figure)
    prior = deep_model.prior.sample(2000, seed=(4, 0)).numpy()
    z = np.tile(prior[0], [3, 1])
    z[:, 2] = np.linspace(*np.quantile(prior[:, 2], [0.01, 0.99]), 3)
    np.testing.assert_allclose(rows[0], decoded(deep_model, z), atol=1e-5)
    # N(0, 1) has its 1% quantile at −2.33.
    assert row_labels(figure) == [f"$z_{{2}}$: {z[0, 2]:.1f} … {z[2, 2]:.1f}".replace("-", "−")]
    assert z[0, 2] == pytest.approx(-2.33, abs=0.25)


def test_traversal_of_vectors(vector_model, vectors):
    figure = traversals(vector_model, vectors[:1], num_values=4, limits=(-1, 1))
    first, second, bar = figure.axes
    z = np.tile(vector_model.encode(vectors[:1]).mean(), [4, 1])
    z[:, 1] = np.linspace(-1, 1, 4)
    expected = vector_model.decode(z).mean()
    np.testing.assert_allclose([line.get_ydata() for line in second.lines], expected, atol=1e-5)
    assert first.get_title(loc="left").startswith("$z_{0}$")
    assert bar.get_ylabel() == "part of the range"
    assert len({line.get_color() for line in second.lines}) == 4


def test_straight_line_above_the_path_of_the_graph(model, images):
    z = model.encode(images[:2]).mean().numpy()
    graph = LatentGraph(model, num_nodes=200, seed=1)
    figure = interpolation(model, z[0], z[1], graph=graph, num_points=5)
    rows = rows_of(figure)
    line = np.linspace(z[0], z[1], 5)
    np.testing.assert_allclose(rows[0], decoded(model, line), atol=1e-5)
    path = graph.interpolate(z[0], z[1], 5)
    np.testing.assert_allclose(rows[1], decoded(model, path), atol=1e-5)
    assert row_labels(figure) == ["straight line", "graph path"]


def test_paths_as_they_are(model):
    paths = {"a": np.random.default_rng(0).normal(size=(4, 2)), "b": np.zeros([2, 2])}
    figure = interpolation(model, paths=paths)
    tiles = [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]
    np.testing.assert_allclose(tiles[:4], decoded(model, paths["a"]), atol=1e-5)
    np.testing.assert_allclose(tiles[4:], decoded(model, paths["b"]), atol=1e-5)
    assert row_labels(figure) == ["a", "b"]
    assert row_labels(interpolation(model, paths=paths["a"])) == ["path"]


def test_interpolation_of_vectors(vector_model):
    figure = interpolation(vector_model, [0.0, 0.0], [1.0, -1.0], num_points=3)
    axes, bar = figure.axes
    expected = vector_model.decode([[0.0, 0.0], [0.5, -0.5], [1.0, -1.0]]).mean()
    np.testing.assert_allclose([line.get_ydata() for line in axes.lines], expected, atol=1e-5)
    assert axes.get_title(loc="left") == "straight line"
    assert bar.get_ylabel() == "part of the way"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dims": [2]}, r"`dims`.*0 to 1.*\[2\]"),
        ({"dims": []}, "`dims`"),
        ({"num_values": 1}, "`num_values` must be at least 2"),
        ({"limits": (1, -1)}, "`limits`"),
        ({"x": np.zeros([2, 8, 8, 1])}, "one example, received 2"),
        ({"x": np.zeros([7, 8, 1])}, r"\(7, 8, 1\)"),
    ],
)
def test_errors_of_traversals(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        traversals(model, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`paths` must hold at least one path"),
        ({"z_start": [0.0, 0.0]}, r"must be given together.*only \['z_start'\]"),
        ({"graph": object(), "paths": [[0.0, 0.0]]}, r"`graph` with both.*only \['graph'\]"),
        ({"z_start": [0.0], "z_end": [1.0]}, r"`z_start`.*\(n, 2\)"),
        ({"paths": [0.0, 1.0]}, r"paths\['path'\]"),
        ({"z_start": [0.0, 0.0], "z_end": [1.0, 1.0], "num_points": 1}, "`num_points`"),
    ],
)
def test_errors_of_interpolation(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        interpolation(model, **arguments)


def test_ways_of_vectors_have_one_length(vector_model):
    with pytest.raises(ValueError, match=r"same number of points.*'b': 4"):
        interpolation(vector_model, paths={"a": np.zeros([3, 2]), "b": np.zeros([4, 2])})


def test_unbuilt_model():
    vae = tfvae.VAE(latent_dim=2)
    for plot in (traversals, interpolation):
        with pytest.raises(ValueError, match="`model` must be built"):
            plot(vae)
