"""Large arrays: the same numbers as in Keras' own way, without copies of the whole."""

import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.models import sharing


def aligned(values):
    """The same array in memory that starts where TensorFlow can use it."""
    memory = np.empty(values.nbytes + sharing.ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % sharing.ALIGNMENT
    found = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    found[...] = values
    return found


def unaligned(values):
    """The same array in memory that starts elsewhere."""
    memory = np.empty(values.nbytes + sharing.ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % sharing.ALIGNMENT + values.itemsize
    start %= sharing.ALIGNMENT
    found = memory[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    found[...] = values
    return found


def read_only(values):
    values = aligned(values)
    values.setflags(write=False)
    return values


def model(**options):
    networks = {
        "encoder": tfvae.networks.mlp([4]),
        "decoder": tfvae.networks.mlp([4], output_shape=(6,)),
    }
    vae = tfvae.VAE(2, likelihood="bernoulli", seed=0, **networks, **options)
    vae.compile("adam", run_eagerly=True)  # Nothing is traced, and the data go the same way.
    return vae


ZEROS_AND_ONES = np.random.default_rng(0).integers(0, 2, (70, 6))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "float64", ">f8", ">i2"])
@pytest.mark.parametrize("made", [aligned, unaligned, read_only, np.asfortranarray])
def test_every_array_becomes_the_tensor_that_keras_makes_of_it(dtype, made, monkeypatch):
    monkeypatch.setattr(sharing, "LARGE", 0)
    monkeypatch.setattr(sharing, "AT_A_TIME", 64)
    values = made(ZEROS_AND_ONES.astype(dtype) * 3)
    tensor = sharing.shared(values)
    assert tf.is_tensor(tensor)
    whole = np.dtype(dtype).kind != "f"
    assert tensor.dtype == (np.dtype(dtype).newbyteorder("=") if whole else "float32")
    np.testing.assert_array_equal(tensor.numpy(), values)


def test_aligned_memory_is_shared_and_other_memory_is_not(monkeypatch):
    monkeypatch.setattr(sharing, "LARGE", 0)
    for made, is_shared in ((aligned, True), (unaligned, False)):
        values = made(ZEROS_AND_ONES.astype("uint8"))
        tensor = sharing.shared(values)
        values[3, 4] = 9
        assert (int(tensor[3, 4]) == 9) == is_shared


@pytest.mark.parametrize(
    "value", [None, [1.0], np.zeros((3, 2)), np.array(["a"]), tf.zeros([2]), np.zeros(3, bool)]
)
def test_what_is_small_or_no_array_of_numbers_stays(value):
    assert sharing.shared(value) is value


def test_what_is_no_array_of_numbers_stays_however_large(monkeypatch):
    monkeypatch.setattr(sharing, "LARGE", 0)
    for value in (np.array(["a"]), np.zeros(3, bool), tf.zeros([2]), None):
        assert sharing.shared(value) is value


def test_fit_evaluate_and_predict_give_the_numbers_of_keras_own_way(monkeypatch):
    x = unaligned(ZEROS_AND_ONES[:40].astype("float64"))
    found = []
    for large in (2**60, 0):
        monkeypatch.setattr(sharing, "LARGE", large)
        keras.utils.set_random_seed(0)
        vae = model()
        weights = np.linspace(0.0, 1.0, len(x))
        history = vae.fit(x, validation_split=0.2, sample_weight=weights, batch_size=16, verbose=0)
        found.append((history.history, vae.evaluate(x, verbose=0), vae.predict(x, verbose=0)))
    (history, evaluated, predicted), others = found[0], found[1]
    for name, values in history.items():
        np.testing.assert_array_equal(values, others[0][name], name)
    assert evaluated == others[1]
    np.testing.assert_array_equal(predicted, others[2])


def test_targets_and_conditions_beside_x_are_shared_too(monkeypatch):
    monkeypatch.setattr(sharing, "LARGE", 0)
    x = ZEROS_AND_ONES.astype("uint8")
    vae = model(target="y", condition=2)
    y = {"target": 1 - x, "condition": np.eye(2)[x[:, 0]]}
    history = vae.fit(x, y, batch_size=70, validation_data=(x, y), verbose=0).history
    assert np.isfinite([*history["loss"], *history["val_loss"]]).all()
    assert vae.predict(x, {"condition": y["condition"]}, verbose=0).shape == x.shape


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize(("dtype", "share"), [("uint8", 0.1), ("float64", 0.6)])
def test_numpy_holds_no_copy_of_the_whole(method, dtype, share, monkeypatch):
    # Of float64 one copy is left, as float32; Keras' own way takes as much again, or more.
    size = 2**23 // np.dtype(dtype).itemsize
    x = aligned(np.zeros((size // 6, 6), dtype))
    monkeypatch.setattr(sharing, "LARGE", 2**20)
    monkeypatch.setattr(sharing, "AT_A_TIME", 2**18)
    steps = {"steps_per_epoch" if method == "fit" else "steps": 1}
    vae = model()
    vae.build((None, 6))
    vae.predict(x[:8], verbose=0)
    tracemalloc.start()
    try:
        with np.errstate(all="ignore"):
            getattr(vae, method)(x, batch_size=8, verbose=0, **steps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < share * x.nbytes + 2**20


def test_the_support_is_checked_in_parts(monkeypatch):
    from tfvae.models import inputs

    x = ZEROS_AND_ONES.astype("float32")
    vae = model()
    vae.build(x.shape)
    sizes = []
    allows = vae.likelihood.allows
    monkeypatch.setattr(inputs, "NUMBERS_AT_A_TIME", 60)
    monkeypatch.setattr(
        type(vae.likelihood), "allows", lambda _, x: sizes.append(len(x)) or allows(x)
    )
    inputs.check_support(vae, "x", x)
    assert sizes == [10] * 7
    x[12, 3] = x[50, 1] = 7.0
    with pytest.raises(ValueError, match=r"received 7 at \[12, 3\], and 2 such values in all"):
        inputs.check_support(vae, "x", x)
