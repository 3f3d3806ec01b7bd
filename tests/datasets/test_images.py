"""The pendulum's rod and the area average."""

import numpy as np
import pytest

from tfvae.datasets import area_average, pendulum_images


def _direction(image):
    """Angle of an image by its moments: the principal axis, pointed to the centre of mass."""
    size = len(image)
    centres = np.arange(size) + 0.5 - size / 2
    x, y = np.meshgrid(centres, -centres)
    weights = image / image.sum()
    mean = np.array([(weights * x).sum(), (weights * y).sum()])
    points = np.stack([x - mean[0], y - mean[1]], -1)
    covariance = np.einsum("hw,hwi,hwj->ij", weights, points, points)
    axis = np.linalg.eigh(covariance)[1][:, -1]
    axis = axis * np.sign(axis @ mean)
    return np.arctan2(axis[1], axis[0])


@pytest.mark.parametrize("size", [16, 33])
def test_principal_axis_is_the_angle(size):
    angles = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    images = pendulum_images(angles, size=size, noise=0)
    found = np.array([_direction(image[..., 0].astype(np.float64)) for image in images])
    assert np.max(np.abs(np.angle(np.exp(1j * (found - angles))))) < 0.03


def test_rod_matches_a_loop_over_pixels():
    size, angle = 12, 0.7
    image = pendulum_images([angle], size=size, noise=0)[0, ..., 0]
    tip = 7 / 16 * size * np.array([np.cos(angle), np.sin(angle)])
    for row in range(size):
        for column in range(size):
            point = np.array([column + 0.5 - size / 2, size / 2 - row - 0.5])
            # The nearest of very many points of the rod.
            rod = np.linspace(0, 1, 20001)[:, None] * tip
            distance = np.min(np.linalg.norm(rod - point, axis=1))
            expected = np.clip(size / 16 + 0.5 - distance, 0, 1)
            assert image[row, column] == pytest.approx(expected, abs=2e-3)


def test_noise_has_the_given_deviation_and_seed():
    angles = np.full(500, 0.3)
    clean = pendulum_images(angles, noise=0)
    noisy = pendulum_images(angles, noise=0.05, seed=1)
    assert noisy.dtype == np.float32
    assert noisy.shape == (500, 16, 16, 1)
    assert noisy.min() >= 0 and noisy.max() <= 1
    inner = (clean > 0.3) & (clean < 0.7)
    assert np.std((noisy - clean)[inner]) == pytest.approx(0.05, rel=0.05)
    # Where the image is black, clipping leaves the positive half: mean σ/√(2π).
    assert np.mean(noisy[clean == 0]) == pytest.approx(0.05 / np.sqrt(2 * np.pi), rel=0.02)
    np.testing.assert_array_equal(noisy, pendulum_images(angles, noise=0.05, seed=1))
    assert np.any(noisy != pendulum_images(angles, noise=0.05, seed=2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"angles": 0.5}, "`angles` must be"),
        ({"angles": [[0.5]]}, "`angles` must be"),
        ({"angles": [np.nan]}, "NaN"),
        ({"angles": [0.0], "size": 3}, "`size` must be"),
        ({"angles": [0.0], "noise": -1}, "`noise` must lie"),
    ],
)
def test_pendulum_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        pendulum_images(**arguments)


def test_area_average_matches_a_loop():
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 12))
    small = area_average(images, 4)
    for i in range(4):
        for j in range(4):
            block = images[:, 3 * i : 3 * i + 3, 3 * j : 3 * j + 3]
            np.testing.assert_allclose(small[:, i, j], block.mean((1, 2)), rtol=1e-6)


def test_area_average_errors():
    with pytest.raises(ValueError, match=r"`size` must be a divisor .* 12 pixels, received 5"):
        area_average(np.zeros((12, 12)), 5)
    with pytest.raises(ValueError, match="`images` must have shape"):
        area_average(np.zeros((12, 10)), 2)
