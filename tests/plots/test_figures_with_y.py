"""Figures of models with labels, a condition or a target: what is shown is what they give."""

import keras
import numpy as np
import pytest
from PIL import Image

import tfvae
from tfvae import plots
from tfvae.discrete import GumbelSoftmax, Labels
from tfvae.geometry import LatentGraph

N = 30
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(N, 6, 5, 1)).astype("float32")
LABELS = np.arange(N) % 4
C = RNG.normal(size=(N, 3)).astype("float32")
TARGET = RNG.uniform(size=(N, 6, 5, 1)).astype("float32")


def small(cls=tfvae.VAE, latent_dim=2, shape=(6, 5, 1), **kwargs):
    mlp = tfvae.networks.mlp
    return cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], shape), seed=0, **kwargs)


@pytest.fixture(scope="module")
def labelled():
    """A conditional VAE of images with four classes."""
    model = small(discrete=Labels(4), likelihood="bernoulli")
    model.build(X.shape)
    return model


@pytest.fixture(scope="module")
def conditional():
    model = small(condition=3)
    model.build(X.shape)
    return model


@pytest.fixture(scope="module")
def everything():
    """Latent categories, a condition, and a target."""
    model = small(discrete=GumbelSoftmax(4), condition=3, target="y", likelihood="bernoulli")
    model.build(((None, 6, 5, 1), {"target": (None, 6, 5, 1)}))
    return model


def tiles(figure, columns):
    """The arrays of a grid of images, (rows, columns, h, w)."""
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].get_images()]
    return np.reshape(shown, (-1, columns, *shown[0].shape))


def row_labels(figure):
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def same(shown, expected):
    np.testing.assert_allclose(shown, np.asarray(expected)[..., 0], atol=1e-5)


def test_reconstructions(labelled, conditional):
    for model, y in ((labelled, LABELS), (conditional, C), (conditional, {"condition": C})):
        figure = plots.reconstructions(model, X, 4, y)
        shown = tiles(figure, 4)
        same(shown[0], X[:4])
        same(shown[1], model.predict(X, y, verbose=0)[:4])
        assert row_labels(figure) == ["data", "reconstruction"]


def test_a_target_is_shown_with_its_prediction(everything):
    y = {"condition": C, "target": TARGET}
    figure = plots.reconstructions(everything, X, 3, y)
    shown = tiles(figure, 3)
    same(shown[0], X[:3])
    same(shown[1], TARGET[:3])
    same(shown[2], everything.predict(X, y, verbose=0)[:3])
    assert row_labels(figure) == ["data", "target", "prediction"]


def test_a_target_of_another_shape():
    x = X.reshape(N, 30)[:, :7]
    model = small(target="y")
    model.build(((None, 7), (None, 6, 5, 1)))
    figure = plots.reconstructions(model, x, 3, TARGET)
    assert row_labels(figure) == ["target", "prediction"]
    same(tiles(figure, 3)[1], model.predict(x[:3], verbose=0))
    assert tiles(plots.traversals(model, x[0], num_values=3), 3).shape == (2, 3, 6, 5)
    assert tiles(plots.samples(model, 5), 5).shape == (1, 5, 6, 5)
    back = small(shape=(7,), target="y")
    back.build(((None, 6, 5, 1), (None, 7)))
    example, mean = plots.reconstructions(back, X, 3, x).axes[1].lines
    np.testing.assert_array_equal(example.get_ydata(), x[1])
    np.testing.assert_allclose(mean.get_ydata(), back.predict(X, verbose=0)[1], atol=1e-5)
    lines = small(shape=(7,), target="y")
    lines.build(((None, 7), (None, 7)))
    figure = plots.reconstructions(lines, x, 3, 2.0 * x)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "data",
        "target",
        "prediction",
    ]
    np.testing.assert_array_equal(figure.axes[2].lines[1].get_ydata(), 2.0 * x[2])


@pytest.mark.parametrize("one", [False, True])
def test_samples(labelled, conditional, one):
    for model, y in ((labelled, LABELS[:20]), (conditional, C[:20])):
        y = y[3] if one else y
        expected = model.generate(20, y=y, seed=5)
        same(tiles(plots.samples(model, 20, y, seed=5), 10).reshape(20, 6, 5), expected)


