"""Settings and data shared by all tests."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf

# Tracing makes millions of objects that live long: the collector's default looks through them all
# again and again, which takes a good part of the time of a test run.
gc.set_threshold(200_000, 50, 1_000)

# Two logical CPUs, for the tests of tf.distribute; all else runs on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture(autouse=True)
def _seeded():
    """Every test starts from the same random state, whatever ran before it."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def blobs():
    """128 examples of 8×6×1 in [0, 1]: two patterns of varying strength, with noise."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(size=(2, 8, 6, 1))
    strength = rng.uniform(size=(128, 2))
    x = np.einsum("bp,phwc->bhwc", strength, patterns) / 2 + 0.02 * rng.normal(size=(128, 8, 6, 1))
    return np.clip(x, 0.0, 1.0).astype("float32")


@pytest.fixture(scope="session")
def mirrored():
    """A strategy of two replicas, one for the whole process.

    Two of them in one process use the same keys for their reductions, and TensorFlow takes those of
    another model's gradients for each other's.
    """
    return tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])


@pytest.fixture
def flipped():
    """A function that yields copies of bytes with one bit turned, and the place of its byte."""

    def flips(data, number, seed=0):
        rng = np.random.default_rng(seed)
        for position in rng.integers(8 * len(data), size=number):
            place, bit = divmod(int(position), 8)
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            yield bytes(damaged), place

    return flips
