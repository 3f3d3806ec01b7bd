"""Calls that are right give no warning, in Python's way or in TensorFlow's."""

import logging
import warnings

import numpy as np
import pytest
import tensorflow as tf

import tfvae


@pytest.fixture
def quiet():
    """Fails if anything was said but a DeprecationWarning, which is for Keras' authors."""
    said = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())
    # Keras' own function is counted over all the models of a process, which are many here.
    handler.addFilter(lambda record: "multi_step_on_iterator" not in record.getMessage())
    logging.getLogger("tensorflow").addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    logging.getLogger("tensorflow").removeHandler(handler)
    said += [str(w.message) for w in caught if w.category is not DeprecationWarning]
    assert not said


def small():
    mlp = tfvae.networks.mlp
    return tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)), seed=0)


X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")


@pytest.mark.parametrize("kind", ["array", "dataset", "generator"])
def test_fit_does_not_warn_of_keras_own_default(quiet, kind):
    model = small()
    model.compile("adam")
    if kind == "array":
        model.fit(X, verbose=0, validation_split=0.5)
    elif kind == "dataset":
        data = tf.data.Dataset.from_tensor_slices(X).batch(10)
        model.fit(data, validation_data=data, verbose=0)
    else:
        model.build(X.shape)
        model.fit(((X,) for _ in range(4)), steps_per_epoch=2, epochs=2, verbose=0)


def test_likelihoods_of_several_models_do_not_count_as_retracing(quiet):
    for _ in range(7):
        model = small()
        model.build(X.shape)
        model.log_likelihood(X, 3)


@pytest.mark.slow
def test_several_searches_for_geodesics_do_not_count_as_retracing(quiet):
    for _ in range(7):
        tfvae.geometry.geodesics(
            tf.identity, [[0.0, 0.0]], [[1.0, 1.0]], num_nodes=1, max_iterations=1
        )
