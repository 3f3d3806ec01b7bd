"""The layer that takes the unit of the data off, and puts it on again."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.networks import Standardize, default_decoder, default_encoder
from tfvae.objectives import GECO, REWO, Constrained


def built(**kwargs):
    layer = Standardize(**kwargs)
    layer.build((None, 3))
    return layer


def test_mean_and_deviation_of_the_first_batch():
    rng = np.random.default_rng(0)
    x = rng.normal(7.0, 3.0, size=(50, 4, 3)).astype("float32")
    layer, back = built(), built(inverse=True)
    np.testing.assert_array_equal(layer(x), x)
    for one in (layer, back):
        one.observe(x)
        one.observe(x + 100.0)  # not the first
    np.testing.assert_allclose(layer(x), (x - x.mean()) / x.std(), atol=1e-5)
    np.testing.assert_allclose(back(layer(x)), x, atol=1e-5)


def test_weights_count_and_what_has_none_may_be_anything():
    x = np.array([[1.0, 2.0, 3.0], [5.0, 6.0, 10.0], [np.nan, np.inf, 0.0]], "float32")
    weights = np.array([2.0, 1.0, 0.0], "float32")
    layer = built()
    layer.observe(tf.constant(x), tf.constant(weights))
    mean = np.average(x[:2].mean(1), weights=weights[:2])
    variance = np.average(((x[:2] - mean) ** 2).mean(1), weights=weights[:2])
    np.testing.assert_allclose([layer.mean, layer.deviation**2], [mean, variance], rtol=1e-6)


def test_missing_values_do_not_count():
    x = np.random.default_rng(0).normal(7.0, 3.0, size=(50, 3)).astype("float32")
    x[np.random.default_rng(1).uniform(size=x.shape) < 0.3] = np.nan
    layer = built()
    layer.observe(tf.constant(x), tf.ones([50]))
    found = [layer.mean, layer.deviation]
    np.testing.assert_allclose(found, [np.nanmean(x), np.nanstd(x)], rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.3, 1e6, np.nan, np.inf])
def test_a_batch_without_spread_is_waited_over(value):
    layer = built()
    layer.observe(tf.fill([8, 3], tf.constant(value, tf.float32)))
    assert [float(one) for one in (layer.mean, layer.deviation, layer.known)] == [0.0, 1.0, 0.0]
    layer.observe(tf.constant([[0.0, 2.0]]))
    assert [float(one) for one in (layer.mean, layer.deviation, layer.known)] == [1.0, 1.0, 1.0]


def test_half_precision_reads_large_numbers():
    layer = Standardize(dtype="mixed_float16")
    layer.build((None, 1))
    x = np.array([[1e6], [3e6]], "float32")
    layer.observe(tf.constant(x))
    assert layer(x).dtype == tf.float16
    np.testing.assert_allclose(layer(x), [[-1.0], [1.0]])
    assert layer(keras.KerasTensor((None, 1))).dtype == "float16"


def test_where_models_have_it():
    vae, of_bits = tfvae.VAE(2), tfvae.VAE(2, likelihood="bernoulli")
    topographic = tfvae.TopographicVAE(4)
    vae.build((None, 5))
    of_bits.build((None, 5))
    topographic.build((None, 4, 5))
    directions = [[one.inverse for one in model.standardizing] for model in (vae, of_bits)]
    assert directions == [[False, True], [False]]
    assert sorted(one.inverse for one in topographic.standardizing) == [False, False, True]


def test_saved_and_loaded(tmp_path):
    x = np.random.default_rng(0).normal(50.0, 9.0, size=(64, 5)).astype("float32")
    vae = tfvae.VAE(2, seed=0)
    vae.compile()
    vae.fit(x, verbose=0)
    vae.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), vae.predict(x, verbose=0))
    assert float(loaded.standardizing[0].known) == 1.0


def test_a_step_that_failed_leaves_no_unit():
    vae = tfvae.VAE(2, seed=0)
    vae.compile()
    x = np.full((8, 3), 2.0, "float32")
    x[1:] = 3e38
    with pytest.raises(FloatingPointError):
        vae.fit(x, verbose=0)
    assert [float(one.known) for one in vae.standardizing] == [0.0, 0.0]


slow = pytest.mark.slow


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_in_a_model(policy):
    """3000 ± 1 has eight numbers in float16."""
    x = (3000.0 + np.random.default_rng(0).normal(size=(64, 5))).astype("float32")
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        vae = tfvae.VAE(2, seed=0)
        vae.compile()
        vae.fit(x, batch_size=64, verbose=0)
        assert vae.encoder.layers[1].compute_dtype != "float32"
        probe = keras.Model(vae.encoder.inputs, vae.encoder.layers[0].output)
        np.testing.assert_allclose(probe(x), (x - x.mean()) / x.std(), atol=0.01)
    finally:
        keras.config.set_dtype_policy(previous)


def test_an_offset_changes_nothing():
    x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
    rates = []
    for offset in (0.0, 64.0):
        vae = tfvae.VAE(2, seed=0)
        vae.compile()
        rates.append(vae.fit(x + offset, shuffle=False, epochs=5, verbose=0).history["rate"][-1])
    assert rates[0] == pytest.approx(rates[1], rel=1e-3)


MISPLACED = {
    "condition": lambda: {"condition": keras.Sequential([Standardize(), keras.layers.Dense(2)])},
    "latents": lambda: {"decoder": keras.Sequential([Standardize(), keras.layers.Dense(3)])},
    "end of an encoder": lambda: {
        "encoder": keras.Sequential([keras.layers.Dense(3), Standardize(inverse=True)])
    },
}


@pytest.mark.parametrize("name", MISPLACED)
def test_elsewhere_it_is_refused(name):
    vae = tfvae.VAE(2, **MISPLACED[name]())
    shape = ((None, 3), {"condition": (None, 4)}) if name == "condition" else (None, 3)
    with pytest.raises(ValueError, match="`Standardize` must stand in an encoder"):
        vae.build(shape)


def test_a_bounded_decoder_is_seen_through_it():
    layers = [keras.layers.Dense(3, "sigmoid"), Standardize(inverse=True)]
    vae = tfvae.VAE(2, decoder=keras.Sequential(layers))
    vae.compile()
    with pytest.raises(ValueError, match="`decoder` must reach the data"):
        vae.fit(10.0 + np.random.default_rng(0).normal(size=(32, 3)), verbose=0)


def test_data_in_another_unit_later_are_warned_of(tmp_path):
    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    vae = tfvae.VAE(2, seed=0)
    vae.compile()
    vae.fit(x, verbose=0)
    vae.save(tmp_path / "model.keras")
    for model in (vae, keras.models.load_model(tmp_path / "model.keras")):
        for other in (100.0 * x, 0.01 * x, x + 50.0):
            with pytest.warns(UserWarning, match="in the unit of the first training, where its"):
                model.fit(other, verbose=0)


OBJECTIVES = {
    "rewo": lambda unit: Constrained(kappa=0.5 * unit, multiplier=REWO()),
    "geco": lambda unit: Constrained(kappa=0.5 * unit, multiplier=GECO()),
    "automatic": lambda unit: Constrained(),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=slow) for name in ("rewo", "geco")] + ["automatic"]
)
def test_the_unit_of_the_data_changes_nothing(name):
    """The same rate to 1%, the same reconstructions relative to their scale."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 3)) @ rng.normal(size=(3, 8)) + 0.3 * rng.normal(size=(512, 8)) + 1.0
    found = []
    for unit in (0.1, 1.0, 10.0):
        vae = tfvae.VHPVAE(3, objective=OBJECTIVES[name](unit), seed=0)
        vae.compile(keras.optimizers.Adam(1e-3))
        history = vae.fit(unit * x, batch_size=128, epochs=20, shuffle=False, verbose=0).history
        found.append((history["rate"][-1], vae.predict(unit * x, verbose=0) / unit))
    for rate, reconstructions in (found[0], found[2]):
        assert rate == pytest.approx(found[1][0], rel=0.01)
        rms = np.sqrt(np.mean((reconstructions - found[1][1]) ** 2))
        assert rms < 0.01 * np.std(x)


def test_builders():
    shape = (28, 28, 1)
    assert isinstance(default_encoder(shape).layers[0], Standardize)
    assert default_decoder(shape).layers[-1].inverse
    assert not isinstance(default_decoder(shape, means=False).layers[-1], Standardize)
    with pytest.raises(ValueError, match="`inverse` must be True or False"):
        Standardize(inverse=1)
