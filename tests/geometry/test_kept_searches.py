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

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, x):
        if tf.inside_function():
            self.count(1)
        return x


def counted(discrete=None):
    counts = []
    decoder = keras.Sequential([keras.layers.Dense(4, "tanh"), Traced(counts.append)])
    vae = tfvae.VAE(2, decoder=decoder, discrete=discrete, seed=0)
    vae.build((None, 4))
    counts.clear()
    return vae, counts


@pytest.fixture
def made(monkeypatch):
    """The settings of all searches that are made; they find straight lines, untraced."""
    settings = []

    def straight(nodes, z_start, z_end, held):
        curves = np.linspace(z_start, z_end, SETTINGS["num_points"], axis=1)
        return tf.constant(curves), tf.fill([len(z_start)], True), tf.constant(1)

    def search(mean, *args):
        settings.append(args)
        return straight

    monkeypatch.setattr(module, "_search", search)
    return settings


def test_a_second_search_of_a_model_is_not_traced_and_sees_new_weights():
    vae, counts = counted()
    first = geodesics(vae, *Z, batch_size=2, **SETTINGS)  # the last batch has one pair
    (search,) = vars(vae)["_geodesic_searches"].values()
    assert counts and search.experimental_get_tracing_count() == 1
    counts.clear()
    np.testing.assert_allclose(geodesics(vae, *Z, **SETTINGS).points, first.points, atol=1e-5)
    weight = vae.decoder.layers[0].kernel
    weight.assign(3.0 * weight)
    later = geodesics(vae, *Z[:, :3], **SETTINGS)
    assert not counts
    expected = geodesics(lambda z: vae.decode_mean(z), *Z[:, :3], **SETTINGS)
    np.testing.assert_allclose(later.points, expected.points, atol=1e-5)
    np.testing.assert_allclose(later.lengths, expected.lengths, rtol=1e-5)
    assert not np.allclose(later.lengths, first.lengths[:3], rtol=0.1)


def test_other_settings_and_what_is_held_are_another_search(made):
    vae, _ = counted(tfvae.discrete.Labels(3))
    held = np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]
    for other in ({"tolerance": 1e-2}, {"max_iterations": 1}, {"num_nodes": 3}, {}):
        geodesics(vae, *Z, held=held, **{**SETTINGS, **other})
    assert made == [
        (2, 3, 2, 8, 1e-2, 5),
        (2, 3, 2, 8, 1e-4, 1),
        (2, 3, 3, 8, 1e-4, 5),
        (2, 3, 2, 8, 1e-4, 5),
    ]
    geodesics(vae, *Z[:, :2], held=held[:2], **SETTINGS)
    assert len(made) == 4
    of_category = decoder_mean(vae, y=1)
    for _ in range(2):
        geodesics(of_category, *Z, **SETTINGS)
    assert made[4:] == [(2, 0, 2, 8, 1e-4, 5)]
    geodesics(decoder_mean(vae, y=2), *Z, **SETTINGS)
    assert len(made) == 6


def test_a_function_of_ones_own_is_compiled_anew(made):
    def mean(z):
        return 2.0 * z

    for _ in range(2):
        geodesics(mean, *Z, **SETTINGS)
    assert len(made) == 2


def test_a_model_that_keeps_searches_is_still_let_go(made):
    vae, _ = counted()
    geodesics(vae, *Z, **SETTINGS)
    vars(vae)["_geodesic_searches"]["itself"] = vae
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


def test_a_distance_matrix_holds_the_curves_of_some_pairs_and_compiles_once(made, monkeypatch):
    vae, _ = counted(tfvae.discrete.Labels(3))
    z = Z[0]
    mean = decoder_mean(vae, y=2)
    whole = distance_matrix(mean, z, **SETTINGS)
    asked = []

    def recorded(mean, z_start, *args, **kwargs):
        asked.append(len(z_start))
        return geodesics(mean, z_start, *args, **kwargs)

    monkeypatch.setattr(distances, "PAIRS_AT_A_TIME", 4)
    monkeypatch.setattr(distances, "geodesics", recorded)
    np.testing.assert_allclose(distance_matrix(mean, z, **SETTINGS), whole, rtol=1e-5)
    assert asked == [4, 4, 2] and len(made) == 1
    # A function of one's own is compiled once for all pairs; rows that are held go with theirs.
    held = np.eye(3, dtype="float32")[np.full(10, 2)]
    options = {"held": held, "start": np.stack([z[i] for i in np.triu_indices(5, k=1)], axis=1)}

    def own(points, rows):
        return vae.decode_mean(tf.concat([points, rows], axis=-1))

    np.testing.assert_allclose(distance_matrix(own, z, **options, **SETTINGS), whole, rtol=1e-4)
    assert len(made) == 2
