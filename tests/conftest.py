"""Settings and data shared by all tests."""

import gc
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.ops import gen_resource_variable_ops

# Tracing makes millions of objects that live long: the collector's default looks through them all
# again and again, which takes a good part of the time of a test run.
gc.set_threshold(200_000, 50, 1_000)

# Two logical CPUs, for the tests of tf.distribute; all else runs on the first.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


# The name of a variable is an attribute of the kernel that makes it, and to make a kernel takes
# TensorFlow far longer than to run it: a third of the time of tests that make many models.
_var_handle_op = gen_resource_variable_ops.var_handle_op
gen_resource_variable_ops.var_handle_op = lambda **arguments: _var_handle_op(
    **{**arguments, "debug_name": ""}
)


# Tests and files that are slow without a mark of their own; tests/durations.py writes the list.
SLOW = frozenset((pathlib.Path(__file__).parent / "slow.txt").read_text().splitlines())


def pytest_addoption(parser):
    """Adds the file that `tests/durations.py` reads."""
    parser.addoption("--durations-file", help="file to add a line to for each test: seconds of CPU")


def pytest_configure(config):
    """Leaves out TensorFlow's graph optimizer in quick runs; it pays where steps are many."""
    if config.getoption("markexpr") == "not slow":
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks the tests of slow.txt."""
    for item in items:
        if not SLOW.isdisjoint((item.nodeid, item.nodeid.partition("::")[0])):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Writes the seconds of CPU of a test, its fixtures and its processes included."""
    before = _cpu_seconds()
    result = yield
    if file := item.config.getoption("durations_file"):
        with open(file, "a") as lines:
            lines.write(f"{_cpu_seconds() - before:.2f} {item.nodeid}\n")
    return result


def _cpu_seconds():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


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
