"""Layers that corrupt: how often, with what, when, and with which seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.networks import DroppedPatches, MaskingNoise, SaltAndPepper

X = np.random.default_rng(0).uniform(0.2, 0.8, size=(50, 12, 14, 2)).astype("float32")
LAYERS = [
    lambda **kw: SaltAndPepper(0.3, low=-1.0, high=2.0, **kw),
    lambda **kw: MaskingNoise(0.3, value=5.0, **kw),
    lambda **kw: DroppedPatches(0.3, patch_size=5, value=5.0, **kw),
]


@pytest.mark.parametrize("layer", LAYERS)
def test_only_in_training_and_by_its_seed(layer):
    noise = layer(seed=4)
    np.testing.assert_array_equal(noise(X), X)
    first, second = (np.asarray(noise(X, training=True)) for _ in range(2))
    assert first.dtype == X.dtype and first.shape == X.shape
    assert np.any(first != second) and np.any(first != X)
    np.testing.assert_array_equal(layer(seed=4)(X, training=True), first)
    assert np.any(np.asarray(layer(seed=5)(X, training=True)) != first)


@pytest.mark.parametrize("layer", LAYERS)
def test_config_compiling_and_symbols(layer):
    noise = layer(seed=4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(noise))
    assert again.get_config() == noise.get_config()
    compiled = tf.function(lambda x: again(x, training=True))
    np.testing.assert_array_equal(compiled(X), noise(X, training=True))
    by_xla = tf.function(lambda x: again(x, training=True), jit_compile=True)(X).numpy()
    assert abs(np.mean(by_xla != X) - 0.3) < 0.06  # Another generator of random numbers
    assert noise(keras.KerasTensor((None, 12, 14, 2))).shape == (None, 12, 14, 2)


def test_salt_and_pepper_have_half_the_rate_each():
    found = np.asarray(SaltAndPepper(0.3, low=-1.0, high=2.0, seed=0)(X, training=True))
    salt, pepper = np.mean(found == 2.0), np.mean(found == -1.0)
    error = 4.0 * np.sqrt(0.15 * 0.85 / X.size)
    assert abs(salt - 0.15) < error and abs(pepper - 0.15) < error
    kept = (found != 2.0) & (found != -1.0)
    np.testing.assert_array_equal(found[kept], X[kept])


def test_masking_keeps_the_others_as_they_are():
    found = np.asarray(MaskingNoise(0.3, value=5.0, seed=0)(X, training=True))
    masked = found == 5.0
    assert abs(masked.mean() - 0.3) < 4.0 * np.sqrt(0.3 * 0.7 / X.size)
    np.testing.assert_array_equal(found[~masked], X[~masked])
    vectors = np.ones((7, 3), "float32")
    assert set(np.unique(MaskingNoise(0.5, seed=0)(vectors, training=True))) == {0.0, 1.0}


def test_patches_are_dropped_whole_with_all_channels():
    size, rows, columns = 5, 3, 3  # 12×14 pixels: the last patches are cut off.
    found = np.asarray(DroppedPatches(0.3, patch_size=size, value=5.0, seed=0)(X, training=True))
    dropped = []
    for i in range(rows):
        for j in range(columns):
            patch = np.s_[:, size * i : size * (i + 1), size * j : size * (j + 1)]
            gone = np.all(found[patch] == 5.0, axis=(1, 2, 3))
            np.testing.assert_array_equal(found[patch][~gone], X[patch][~gone])
            dropped.append(gone)
    assert abs(np.mean(dropped) - 0.3) < 4.0 * np.sqrt(0.3 * 0.7 / np.size(dropped))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_none_or_all(rate):
    for layer in (SaltAndPepper(rate), MaskingNoise(rate), DroppedPatches(rate)):
        changed = np.asarray(layer(X, training=True)) != X
        assert np.all(changed) if rate else not np.any(changed)


def test_half_precision_keeps_its_dtype():
    x = tf.cast(X, tf.bfloat16)
    for layer in (SaltAndPepper(0.3), MaskingNoise(0.3), DroppedPatches(0.3)):
        assert layer(x, training=True).dtype == tf.bfloat16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SaltAndPepper(1.5), r"`rate` must lie in \[0, 1\], received 1.5"),
        (lambda: MaskingNoise(-0.1), r"`rate` must lie in \[0, 1\], received -0.1"),
        (lambda: MaskingNoise(value=np.nan), "`value` must lie in"),
        (lambda: SaltAndPepper(high=np.inf), "`high` must lie in"),
        (lambda: DroppedPatches(patch_size=0), "`patch_size` must be a whole number"),
        (lambda: MaskingNoise(seed=0.5), "`seed` must be a whole number"),
        (
            lambda: DroppedPatches()(np.ones((3, 4), "float32"), training=True),
            "must be images, .*MaskingNoise takes data of any shape",
        ),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
