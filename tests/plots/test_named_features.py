"""Rows of a table in figures: dots and colours beside the names of the features."""

import itertools

import numpy as np
import pytest

import tfvae
from tfvae.plots import (
    _lines,
    category_traversals,
    interpolation,
    reconstructions,
    samples,
    traversals,
)

NAMES = ["price", "colour=red", "cost in $ of what is $ in all the years before"]


@pytest.fixture
def table_model(built):
    """A model of a table with as many columns as there are names."""

    def make(names):
        vae = built((len(names),))
        vae.columns = list(names)
        return vae

    return make


def rows(names, n=4):
    return np.random.default_rng(0).normal(size=(n, len(names))).astype("float32")


def names_in(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def test_reconstructions_are_dots_beside_names(table_model):
    vae, x = table_model(NAMES), rows(NAMES, 7)
    figure = reconstructions(vae, x)
    figure.draw_without_rendering()
    assert len(figure.axes) == 7
    for i, axes in enumerate(figure.axes):
        example, mean = axes.lines
        np.testing.assert_array_equal(example.get_xdata(), x[i])
        np.testing.assert_allclose(mean.get_xdata(), vae.predict(x, verbose=0)[i], atol=1e-5)
        assert example.get_linestyle() == "None" and axes.yaxis_inverted()
        np.testing.assert_array_equal(example.get_ydata(), [0, 1, 2])
    first, second, *_, sixth, last = figure.axes
    shown = ["price", "colour=red", r"cost in \$ of wh…e years before"]
    assert names_in(first) == names_in(sixth) == shown and len(shown[2]) == _lines.LONGEST + 1
    # Names stand at the left edge alone.
    assert first.yaxis.get_tick_params()["labelleft"] and sixth.get_subplotspec().is_first_col()
    assert not second.yaxis.get_tick_params()["labelleft"] and last.get_xlabel() == "value"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "reconstruction"]


@pytest.mark.parametrize("number", [2, 40])
@pytest.mark.parametrize("draw", [reconstructions, traversals, samples])
def test_names_do_not_overlap_nor_leave_the_figure(table_model, draw, number):
    names = [f"the temperature of the bearing at the outer end, {i}" for i in range(number)]
    vae = table_model(names)
    figure = samples(vae, 5) if draw is samples else draw(vae, rows(names, 1))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert len(boxes) == number and min(box.x0 for box in boxes) >= 0
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))
    inside = figure.bbox
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in boxes)
    # The names take no room from what is drawn.
    assert figure.axes[0].get_window_extent().width > 0.8 * 100 * min(_lines.DOTS, 5 * _lines.CELL)


def test_many_features_have_no_names(table_model):
    names = [f"sensor {i}" for i in range(_lines.MOST_NAMES + 1)]
    figure = reconstructions(table_model(names), rows(names))
    figure.draw_without_rendering()
    assert not any("sensor" in name for name in names_in(figure.axes[0]))
    assert figure.axes[0].get_ylabel() == "feature"
    # More features do not make it higher.
    wide = [f"sensor {i}" for i in range(300)]
    higher = reconstructions(table_model(wide), rows(wide))
    assert higher.get_figheight() == figure.get_figheight() < 10


def test_a_missing_value_has_no_dot_and_no_bar():
    features = ["a", "b", "c"]
    data = np.array([[np.nan, 1.0, np.nan]])
    means = np.array([[0.5, 3.0, np.nan]])
    figure = _lines.line_panels([data, means], ["data", "mean"], features=features)
    (bars,) = figure.axes[0].collections
    widths = [np.ptp(path.vertices[:, 0]) for path in bars.get_paths()]
    np.testing.assert_array_equal(widths[:2], [0.0, 2.0])
    figure.draw_without_rendering()


def test_paths_and_categories_of_a_table(table_model):
    vae = table_model(NAMES)
    figures = {
        9: traversals(vae, rows(NAMES, 1)),
        12: interpolation(vae, np.zeros(2), np.ones(2)),
        7: category_traversals(vae),
    }
    for number, figure in figures.items():
        axes = figure.axes[0]
        assert len(axes.lines) == number and names_in(axes)[0] == "price"
        # The bar of a feature reaches over all its dots.
        dots = np.array([line.get_xdata() for line in axes.lines])
        ends = [path.vertices[:, 0] for path in axes.collections[0].get_paths()]
        np.testing.assert_allclose(np.min(ends, axis=1), dots.min(axis=0), rtol=1e-6)
        np.testing.assert_allclose(np.max(ends, axis=1), dots.max(axis=0), rtol=1e-6)


def test_samples_are_columns_of_colours(table_model):
    vae = table_model(NAMES)
    figure = samples(vae, 6, seed=3)
    (image,) = figure.axes[0].images
    np.testing.assert_allclose(image.get_array(), vae.generate(6, seed=3).T, atol=1e-6)
    assert names_in(figure.axes[0])[:2] == NAMES[:2] and figure.axes[0].yaxis_inverted()


def test_columns_without_names_are_lines(table_model):
    vae = table_model(range(5))
    assert reconstructions(vae, rows(range(5))).axes[-1].get_xlabel() == "feature"
    vae = tfvae.VAE(2, decoder=tfvae.networks.mlp((8,), output_shape=(3,)), target="y", seed=0)
    vae.build(((None, 5), {"target": (None, 3)}))
    vae.columns = list("abcde")  # Of x, which is not what it explains.
    figure = samples(vae, 4)
    assert not figure.axes[0].images and figure.axes[-1].get_xlabel() == "feature"
