"""Colour histograms against a loop over pixels."""

import keras
import numpy as np
import pytest

import tfvae
from tfvae.networks import ColorHistogram


def by_loop(image, bins, stripes, width):
    height, columns, _ = image.shape
    counts = np.zeros((stripes, bins, bins, bins))
    totals = np.zeros(stripes)
    for row in range(height):
        for column in range(columns):
            place = np.linspace(-1, 1, columns)[column]
            weight = np.exp(-0.5 * (place / width) ** 2)
            stripe = row * stripes // height
            totals[stripe] += weight
            shares = []
            for channel in range(3):
                at = image[row, column, channel] * (bins - 1)
                share = np.zeros(bins)
                low = min(int(at), bins - 2)
                share[low], share[low + 1] = 1 - (at - low), at - low
                shares.append(share)
            counts[stripe] += weight * np.einsum("i,j,k->ijk", *shares)
    return np.sqrt(bins**3 * counts / totals[:, None, None, None]).ravel()


@pytest.mark.parametrize(("bins", "stripes", "width"), [(2, 1, 0.5), (5, 3, 0.3), (4, 2, np.inf)])
def test_against_a_loop_over_pixels(bins, stripes, width):
    images = np.random.default_rng(0).uniform(size=(2, 6, 5, 3)).astype("float32")
    images[0, 0, 0] = [0.0, 1.0, 1.0]
    found = ColorHistogram(bins, stripes, width)(images).numpy()
    for image, row in zip(images, found, strict=True):
        np.testing.assert_allclose(row, by_loop(image, bins, stripes, width), atol=2e-5)
    np.testing.assert_allclose(np.mean(found**2, axis=1), 1.0, rtol=1e-5)


def test_it_is_part_of_models_and_files(tmp_path):
    layer = ColorHistogram(3, 2)
    model = keras.Sequential([keras.layers.Input((4, 6, 3)), layer, keras.layers.Dense(2)])
    assert model.layers[0].compute_output_shape((None, 4, 6, 3)) == (None, 2 * 27)
    x = np.random.default_rng(0).uniform(size=(3, 4, 6, 3)).astype("float32")
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(x), model(x), rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (2, 4, 4, 1), (2, 4, 3)])
def test_images_that_do_not_fit(shape):
    with pytest.raises(ValueError, match=r"multiple of 2 stripes, received the shape"):
        ColorHistogram(4, 2)(np.zeros(shape, "float32"))


@pytest.mark.parametrize("arguments", [{"bins": 1}, {"stripes": 0}, {"width": 0.0}])
def test_arguments(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}`"):
        tfvae.networks.ColorHistogram(**arguments)