def test_latent_scatter(labelled, conditional, everything):
    """Points are z alone; labels are not needed for them."""
    for model, y in ((labelled, None), (conditional, C), (everything, {"condition": C})):
        axes = plots.latent_scatter(model, X, y=y, num_prior=9).axes[0]
        prior, points = axes.collections
        loc = model.encode(X, y).mean()
        np.testing.assert_allclose(points.get_offsets(), loc, atol=1e-5)
        z = model.prior.sample(9, seed=(0, 0))
        np.testing.assert_allclose(prior.get_offsets(), z, atol=1e-6)
        assert axes.get_xlabel() == "$z_{0}$"
    path = labelled.embed(X[:5], LABELS[:5]).numpy()
    axes = plots.latent_scatter(labelled, X, paths={"way": path}).axes[0]
    np.testing.assert_array_equal(axes.lines[-1].get_xydata(), path[:, :2])


def test_traversals(labelled, conditional, everything):
    for model, y, one in (
        (labelled, LABELS[:1], LABELS[0]),
        (conditional, C[:1], C[0]),
        (everything, {"condition": C[:1]}, {"condition": C[0]}),
    ):
        z = np.tile(model.embed(X[:1], y), [3, 1])
        z[:, 1] = [-1.0, 0.0, 1.0]
        condition = y if isinstance(y, dict) else {"condition": y}
        expected = model.decode_mean(z, condition if model.condition else None)
        for given in (y, one):
            figure = plots.traversals(model, X[0], y=given, num_values=3, limits=(-1, 1))
            shown = tiles(figure, 3)
            assert len(shown) == 2
            same(shown[1], expected)


def test_traversals_around_a_sample(labelled):
    z = labelled.sample_prior(2000, 2, seed=(0, 0)).numpy()
    np.testing.assert_array_equal(z[0, 2:], np.eye(4)[2])
    base = np.tile(z[0], [2, 1])
    base[:, 0] = np.quantile(z[:, 0], [0.01, 0.99])
    shown = tiles(plots.traversals(labelled, y=2, dims=[0], num_values=2), 2)
    same(shown[0], labelled.decode_mean(base))


def test_interpolation(labelled, conditional, everything):
    ends = np.float32([[-1.0, 0.0], [1.0, 0.5]])
    line = np.linspace(*ends, 5)
    named = {"labels": 3, "condition": C[0]}
    for model, y in ((labelled, 3), (conditional, C[0]), (everything, named)):
        graph = LatentGraph(model, 50, 5, weights="observation", y=y)
        figure = plots.interpolation(model, *ends, graph=graph, y=y, num_points=5)
        same(tiles(figure, 5)[0], model.decode_mean(line, y))
        same(tiles(figure, 5)[1], model.decode_mean(graph.interpolate(*ends, 5), y))
    both = labelled.embed(X[:2], LABELS[:2]).numpy()
    figure = plots.interpolation(labelled, *both, num_points=3)
    same(tiles(figure, 3)[0], labelled.decode_mean(np.linspace(*both, 3)))


def test_category_traversals(labelled, everything, tmp_path):
    panels = plots.category_traversals(labelled, num_values=2, limits=(-1, 1)).axes
    assert [text.get_text() for text in panels[0].get_yticklabels()] == [
        f"$d_{{0}}$ = {k}" for k in range(4)
    ]
    mosaic = np.asarray(panels[1].get_images()[0].get_array()).reshape(4, 6, 2, 5)
    for k in range(4):
        expected = labelled.decode_mean([[0.0, 1.0]], k).numpy()[0, ..., 0]
        np.testing.assert_allclose(mosaic[k, :, 1], expected, atol=1e-5)
    axes = plots.category_traversals(everything, num_values=2, y={"condition": C[1]}).axes[0]
    mosaic = np.asarray(axes.get_images()[0].get_array()).reshape(4, 6, 2, 5)
    z = np.concatenate([[2.0, 0.0], np.eye(4)[2]])[np.newaxis]
    expected = everything.decode_mean(z, {"condition": C[1]}).numpy()[0, ..., 0]
    np.testing.assert_allclose(mosaic[2, :, 1], expected, atol=1e-5)
    assert axes.get_yticklabels()[0].get_text() == "$d_{0}$ = 0"
    path = tmp_path / "one.gif"
    plots.traversal_gif(everything, path, num_values=3, y={"condition": C[1]})
    with Image.open(path) as image:
        assert image.n_frames == 4


