"""Data of every kind in every method: the right numbers, or what is wrong and what to do."""

import decimal
import functools
import re
import tracemalloc

import keras
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import tensorflow as tf

import tfvae
from tfvae.models import units

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(16, 5)).astype("float32")
IMAGES = RNG.uniform(size=(16, 8, 8, 1)).astype("float32")
SERIES = RNG.normal(size=(25, 3)).astype("float32")
METHODS = ("fit", "evaluate", "predict", "encode", "log_likelihood")
LOOPS = METHODS[:3]


def compiled(cls=tfvae.VAE, latent_dim=2, **kwargs):
    model = cls(latent_dim, seed=0, **kwargs)
    model.compile("adam", run_eagerly=True)
    return model


def asked(method, data, y=None, **kwargs):
    """The answer of a new model of 16 examples."""
    keras.utils.set_random_seed(0)
    model = compiled(**kwargs)
    if method in LOOPS:
        return getattr(model, method)(data, y, verbose=0)
    answer = model.encode(data).mean() if method == "encode" else model.log_likelihood(data, 2)
    assert answer.shape[0] == 16
    return answer


def number(method, answer):
    if method == "fit":
        return answer.history["loss"][0]
    return answer["loss"] if method == "evaluate" else np.asarray(answer)


@functools.cache
def plain_answer(method):
    return number(method, asked(method, X))


