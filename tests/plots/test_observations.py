"""Reconstructions and samples: what is shown is what the model gives."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import tfvae
from tfvae.plots import reconstructions, samples


def shown(figure):
    """The arrays of a grid of images, in order of drawing."""
    (axes,) = figure.axes
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def row_labels(figure):
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_reconstructions_of_images(model, images):
    figure = reconstructions(model, images, num=4)
    assert isinstance(figure, Figure)
    tiles = shown(figure)
    np.testing.assert_array_equal(tiles[:4], images[:4, ..., 0])
    np.testing.assert_allclose(tiles[4:], model.predict(images[:4], verbose=0)[..., 0], atol=1e-5)
    assert row_labels(figure) == ["data", "reconstruction"]
    # The first row lies above the second, and the columns of both lie below each other.
    extents = [image.get_extent() for image in figure.axes[0].get_images()]
    assert figure.axes[0].yaxis_inverted()
    assert extents[0][2] < extents[4][3]
    assert extents[0][:2] == extents[4][:2]


def test_all_tiles_share_the_range_of_the_data(model, images):
    limits = [tile.get_clim() for tile in reconstructions(model, images).axes[0].get_images()]
    assert set(limits) == {(0.0, 1.0)}
    limits = reconstructions(model, 10 * images).axes[0].get_images()[0].get_clim()
    assert limits == pytest.approx((0.0, 10 * images[:10].max()))


def test_fewer_examples_than_asked_for(model, images):
    assert len(shown(reconstructions(model, images[:3], num=10))) == 6


def test_colour_images_are_clipped_to_their_range(built):
    vae = built((4, 4, 3))
    x = np.random.default_rng(0).uniform(size=(2, 4, 4, 3)).astype("float32")
    tiles = shown(reconstructions(vae, x))
    np.testing.assert_allclose(tiles[:2], x)
    np.testing.assert_allclose(tiles[2:], np.clip(vae.predict(x, verbose=0), 0.0, 1.0), atol=1e-5)


def test_images_without_a_channel_axis(built):
    x = np.random.default_rng(0).uniform(size=(2, 6, 4)).astype("float32")
    np.testing.assert_array_equal(shown(reconstructions(built((6, 4)), x))[:2], x)


@pytest.mark.parametrize("data_shape", [(5,), (2, 3, 4, 1)])
def test_other_data_are_lines(built, data_shape):
    vae = built(data_shape)
    x = np.random.default_rng(0).normal(size=(3, *data_shape)).astype("float32")
    figure = reconstructions(vae, x)
    assert len(figure.axes) == 3
    for i, axes in enumerate(figure.axes):
        example, mean = axes.lines
        np.testing.assert_array_equal(example.get_ydata(), x[i].ravel())
        expected = vae.predict(x, verbose=0)[i].ravel()
        np.testing.assert_allclose(mean.get_ydata(), expected, atol=1e-5)
        assert axes.get_xlabel() == "feature"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "data",
        "reconstruction",
    ]


def test_samples_are_the_prior_decoded(model):
    figure = samples(model, 13, seed=3)
    z = model.prior.sample(13, seed=(3, 0))
    np.testing.assert_allclose(shown(figure), model.decode(z).mean()[..., 0], atol=1e-5)
    tops = [image.get_extent()[3] for image in figure.axes[0].get_images()]
    assert sorted({tops.count(top) for top in tops}) == [3, 10]


def test_samples_by_seed(model):
    np.testing.assert_array_equal(
        shown(samples(model, 3, seed=1)), shown(samples(model, 3, seed=1))
    )
    assert not np.array_equal(shown(samples(model, 3, seed=1)), shown(samples(model, 3, seed=2)))


def test_samples_of_vectors(vector_model):
    figure = samples(vector_model, 7)
    assert [len(axes.lines) for axes in figure.axes] == [1] * 7
    assert not figure.legends


def test_figures_can_be_written_and_leave_nothing_behind(model, images, vector_model, tmp_path):
    before = plt.get_fignums(), dict(plt.rcParams)
    for i, figure in enumerate(
        [reconstructions(model, images), samples(model), samples(vector_model)]
    ):
        figure.savefig(tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").stat().st_size > 1000
    assert (plt.get_fignums(), dict(plt.rcParams)) == before


def test_labels_of_rows_are_inside_of_the_picture(model, images):
    figure = reconstructions(model, images, num=2)
    figure.savefig(io.BytesIO())
    for text in figure.axes[0].get_yticklabels():
        assert text.get_window_extent().x0 >= 0


def test_errors(model, images):
    with pytest.raises(ValueError, match="`model` must be built"):
        reconstructions(tfvae.VAE(latent_dim=2), images)
    with pytest.raises(ValueError, match="`model` must be built"):
        samples(tfvae.VAE(latent_dim=2))
    with pytest.raises(ValueError, match=r"`num`.*received 0"):
        reconstructions(model, images, num=0)
    with pytest.raises(ValueError, match=r"`num`.*received -1"):
        samples(model, -1)
    with pytest.raises(ValueError, match=r"`x` must have the shape \(n, 8, 8, 1\).*\(8, 8, 1\)"):
        reconstructions(model, images[0])
    with pytest.raises(ValueError, match="n ≥ 1"):
        reconstructions(model, images[:0])
