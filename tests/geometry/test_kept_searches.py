"""Searches for geodesics are compiled once for a model, and curves are held a part at a time."""

import gc
import importlib
import weakref

import keras
import numpy as np
import pytest
import scipy.interpolate
import tensorflow as tf

import tfvae
from tfvae.geometry import curve_length, decoder_mean, distance_matrix, geodesics

module = importlib.import_module("tfvae.geometry.geodesics")
distances = importlib.import_module("tfvae.geometry.distances")

Z = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
SETTINGS = {"num_nodes": 2, "num_points": 8, "max_iterations": 5}


class Traced(keras.layers.Layer):
    """A layer that counts how often it is traced."""

    def __init__(self, counts, **kwargs):
        super().__init__(**kwargs)
        self.counts = counts

    def call(self, x):
        if tf.inside_function():
            self.counts.append(1)
        return x


def counted(discrete=None):
    counts = []
    decoder = keras.Sequential([keras.layers.Dense(4, "tanh"), Traced(counts)])
    vae = tfvae.VAE(2, decoder=decoder, discrete=discrete, seed=0)
    vae.build((None, 4))
    counts.clear()
    return vae, counts


def test_a_second_search_of_a_model_is_not_traced_and_sees_new_weights():
    vae, counts = counted()
    first = geodesics(vae, *Z, **SETTINGS)
    assert counts
    counts.clear()
    np.testing.assert_array_equal(geodesics(vae, *Z, **SETTINGS).points, first.points)
    weight = vae.decoder.layers[0].kernel
    weight.assign(3.0 * weight)
    later = geodesics(vae, *Z[:, :3], **SETTINGS)  # fewer pairs
    assert not counts
    expected = geodesics(lambda z: vae.decode_mean(z), *Z[:, :3], **SETTINGS)
    np.testing.assert_allclose(later.points, expected.points, atol=1e-5)
    np.testing.assert_allclose(later.lengths, expected.lengths, rtol=1e-5)
    assert not np.allclose(later.lengths, first.lengths[:3], rtol=0.1)


def test_a_last_batch_of_another_size_is_not_traced_again():
    vae, counts = counted()
    geodesics(vae, *Z, batch_size=5, **SETTINGS)
    of_one = len(counts)
    vae, counts = counted()
    geodesics(vae, *Z, batch_size=2, **SETTINGS)
    assert len(counts) == of_one


@pytest.mark.parametrize(
    "other", [{"tolerance": 1e-2}, {"max_iterations": 1}, {"num_nodes": 3}, {"num_points": 9}]
)
def test_other_settings_are_another_search(other):
    vae, counts = counted()
    geodesics(vae, *Z, **SETTINGS)
    counts.clear()
    found = geodesics(vae, *Z, **{**SETTINGS, **other})
    assert counts
    assert found.points.shape[1] == {**SETTINGS, **other}["num_points"]


def test_what_is_held_is_another_search():
    vae, counts = counted(tfvae.discrete.Labels(3))
    held = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]
    geodesics(vae, *Z, held=held, **SETTINGS)
    counts.clear()
    found = geodesics(vae, *Z, held=held[::-1], **SETTINGS)
    assert not counts
    own = decoder_mean(vae, y=1)
    of_one = geodesics(own, *Z, **SETTINGS)
    np.testing.assert_allclose(found.points[0], of_one.points[0], atol=1e-4)
    counts.clear()
    geodesics(own, *Z, **SETTINGS)
    assert not counts


def test_a_function_of_ones_own_is_compiled_anew():
    scale = [1.0]
    lengths = []
    for scale[0] in (1.0, 2.0):
        lengths.append(geodesics(lambda z: scale[0] * z, *Z, **SETTINGS).lengths)
    np.testing.assert_allclose(lengths[1], 2.0 * lengths[0], rtol=1e-5)


def test_a_model_that_keeps_searches_is_still_let_go():
    vae, _ = counted()
    geodesics(vae, *Z, **SETTINGS)
    gone = weakref.ref(vae)
    keras.backend.clear_session()
    del vae
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("subdivisions", [1, 3])
def test_lengths_of_curves_in_parts(subdivisions, monkeypatch):
    def mean(z):
        return tf.concat([z, tf.sin(3.0 * z)], axis=1)

    curves = np.random.default_rng(1).normal(size=(7, 6, 2)).astype("float32")
    steps = np.arange(5 * subdivisions + 1) / subdivisions
    fine = scipy.interpolate.interp1d(np.arange(6), curves, axis=1)(steps)
    x = np.concatenate([fine, np.sin(3.0 * fine)], axis=-1)
    expected = np.linalg.norm(np.diff(x, axis=1), axis=-1).sum(axis=1)
    sizes = []

    def interp1d(times, part, axis):
        sizes.append(len(part))
        return scipy.interpolate.CubicSpline(times, part, axis=axis)

    monkeypatch.setattr(module, "NUMBERS_AT_A_TIME", 2 * len(steps) * 4)
    found = curve_length(mean, curves, subdivisions=subdivisions)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    monkeypatch.setattr(module.scipy.interpolate, "interp1d", interp1d)
    curve_length(mean, curves, subdivisions=subdivisions)
    assert sizes == ([] if subdivisions == 1 else [2, 2, 2, 1])


def test_a_distance_matrix_holds_the_curves_of_some_pairs_and_traces_once(monkeypatch):
    vae, counts = counted(tfvae.discrete.Labels(3))
    z = Z[0]
    mean = decoder_mean(vae, y=2)
    whole = distance_matrix(mean, z, **SETTINGS)
    traces = len(counts)
    counts.clear()
    asked = []

    def recorded(mean, z_start, *args, **kwargs):
        asked.append(len(z_start))
        return geodesics(mean, z_start, *args, **kwargs)

    monkeypatch.setattr(distances, "PAIRS_AT_A_TIME", 4)
    monkeypatch.setattr(distances, "geodesics", recorded)
    np.testing.assert_allclose(distance_matrix(mean, z, **SETTINGS), whole, rtol=1e-5)
    assert asked == [4, 4, 2] and not counts
    # A function of one's own is compiled once for all pairs; rows that are held go with theirs.
    held = np.eye(3, dtype="float32")[np.full(10, 2)]
    options = {"held": held, "start": np.stack([z[i] for i in np.triu_indices(5, k=1)], axis=1)}

    def own(points, rows):
        return vae.decode_mean(tf.concat([points, rows], axis=-1))

    np.testing.assert_allclose(distance_matrix(own, z, **options, **SETTINGS), whole, rtol=1e-4)
    assert len(counts) == traces