def test_equidistance_holds_category_and_condition_of_the_first_example():
    """f(z) = d·scales · z + c: in units of the data, the map is that of the first label."""
    scales = np.float32([1.0, 3.0])

    def outputs(inputs):
        z, d, c = inputs[:, :2], inputs[:, 2:4], inputs[:, 4:]
        factor = keras.ops.matmul(d, scales[:, np.newaxis])
        return keras.ops.concatenate([factor * z, keras.ops.exp(c[:, :1]) * z[:, :1]], axis=-1)

    model = tfvae.VAE(
        2,
        decoder=keras.layers.Lambda(outputs),
        discrete=Labels(2),
        condition=1,
        seed=0,
    )
    model.build((None, 3))
    x, c = RNG.normal(size=(20, 3)), np.zeros((20, 1))
    for first, factor in ((0, 1.0), (1, 3.0)):
        y = {"labels": (np.arange(20) + first) % 2, "condition": c}
        figure = plots.equidistance(model, x, y=y, resolution=8, num_centres=1)
        shown = figure.axes[0].collections[0].get_array()
        # G = factor² 1 + diag(1, 0), log MF = ½ log (factor² (factor² + 1)).
        expected = 0.5 * np.log(factor**2 * (factor**2 + 1.0))
        np.testing.assert_allclose(shown, expected, atol=1e-5)


def test_capsules():
    frames = RNG.uniform(size=(5, 4, 6, 5, 1)).astype("float32")
    target = RNG.uniform(size=(5, 4, 6, 5, 1)).astype("float32")
    y = {"condition": C[:5], "target": target}
    model = small(tfvae.SequenceVAE, 8, condition=3, target="y")
    model.build(((None, 4, 6, 5, 1), {"target": target.shape}))
    figure = plots.reconstructions(model, frames, 2, y)
    assert row_labels(figure)[:3] == ["data", "target", "prediction"]
    same(tiles(figure, 4)[2::3], model.predict(frames[:2], {"condition": C[:2]}, verbose=0))
    figure = plots.capsule_traversals(model, frames, 2, frame=1, y=y)
    same(tiles(figure, 4)[::3], target[:2])
    same(tiles(figure, 4)[1::3], model.predict(frames[:2], {"condition": C[:2]}, verbose=0))
    for column in range(4):
        rolled = model.roll(frames[:2], column - 1, {"condition": C[:2]})[:, 1]
        same(tiles(figure, 4)[2::3, column], rolled)
    figure = plots.forward_prediction(model, frames, 2, 3, y=y)
    expected = model.predict_sequence(frames[:3, :2], y={"condition": C[:3]})
    same(tiles(figure, 4)[1::2], expected)
    assert row_labels(figure)[:2] == ["target", "model"]
    z = model.embed(frames, y).numpy().reshape(20, 8)
    shown = tiles(plots.topographic_map(model, frames, y=y), 4).reshape(8, 6, 5)
    same(shown, frames.reshape(20, 6, 5, 1)[np.argmax(z, axis=0)])
    matrix = plots.squares_covariance(model, frames, y=y).axes[0].get_images()[0].get_array()
    np.testing.assert_allclose(matrix, np.corrcoef(z.astype("float64").T ** 2), atol=1e-5)
    points = plots.latent_scatter(model, frames, y=y).axes[0].collections[0].get_offsets()
    assert len(points) == 20


@pytest.mark.parametrize(
    "plot",
    [
        lambda model: plots.reconstructions(model, X),
        lambda model: plots.samples(model),
        lambda model: plots.traversals(model, X[0]),
        lambda model: plots.equidistance(model, X),
    ],
)
def test_a_missing_need_is_the_models_own_error(labelled, conditional, plot):
    for model, name in ((labelled, "labels"), (conditional, "condition")):
        with pytest.raises(ValueError, match=f"`y` must give '{name}'.*received None"):
            plot(model)


def test_other_errors(labelled, conditional, everything):
    with pytest.raises(ValueError, match="`y` must give 'condition'"):
        plots.latent_scatter(conditional, X)
    with pytest.raises(ValueError, match="`y` must give 'condition'"):
        plots.category_traversals(conditional)
    with pytest.raises(ValueError, match=r"`y` must give 'target'.*keys 'condition'"):
        plots.reconstructions(everything, X, y={"condition": C})
    with pytest.raises(ValueError, match=r"embedding_dim = 6.*y=\{"):
        plots.interpolation(labelled, [0.0, 0.0], [1.0, 1.0])
    with pytest.raises(ValueError, match=r"`labels` must have one row for each of the 30.* 7 rows"):
        plots.reconstructions(labelled, X, 3, LABELS[:7])
    with pytest.raises(ValueError, match=r"`target` must have the shape \(batch, 6, 5, 1\)"):
        plots.reconstructions(everything, X, 3, {"condition": C, "target": TARGET[:, :4]})
    with pytest.raises(ValueError, match="`labels` must be that of one example, received 30"):
        plots.traversals(labelled, X[0], y=LABELS)
    with pytest.raises(ValueError, match=r"`z_start` must have the shape \(n, 2\) or \(n, 6\)"):
        plots.interpolation(labelled, [0.0], [1.0], y=1)
