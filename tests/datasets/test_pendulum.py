"""The pendulum builder."""

import numpy as np
import pytest

from tfvae.datasets import Pendulum, PendulumConfig, pendulum_images


def _read(builder, split):
    rows = list(builder.as_dataset(split=split).as_numpy_iterator())
    return np.stack([row["image"] for row in rows]), np.stack([row["label"] for row in rows])


def test_builder(prepared):
    config = PendulumConfig(size=12, noise=0.0, num_train=1500, num_test=40, seed=3)
    builder = Pendulum(config=config, data_dir=prepared)
    builder.download_and_prepare()
    images, angles = _read(builder, "train")
    assert images.shape == (1500, 12, 12, 1)
    assert images.dtype == angles.dtype == np.float32
    # Uniform in [0, 2π): the distance of Kolmogorov and Smirnov, at the level of 1 in 1000.
    steps = np.arange(1, 1501) / 1500
    assert np.max(np.abs(np.sort(angles) / (2 * np.pi) - steps)) < 1.95 / np.sqrt(1500)
    np.testing.assert_array_equal(images, pendulum_images(angles, size=12, noise=0))
    _, test_angles = _read(builder, "test")
    assert test_angles.shape == (40,)
    assert not set(test_angles) & set(angles)


def test_noise_is_drawn_for_each_image(prepared):
    config = PendulumConfig(noise=0.1, num_train=1100, num_test=1)
    builder = Pendulum(config=config, data_dir=prepared)
    builder.download_and_prepare()
    images, angles = _read(builder, "train")
    # The noise in a corner, where the rod never comes and half the draws are clipped.
    corners = images[:, 0, 0, 0]
    assert len(set(corners[corners > 0])) > 500
    assert np.std(images - pendulum_images(angles, noise=0)) > 0.05


def test_names_tell_all_options():
    changes = [{"size": 20}, {"noise": 0.1}, {"num_train": 9}, {"num_test": 9}, {"seed": 1}]
    names = {PendulumConfig(**change).name for change in [{}, *changes, {"name": "mine"}]}
    assert len(names) == 7
    assert PendulumConfig().name == PendulumConfig(name=PendulumConfig().name).name


@pytest.mark.parametrize("options", [{"num_train": 0}, {"num_test": -1}, {"seed": -1}])
def test_errors(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        PendulumConfig(**options)
