"""Figures of disentanglement: the tiles are decodings of the latents that they claim to be."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfvae
from tfvae.models.beside import Needs
from tfvae.plots import category_traversals, latents_against_factors, traversal_gif


class FakeModel:
    """Decodes [z, d] by a fixed random map to values in [0, 1]."""

    built = True
    needs = Needs()
    sequence_axes = 0
    columns, target = None, "x"

    def __init__(self, latent_dim=3, num_categories=(2,), data_shape=(4, 5, 1)):
        self.latent_dim = latent_dim
        self.num_categories = num_categories
        self.target_shape = data_shape
        size = (latent_dim + sum(num_categories), int(np.prod(data_shape)))
        self.weights = np.random.default_rng(0).normal(size=size)

    def decode_mean(self, z, y=None):
        flat = 1.0 / (1.0 + np.exp(-np.asarray(z) @ self.weights))
        return tf.constant(flat.reshape(-1, *self.target_shape), tf.float32)

    def tile(self, z, *blocks):
        """E[x|z, d] of one point."""
        return self.decode_mean(np.concatenate([z, *blocks])[np.newaxis]).numpy()[0]


def tiles(axes, rows, columns, shape=(4, 5)):
    """The only image of axes, cut into its tiles, (rows, columns, h, w, ...)."""
    (image,) = axes.get_images()
    mosaic = np.asarray(image.get_array())
    cut = mosaic.reshape(rows, shape[0], columns, shape[1], *mosaic.shape[2:])
    return cut.swapaxes(1, 2)


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def row_names(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def test_one_latent_moves_in_each_category():
    model = FakeModel()
    figure = category_traversals(model, num_values=5)
    assert titles(figure) == [f"$z_{{{i}}}$: −2 … 2" for i in (0, 1, 2)]
    for dim, axes in enumerate(figure.axes):
        shown = tiles(axes, 2, 5)
        for k, column in np.ndindex(2, 5):
            z = np.zeros(3)
            z[dim] = -2.0 + column
            expected = model.tile(z, np.eye(2)[k])[..., 0]
            np.testing.assert_allclose(shown[k, column], expected, atol=1e-6)
    assert row_names(figure.axes[0]) == ["$d_{0}$ = 0", "$d_{0}$ = 1"]


def test_chosen_latents_around_a_point():
    model = FakeModel()
    rest = np.array([0.3, -0.4, 0.8])
    figure = category_traversals(model, dims=[2], num_values=2, limits=(-1, 0.5), rest=rest)
    assert titles(figure) == ["$z_{2}$: −1 … 0.5"]
    shown = tiles(figure.axes[0], 2, 2)
    for k, column in np.ndindex(2, 2):
        expected = model.tile([0.3, -0.4, [-1.0, 0.5][column]], np.eye(2)[k])
        np.testing.assert_allclose(shown[k, column], expected[..., 0], atol=1e-6)


def test_several_variables_one_after_the_other():
    model = FakeModel(1, (2, 3))
    figure = category_traversals(model, num_values=2, limits=(0, 1))
    (axes,) = figure.axes
    shown = tiles(axes, 5, 2)
    blocks = [(0, 0), (1, 0), (0, 0), (0, 1), (0, 2)]
    for row, (first, second) in enumerate(blocks):
        expected = model.tile([1.0], np.eye(2)[first], np.eye(3)[second])
        np.testing.assert_allclose(shown[row, 1], expected[..., 0], atol=1e-6)
    assert row_names(axes)[1:3] == ["$d_{0}$ = 1", "$d_{1}$ = 0"]


def test_without_categories_there_is_one_row():
    model = FakeModel(2, ())
    figure = category_traversals(model, num_values=3, limits=(0, 1))
    shown = tiles(figure.axes[1], 1, 3)
    np.testing.assert_allclose(shown[0, 2], model.tile([0.0, 1.0])[..., 0], atol=1e-6)
    assert row_names(figure.axes[0]) == [""]


def test_colours_and_values_outside_the_unit_interval():
    model = FakeModel(data_shape=(4, 5, 3))
    shown = tiles(category_traversals(model, num_values=2).axes[0], 2, 2)
    np.testing.assert_allclose(shown[1, 0], model.tile([-2, 0, 0], np.eye(2)[1]), atol=1e-6)

    class Wide(FakeModel):
        def decode_mean(self, z, y=None):
            return 20.0 * super().decode_mean(z) - 10.0

    shown = np.concatenate([tiles(a, 2, 3) for a in category_traversals(Wide(), num_values=3).axes])
    assert shown.min() == 0.0
    assert shown.max() == 1.0
    assert 0.3 < np.median(shown) < 0.7


def test_vectors_are_lines():
    model = FakeModel(data_shape=(6,))
    figure = category_traversals(model, num_values=3, limits=(-1, 1))
    *panels, bar = figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        f"$z_{{{i}}}$, $d_{{0}}$ = {k}" for k in (0, 1) for i in (0, 1, 2)
    ]
    expected = model.tile([0.0, 1.0, 0.0], np.eye(2)[1])
    np.testing.assert_allclose(panels[4].lines[2].get_ydata(), expected, atol=1e-6)
    assert bar.get_ylabel() == "value of $z_i$"


def test_a_model_of_the_library():
    vae = tfvae.VAE(latent_dim=2, seed=0)
    vae.build((None, 4, 4))
    figure = category_traversals(vae, num_values=2, limits=(0, 1))
    expected = vae.decode_mean([[1.0, 0.0]]).numpy()[0]
    low, high = tfvae.plots._tiles.value_range(vae.decode_mean([[0, 0], [1, 0], [0, 1]]), 0.005)
    assert (low, high) == (0.0, 1.0)
    shown = tiles(figure.axes[0], 1, 2, (4, 4))[0, 1]
    np.testing.assert_allclose(shown, np.clip(expected, 0.0, 1.0), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_goes_there_and_back(tmp_path, channels):
    path = tmp_path / "traversal.gif"
    model = FakeModel(data_shape=(4, 4, channels))
    traversal_gif(model, path, num_values=4, fps=20.0, size=40, limits=(-1, 2), dims=[2, 0])
    with Image.open(path) as image:
        assert image.n_frames == 6
        assert image.info["duration"] == 50
        assert image.info["loop"] == 0
        frames = []
        for index in range(6):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")).astype(float) / 255)
    np.testing.assert_array_equal(frames[1], frames[5])
    np.testing.assert_array_equal(frames[2], frames[4])
    # The right column is z_0, its tiles end 0.12 inches from the right, 0.3 from top and bottom.
    for index, value in enumerate([-1.0, 0.0, 1.0, 2.0]):
        for k in range(2):
            tile = frames[index][30 + 40 * k :][:40, -12 - 40 : -12]
            middles = tile[5::10, 5::10]
            expected = model.tile([value, 0, 0], np.eye(2)[k])
            assert np.abs(middles - expected).max() < 0.06
    with pytest.raises(ValueError, match=r"`model` must be a model of grey.*\(6,\)"):
        traversal_gif(FakeModel(data_shape=(6,)), path)


def test_numbers_in_the_cells():
    matrix = [[0.25, 1.0, np.nan], [0.0, 0.126, 0.5]]
    figure = latents_against_factors(matrix, factor_names=["shape", "a long name", "y"], title="MI")
    (axes,) = figure.axes
    cells = {text.get_position(): text for text in axes.texts}
    assert [cells[column, 0].get_text() for column in range(3)] == ["0.25", "1.00", "–"]
    assert [cells[column, 1].get_text() for column in range(3)] == ["0.00", "0.13", "0.50"]
    # White on the dark end of the colours, dark on their light end.
    assert cells[0, 1].get_color() == "white"
    assert cells[1, 0].get_color() != "white"
    assert row_names(axes) == ["$z_{0}$", "$z_{1}$"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["shape", "a long name", "y"]
    assert axes.get_title(loc="left") == "MI"
    (image,) = axes.get_images()
    assert (image.norm.vmin, image.norm.vmax) == (0.0, 1.0)


def test_signed_numbers_have_0_in_the_middle_of_the_colours():
    figure = latents_against_factors([[-0.5, 0.2]], ["$d$"])
    (image,) = figure.axes[0].get_images()
    assert (image.norm.vmin, image.norm.vmax) == (-1.0, 1.0)
    assert figure.axes[0].texts[0].get_text() == "−0.50"
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == [
        "factor 0",
        "factor 1",
    ]


def test_a_matrix_without_information():
    for matrix in (np.zeros([2, 2]), np.full([2, 2], np.nan)):
        (image,) = latents_against_factors(matrix).axes[0].get_images()
        assert (image.norm.vmin, image.norm.vmax) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: category_traversals(tfvae.VAE(latent_dim=2)), "`model` must be built"),
        (lambda: category_traversals(FakeModel(), dims=[3]), r"`dims`.*0 to 2.*\[3\]"),
        (lambda: category_traversals(FakeModel(), num_values=1), "`num_values` must be at least 2"),
        (lambda: category_traversals(FakeModel(), limits=(1, 1)), "`limits`"),
        (lambda: category_traversals(FakeModel(), rest=[0.0]), r"`rest`.*\(3,\).*\(1,\)"),
        (lambda: traversal_gif(FakeModel(), "x.gif", fps=0), "`fps` must lie in"),
        (lambda: traversal_gif(FakeModel(), "x.gif", size=0), "`size` must be"),
        (lambda: latents_against_factors([0.0, 1.0]), r"`matrix`.*\(2,\)"),
        (lambda: latents_against_factors(np.zeros([0, 3])), r"`matrix`.*\(0, 3\)"),
        (lambda: latents_against_factors([[1.0]], ["a", "b"]), "`latent_names`.*1.*2"),
        (lambda: latents_against_factors([[1.0]], None, []), "`factor_names`.*1.*0"),
    ],
)
def test_arguments_are_checked(call, message):
    with pytest.raises(ValueError, match=message):
        call()