class Batches(keras.utils.PyDataset):
    """Two elements: batches of arrays, or what `part` makes of them."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.part(index)


def slices(x):
    return tf.data.Dataset.from_tensor_slices(x)


def halves(wrap=lambda x: x, x=X):
    yield wrap(x[:8])
    yield wrap(x[8:])


def generated(x=X, signature=None, dtype=None):
    given = {"output_types": dtype} if dtype else {"output_signature": tf.TensorSpec(signature)}
    return tf.data.Dataset.from_generator(lambda: halves(x=x), **given)


def windows():
    return keras.utils.timeseries_dataset_from_array(
        SERIES, None, sequence_length=10, batch_size=8, sampling_rate=1
    )


def one_by_one(x):
    yield from ((one,) for one in x)


def ragged():
    return tf.ragged.constant([[1.0, 2.0], [3.0]] * 8)


# What cannot be used: what makes it, and the received thing and the remedy in the message.
REFUSED = {
    "masked": (lambda: np.ma.masked_array(X, X > 0.9), r"masked array with \d+ .*x\.filled"),
    "complex": (lambda: X + 1j, r"imaginary parts would be lost.*np\.stack"),
    "complex tensor": (lambda: tf.constant(X + 1j), r"imaginary parts.*np\.stack"),
    "text": (lambda: X.astype(str), r"the dtype <U.*astype"),
    "objects": (lambda: np.full((16, 2), "a", object), r"the dtype object.*astype"),
    "missing values": (
        lambda: pd.DataFrame({"a": X[:, 0], "b": [pd.NA] * 16}).astype({"b": "Float64"}),
        r"missing values in 'b'.*x\.fillna",
    ),
    "missing objects": (
        lambda: pd.DataFrame({"a": X[:, 0], "b": [None, *X[1:, 1]]}, dtype=object),
        r"missing values in 'b'.*x\.dropna",
    ),
    "dates": (lambda: np.full((16, 2), "2020-01-01", "datetime64[D]"), r"datetime64.*astype"),
    "table of names": (
        lambda: pd.DataFrame({"a": X[:, 0], "name": ["u"] * 16}),
        r"columns 'name': pandas\.get_dummies.*astype",
    ),
    "table with named fields": (
        lambda: np.array([(1.0, 2)] * 16, [("a", "f8"), ("b", "i8")]),
        r"structured_to_unstructured",
    ),
    "sparse": (lambda: scipy.sparse.csr_matrix(X), r"sparse csr_matrix.*toarray"),
    "sparse tensor": (lambda: tf.sparse.from_dense(X), r"SparseTensor.*to_dense"),
    "ragged": (ragged, r"RaggedTensor.*to_tensor"),
    "nothing": (lambda: None, r"None.*np\.asarray"),
    "a path": (lambda: "data.csv", r"data\.csv.*Load the data"),
    "a dict": (lambda: {"a": X[:, 0]}, r"dict.*np\.column_stack"),
    "a single number": (lambda: np.float32(3.0), r"batch axis and feature axes"),
    "no feature axis": (lambda: X[:, 0], r"x\[:, None\]"),
}
# The same of datasets and generators, which the loops take.
REFUSED_BATCHES = {
    "sparse": (lambda: slices(tf.sparse.from_dense(X)).batch(8), r"sparse tensors.*to_dense"),
    "ragged": (lambda: slices(ragged()).batch(8), r"ragged tensors.*to_tensor"),
    "dict": (lambda: slices({"a": X[:, 0], "b": X[:, 1]}).batch(8), r"dict of 2.*tf\.concat"),
    "text": (lambda: slices(X.astype(str)).batch(8), r"array of numbers"),
    "complex": (lambda: slices(X + 1j).batch(8), r"imaginary parts.*np\.stack"),
    "unbatched vectors": (lambda: slices(X), r"shape \(5,\).*dataset\.batch\(32\)"),
    "unbatched images": (lambda: slices(IMAGES).shuffle(4), r"\(8, 8, 1\).*dataset\.batch\(32\)"),
    "unbatched grey": (lambda: slices(IMAGES[..., 0]).map(lambda x: x), r"\(8, 8\).*batch\(32\)"),
    "unbatched again": (lambda: slices(IMAGES).batch(8).unbatch(), r"\(8, 8, 1\).*batch\(32\)"),
    "generated vectors": (
        lambda: tf.data.Dataset.from_generator(lambda: iter(X), tf.float32),
        r"\(5,\).*batch\(32\)",
    ),
    "generator of vectors": (lambda: one_by_one(X), r"\(5,\).*x\[None\]"),
    "generator of images": (lambda: one_by_one(IMAGES), r"\(8, 8, 1\).*x\[None\]"),
    "examples by index": (lambda: Batches(lambda index: X[index]), r"\(5,\).*x\[None\]"),
    "images by index": (lambda: Batches(lambda index: IMAGES[index]), r"\(8, 8, 1\).*x\[None\]"),
    "masked, generated": (
        lambda: halves(lambda x: (np.ma.masked_less(x, 0.5),)),
        r"masked array with",
    ),
    "lists, generated": (
        lambda: halves(lambda x: (x.tolist(),)),
        r"received a list of 8.*numpy\.asarray",
    ),
    "empty": (lambda: slices(X[:0]).batch(4), "at least one example"),
    "empty generator": (lambda: iter_nothing(), "at least one example"),
    "no feature axis": (lambda: slices(X[:, 0]).batch(8), r"x\[:, None\]"),
}


def iter_nothing():
    yield from ()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_cannot_be_used(name, method):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match=rf"(?s)`x` must .*received.*{message}|{message}"):
        asked(method, make())


@pytest.mark.parametrize("method", LOOPS)
@pytest.mark.parametrize("name", REFUSED_BATCHES)
def test_batches_that_cannot_be_used(name, method):
    make, message = REFUSED_BATCHES[name]
    with pytest.raises(ValueError, match=rf"(?s)`x` must .*{message}"):
        asked(method, make())


# The same examples in another guise: the numbers are those of the array.
USED = {
    "float64": lambda: X.astype("float64"),
    "long double": lambda: X.astype("longdouble"),
    "other byte order": lambda: X.astype(">f4"),
    "table": lambda: pd.DataFrame(X),
    "table of mixed types": lambda: pd.DataFrame(X).astype({0: "float64", 1: "Float64"}),
    "nullable table": lambda: pd.DataFrame(X).astype("Float64"),
    "decimal table": lambda: pd.DataFrame(X).map(lambda value: decimal.Decimal(float(value))),
    "objects": lambda: X.astype(object),
    "tensor": lambda: tf.constant(X),
    "nothing masked": lambda: np.ma.masked_array(X, False),
}
USED_BATCHES = {
    "generator": lambda: halves(),
    "generator of tuples": lambda: halves(lambda x: (x,)),
    "generator of pairs": lambda: halves(lambda x: (x, x)),
    "dataset": lambda: slices(X).batch(8),
    "whole batches": lambda: slices(X).batch(8, drop_remainder=True),
    "pairs": lambda: slices((X, X)).batch(8),
    "of unknown rank": lambda: generated(dtype=tf.float32),
    "of unknown length": lambda: generated(signature=(None, None)),
    "of a known shape": lambda: generated(signature=(8, 5)),
    "by index": lambda: Batches(lambda index: X[8 * index : 8 * index + 8]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", USED)
def test_arrays_in_another_guise(name, method):
    found = number(method, asked(method, USED[name]()))
    np.testing.assert_allclose(found, plain_answer(method), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*ran out of data")
@pytest.mark.parametrize("name", USED_BATCHES)
def test_batches_in_another_guise(name):
    """Seen through all of them: no batch is lost or read twice, and none is taken for another."""
    for built in (False, True):
        model = compiled()
        if built:
            model.build(X.shape)
        found = model.predict(USED_BATCHES[name](), batch_size=8, verbose=0)
        np.testing.assert_allclose(found, plain_answer("predict"), rtol=1e-5)
    assert np.isfinite(number("fit", asked("fit", USED_BATCHES[name]())))


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_windows_of_a_series(jit_compile):
    """Keras leaves the length of its windows open; the first batch tells it."""
    model = tfvae.SequenceVAE(
        2, encoder=tfvae.networks.mlp([4]), decoder=tfvae.networks.mlp([4], (3,))
    )
    model.compile("adam", jit_compile=jit_compile)
    model.fit(windows(), verbose=0)
    assert model.data_shape == (10, 3)
    x = np.stack([SERIES[start : start + 10] for start in range(16)])
    np.testing.assert_allclose(
        model.predict(windows(), verbose=0), model.predict(x, verbose=0), rtol=1e-5
    )


def test_windows_of_another_length_than_before():
    model = compiled(tfvae.SequenceVAE)
    model.build((None, 9, 3))
    with pytest.raises(ValueError, match=r"must have the shape \(batch, 9, 3\).*received"):
        model.fit(windows(), verbose=0)


def test_a_later_batch_of_another_length_is_refused():
    data = tf.data.Dataset.from_generator(
        lambda: iter([X, X[:, :4]]), output_signature=tf.TensorSpec((None, None))
    )
    with pytest.raises(ValueError, match=r"\(batch, 5\).*received \(16, 4\)"):
        asked("fit", data)
    model = compiled()
    model.compile("adam")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[16,4\].*\[\?,5\]"):
        model.fit(data, verbose=0)


@pytest.mark.parametrize("method", ["fit", "evaluate"])
@pytest.mark.parametrize("how", ["arrays", "dict", "dataset", "generator", "validation"])
def test_clean_data_that_would_be_ignored(method, how):
    clean = X + 1.0
    data = {
        "arrays": (X, clean),
        "dict": (X, {"target": clean}),
        "dataset": (slices((X, clean)).batch(8),),
        "generator": (iter_pair(X, clean),),
        "validation": (X,),
    }[how]
    options = {"validation_data": (X, clean)} if how == "validation" else {}
    if how == "validation" and method == "evaluate":
        pytest.skip("evaluate has none")
    with pytest.raises(ValueError, match=r'`y` must be None or equal to `x`.*target="y"'):
        getattr(compiled(), method)(*data, verbose=0, **options)


def iter_pair(x, y):
    yield x, y


def test_what_keras_users_give_beside_x_is_accepted():
    labels = np.arange(16) % 3
    one_hot = np.eye(3, dtype="float32")[labels]
    for y in (labels, one_hot, X, X.copy(), labels[:, None]):
        asked("fit", X, y)
    asked("fit", slices((X, labels)).batch(8))
    model = compiled(target="y")
    model.fit(X, X + 1.0, verbose=0)


def test_rounding_is_within_the_support():
    x = np.round(RNG.uniform(size=(16, 5))).astype("float32")
    rounded = np.where(x == 1.0, np.float32(1.0000001), np.float32(-1e-7))
    assert rounded.max() > 1.0
    for cls in (tfvae.VAE, tfvae.VHPVAE):  # whose automatic κ takes logarithms of x and 1 − x
        losses = []
        for data in (x, rounded):
            keras.utils.set_random_seed(0)
            model = compiled(cls, likelihood="bernoulli")
            losses.append(model.fit(data, verbose=0).history["loss"][0])
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    likelihoods = [asked("log_likelihood", one, likelihood="bernoulli") for one in (x, rounded)]
    np.testing.assert_allclose(*likelihoods, rtol=1e-4)
    with pytest.raises(ValueError, match=r"must be in \[0, 1\].*values from .* to 1\.001"):
        asked("fit", x * 1.001, likelihood="bernoulli")


@pytest.mark.parametrize("cls", [tfvae.TopographicVAE, tfvae.SequenceVAE, tfvae.BubbleVAE])
@pytest.mark.parametrize("method", METHODS)
def test_rows_of_images_are_no_frames(cls, method):
    images = np.zeros((16, 28, 28, 1), "float32")
    with pytest.raises(ValueError, match=r"look like images whose rows.*datasets\.sequences"):
        asked(method, images, cls=cls, latent_dim=28)
    model = compiled(cls, 28)
    model.build((None, 28, 28, 1))  # the rows are meant
    assert model.encode(images).batch_shape == (16, 28)


# ---- raw units ------------------------------------------------------------------------------

WINE = np.stack(
    [RNG.normal(746.0, 314.0, 200), RNG.normal(13.0, 0.8, 200), RNG.normal(0.4, 0.1, 200)], axis=-1
)
FACTORS = RNG.normal(size=(200, 3)) @ RNG.normal(size=(3, 12))


def with_one_large():
    x = FACTORS.copy()
    x[:, 4] *= 1e5
    return x


def pixels(*shape):
    return RNG.integers(256, size=(64, *shape)).astype("uint8")


def plain(shape):
    """Networks that take the data as they are."""
    mlp = tfvae.networks.mlp
    return {"encoder": mlp([8]), "decoder": mlp([8], shape)}


RAW = {
    "pixels": (lambda: pixels(8, 8, 1), r"from 0 to 255, as raw pixels have.*x / 255"),
    "flat pixels": (lambda: pixels(64).astype("float32"), r"x / 255"),
    "one feature times 1e5": (with_one_large, r"\(feature 4\).*outweighs 11 of 12.*Standard"),
    "wine": (lambda: WINE, r"3\d\d \(feature 0\) down to 0\.\d+ \(feature 2\).*outweighs 2 of 3"),
    "wine with names": (
        lambda: pd.DataFrame(WINE, columns=["proline", "alcohol", "nonflavanoid"]),
        r"\('proline'\).*\('nonflavanoid'\)",
    ),
    "one tiny feature": (
        lambda: np.concatenate([FACTORS, 1e-5 * FACTORS[:, :1]], axis=1),
        r"\(feature 12\).*outweighs 1 of 13",
    ),
    "thousands": (lambda: 1e4 * FACTORS, r"values of .* \(root mean square\).*Standard"),
    "micrometres": (lambda: 1e-6 * FACTORS, r"of about unit size.*Standard"),
    "far from 0": (lambda: FACTORS + 500.0, r"means of up to 50\d.*Standard"),
    "constant": (lambda: np.full((64, 5), 0.3), r"vary.*nothing to learn"),
}
FINE = {
    "standardised": lambda: FACTORS / FACTORS.std(axis=0),
    "with constant features": lambda: np.concatenate([FACTORS, np.zeros((200, 4))], axis=1),
    "images": lambda: pixels(8, 8, 1) / 255.0,
    "binary images": lambda: (pixels(8, 8, 1) > 200).astype("uint8"),
    "sparse images": lambda: (RNG.uniform(size=(200, 64)) < np.linspace(0.001, 0.3, 64)) * 0.9,
    "counts": lambda: RNG.poisson(20.0, size=(200, 5)),
    "degrees": lambda: np.linspace(0.2, 40.0, 56) * RNG.normal(size=(200, 56)) + 20.0,
    "centimetres": lambda: np.array([90.0, 5.0, 20.0]) + 30.0 * RNG.normal(size=(200, 3)),
    "half-empty table": lambda: np.repeat(FACTORS, 2, axis=0) * (np.arange(12) < 6),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_units_are_warned_of(name):
    make, message = RAW[name]
    assert units.raw_units(make()) is not None
    model = compiled(**plain(make().shape[1:]))
    with pytest.warns(UserWarning, match=rf"(?s)`x` must.*{message}"):
        model.fit(make(), verbose=0)


@pytest.mark.parametrize("name", RAW)
def test_networks_that_standardise_need_no_unit(name):
    """But features of comparable scales, that vary, and more than the least σ."""
    make, message = RAW[name]
    found = units.raw_units(make(), getattr(make(), "columns", None), standardized=True)
    if name in ("pixels", "flat pixels", "thousands", "far from 0"):
        assert found is None
    else:
        assert re.search(f"(?s)`x` must.*{message}", found)


def test_raw_pixels_train_without_a_warning(recwarn):
    compiled().fit(pixels(8, 8, 1), verbose=0)
    assert not [one for one in recwarn if "`x` must" in str(one.message)]


def test_pixels_for_a_bernoulli():
    with pytest.raises(ValueError, match=r"from 0 to 25\d.*Pixels: x / 255"):
        asked("fit", pixels(8, 8, 1), likelihood="bernoulli")


@pytest.mark.parametrize("name", FINE)
def test_usual_data_are_not_warned_of(name):
    assert units.raw_units(np.asarray(FINE[name]())) is None


def test_raw_units_are_warned_of_once(recwarn):
    model = compiled(**plain((8, 8, 1)))
    for _ in range(2):
        model.fit(slices(pixels(8, 8, 1)).batch(32), verbose=0)
    found = [one for one in recwarn if "raw pixels" in str(one.message)]
    assert len(found) == 1 and found[0].filename == __file__


def test_raw_units_are_found_in_a_part_of_large_data():
    """An image is one number a million times: 17 GB that were never made."""
    x = np.broadcast_to(np.arange(2048.0)[:, None, None, None] % 256, (2048, 1024, 1024, 1))
    tracemalloc.start()
    assert "x / 255" in units.raw_units(x)
    assert tracemalloc.get_traced_memory()[1] < 2**29
    tracemalloc.stop()
    x = np.random.default_rng(0).normal(size=(64, 100, 100))
    x[:, 30, 0] *= 1e5
    assert f"{x[:, 30, 0].std():.3g} (feature [30, 0])," in units.raw_units(x)


def test_a_rate_that_no_code_needs_is_warned_of():
    """What a dataset of floats holds is seen by what came of it."""
    data = slices(with_one_large().astype("float32")).batch(50)
    model = compiled(**plain((12,)))
    with pytest.warns(UserWarning, match=r"nats for 2 latents, far more than.*raw units"):
        model.fit(data, verbose=0)


def test_gaussian_images_in_0_to_1_train_without_a_warning(recwarn):
    compiled(tfvae.VHPVAE, objective=tfvae.objectives.Constrained(kappa=1.0)).fit(IMAGES, verbose=0)
    assert not [one for one in recwarn if "unit" in str(one.message)]
