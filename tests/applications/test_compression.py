"""Compression: what comes back, how many bits it takes, and what is refused."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfvae
from tfvae.applications import Compressor
from tfvae.applications.compression import coded_model

STRIPES = (8, 6)
# Bytes of a header, with what the first example pays.
MOST_HEADER = 350


def stripes(n, seed=0):
    """Binary images of 8×6: rows that are mostly alike within an image."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.integers(2, size=(n, 8, 1)), 6, axis=2)
    return np.where(rng.uniform(size=x.shape) < 0.03, 1 - x, x).astype("uint8")


def built(example_shape=STRIPES, cls=tfvae.VAE, **options):
    """A model with its first weights: these compress badly, and restore as well as others."""
    model = cls(**{"latent_dim": 2, "likelihood": "bernoulli", "seed": 0, **options})
    model.build((None, *example_shape))
    return model


@pytest.fixture(scope="module")
def vae():
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(latent_dim=4, likelihood="bernoulli", seed=0)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(stripes(1000), epochs=15, batch_size=32, verbose=0)
    return model


@pytest.fixture(scope="module")
def compressor(vae):
    return Compressor(vae)


def levels(n, seed=0):
    """Bytes of 5 columns: two patterns of random strength, with noise; 0 and 255 are frequent."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)) @ np.random.default_rng(7).normal(size=(2, 5))
    return np.clip(np.rint(128 + 60 * x + 3 * rng.normal(size=(n, 5))), 0, 255).astype("uint8")


@pytest.fixture(scope="module")
def gaussian():
    return built((5,), likelihood="gaussian")


# ---- what comes back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int64", "float16", "float32", ">f8", "float64", "longdouble"]
)
def test_every_dtype_comes_back(compressor, dtype):
    x = stripes(20, seed=1).astype(dtype)
    back = compressor.decompress(compressor.compress(x, verify=False))
    assert back.dtype == x.dtype and back.shape == x.shape
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("n", [0, 1, 2, 7, 65])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_every_number_of_examples_comes_back(vae, n, batch_size):
    x = stripes(n, seed=n)
    compressor = Compressor(vae, batch_size=batch_size)
    back = compressor.decompress(compressor.compress(x, verify=False))
    assert back.shape == (n, *STRIPES)
    np.testing.assert_array_equal(back, x)


def test_data_unlike_the_training_data_come_back(compressor):
    rng = np.random.default_rng(5)
    constant = np.zeros((30, *STRIPES), "uint8")
    for x in (rng.integers(2, size=(30, *STRIPES)), constant, 1 - constant):
        np.testing.assert_array_equal(compressor.decompress(compressor.compress(x)), x)


def test_tensors_lists_and_views_are_arrays(compressor):
    x = stripes(6, seed=2)
    strided = np.asfortranarray(np.repeat(x, 2, axis=0))[::2]
    for given in (tf.constant(x), x.tolist(), strided):
        np.testing.assert_array_equal(compressor.decompress(compressor.compress(given)), x)


def test_the_batch_size_of_the_compressed_data_counts(vae, compressor):
    x = stripes(100, seed=3)
    data = Compressor(vae, batch_size=5).compress(x)
    np.testing.assert_array_equal(compressor.decompress(bytearray(data)), x)


def test_the_same_data_give_the_same_bytes(vae, compressor):
    x = stripes(50, seed=4)
    assert compressor.compress(x) == Compressor(vae).compress(x)


@pytest.mark.parametrize("scale", ["learned", "per_feature", 0.02, 1e-6])
def test_bytes_come_back(scale):
    x = levels(200, seed=1)
    compressor = Compressor(built((5,), likelihood=tfvae.likelihoods.Gaussian(scale)))
    for given in (x, x.astype("int16"), x[:1], x[:0], np.full_like(x, 255)):
        back = compressor.decompress(compressor.compress(given))
        assert back.dtype == given.dtype
        np.testing.assert_array_equal(back, given)


def test_the_unit_is_in_the_compressed_data(gaussian):
    x = levels(300)
    for unit in (1, 0.5, 1 / 3):
        data = Compressor(gaussian, unit=unit).compress(x)
        np.testing.assert_array_equal(Compressor(gaussian).decompress(data), x)


def test_steps_of_a_sequence_come_back():
    x = np.repeat(stripes(40, seed=6)[:, :1], 5, axis=1)
    compressor = Compressor(built((5, 6), tfvae.SequenceVAE, prior="standard_normal"))
    np.testing.assert_array_equal(compressor.decompress(compressor.compress(x)), x)


@pytest.mark.parametrize("cls", [tfvae.BetaVAE, tfvae.ImportanceWeightedVAE])
def test_other_families_with_this_prior_compress(cls):
    x = stripes(60, seed=7)
    compressor = Compressor(built(cls=cls))
    np.testing.assert_array_equal(compressor.decompress(compressor.compress(x)), x)


# ---- how many bits it takes ------------------------------------------------------------------


def test_bits_are_those_of_the_elbo(vae, compressor):
    x = stripes(3000, seed=8)
    data = compressor.compress(x, verify=False)
    bits = 8 * (len(data) - MOST_HEADER) / len(x), 8 * len(data) / len(x)
    elbo = -vae.evaluate(x, batch_size=1000, verbose=0)["elbo"] / np.log(2.0)
    assert bits[0] < 1.01 * elbo and bits[1] > 0.99 * elbo
    # A source of 8 fair bits and 48 flips of probability 0.03 has 17.3 bits.
    flips = -48 * (0.03 * np.log2(0.03) + 0.97 * np.log2(0.97))
    assert 8 + flips - 0.5 < bits[1] < 32


def test_bytes_take_the_bits_of_the_discretised_elbo():
    """8 bits: E_q[−log2 P(k|z)] + KL(q ‖ N(0, I))/log 2, the mass of each level by SciPy."""
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(latent_dim=2, likelihood="gaussian", seed=0)
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(levels(1000) / 255, epochs=15, batch_size=32, verbose=0)
    x = levels(3000, seed=8)
    data = Compressor(model).compress(x, verify=False)
    bits = 8 * (len(data) - MOST_HEADER) / len(x), 8 * len(data) / len(x)
    posterior = model.encode(x / 255)
    loc, scale = (one.numpy().astype("float64") for one in (posterior.mean(), posterior.stddev()))
    rate = np.sum(0.5 * (loc**2 + scale**2 - 1.0) - np.log(scale), axis=1)
    z = loc + scale * np.random.default_rng(0).normal(size=(8, *loc.shape))
    mean = model.decode(z.astype("float32")).mean().numpy()
    p_x = scipy.stats.norm(
        255 * mean.astype("float64"), 255 * np.exp(float(model.likelihood.log_scale))
    )
    low, high = np.where(x == 0, -np.inf, x - 0.5), np.where(x == 255, np.inf, x + 0.5)
    mass = p_x.cdf(high) - p_x.cdf(low)
    distortion = -np.mean(np.sum(np.log(np.maximum(mass, 2.0**-24)), axis=-1))
    elbo = (distortion + np.mean(rate)) / np.log(2.0)
    # One z for each of 3,000 examples has a standard error of 0.1%.
    assert bits[0] < 1.01 * elbo and bits[1] > 0.99 * elbo
    assert bits[1] < 0.9 * 8 * x.shape[1]


def test_the_first_example_pays_for_its_latents(compressor):
    x = stripes(64, seed=9)
    single = np.mean([len(compressor.compress(x[i : i + 1], verify=False)) for i in range(8)])
    rest = (len(compressor.compress(x)) - len(compressor.compress(x[:32]))) / 32
    assert 200 < single < MOST_HEADER
    assert rest < 6


def test_examples_of_a_batch_cost_no_more_than_one_by_one(vae):
    x = stripes(200, seed=10)
    one, many = (
        len(Compressor(vae, batch_size=size).compress(x, verify=False)) for size in (1, 64)
    )
    assert abs(one - many) < 0.05 * one


def test_a_better_model_takes_fewer_bits(vae, compressor):
    x = stripes(500, seed=11)
    poor = Compressor(built())
    assert len(compressor.compress(x)) < 0.7 * len(poor.compress(x))


# ---- other numbers, other models, other processes --------------------------------------------


def test_another_model_is_noticed(compressor):
    x = stripes(20)
    data = compressor.compress(x)
    other = built()
    with pytest.raises(ValueError, match="`data` must be compressed by this model, whose digest"):
        Compressor(other).decompress(data)
    data = Compressor(other).compress(x)
    weight = other.encoder.weights[0]
    weight.assign(weight + 1e-6)
    with pytest.raises(ValueError, match="training it on makes another of it"):
        Compressor(other).decompress(data)


def test_evaluating_and_compiling_keep_the_model(vae, compressor):
    x = stripes(20)
    data = compressor.compress(x)
    vae.evaluate(x, verbose=0)
    vae.generate(2)
    vae.compile("sgd")
    np.testing.assert_array_equal(compressor.decompress(data), x)


@pytest.mark.parametrize("network", ["posterior", "mean"])
@pytest.mark.parametrize("change", [1e-6, 1e-3, 0.3])
def test_networks_that_round_in_another_way_are_noticed(compressor, monkeypatch, network, change):
    x = stripes(300, seed=12)
    data = compressor.compress(x)
    real = getattr(coded_model.CodedModel, network)

    def changed(self, values):
        out = real(self, values)
        return (out[0] + change, out[1]) if network == "posterior" else out * (1.0 - change)

    monkeypatch.setattr(coded_model.CodedModel, network, changed)
    try:
        back = compressor.decompress(data)
    except ValueError as error:
        assert "cannot be restored: the networks give other numbers" in str(error)
        assert "tensorflow" in str(error) and "Here: tfvae" in str(error)
    else:  # So small a change may change no symbol.
        assert change == 1e-6
        np.testing.assert_array_equal(back, x)


def test_a_network_that_draws_random_numbers_is_noticed():
    @keras.saving.register_keras_serializable(package="tests")
    class Noisy(keras.layers.Layer):
        def call(self, x):
            return x + tf.random.normal(tf.shape(x))

    decoder = keras.Sequential([keras.layers.Dense(48), Noisy(), keras.layers.Reshape(STRIPES)])
    with pytest.raises(ValueError, match="must give the same numbers each time"):
        Compressor(built(decoder=decoder)).compress(stripes(50))


READ = """
import sys, keras, numpy as np, tfvae
from tfvae.applications import Compressor
compressor = Compressor(keras.models.load_model(sys.argv[1]))
np.save(sys.argv[3], compressor.from_file(sys.argv[2]))
compressor.to_file(np.load(sys.argv[3]), sys.argv[4])
"""


@pytest.mark.slow
def test_another_process_restores_the_data(vae, compressor, tmp_path):
    model, ours, back, theirs = (
        str(tmp_path / name) for name in ("m.keras", "ours", "back.npy", "theirs")
    )
    x = stripes(400, seed=13)
    vae.save(model)
    compressor.to_file(x, ours)
    subprocess.run([sys.executable, "-c", READ, model, ours, back, theirs], check=True)
    np.testing.assert_array_equal(np.load(back), x)
    np.testing.assert_array_equal(compressor.from_file(theirs), x)


# ---- files -----------------------------------------------------------------------------------


def test_files(compressor, tmp_path):
    path, x = tmp_path / "digits.tfvc", stripes(30)
    compressor.to_file(x, path)
    assert path.read_bytes() == compressor.compress(x)
    np.testing.assert_array_equal(compressor.from_file(str(path)), x)
    with pytest.raises(ValueError, match="0 or 1"):
        compressor.to_file(2 * x, path)
    np.testing.assert_array_equal(compressor.from_file(path), x)
    assert [one.name for one in tmp_path.iterdir()] == ["digits.tfvc"]
    with pytest.raises(FileNotFoundError):
        compressor.from_file(tmp_path / "none")
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"The file '.*digits.tfvc' must be what a `Compressor`"):
        compressor.from_file(path)


def test_every_flip_is_noticed(compressor, flipped):
    data = compressor.compress(stripes(40))
    for damaged, place in flipped(data, 300):
        with pytest.raises(ValueError, match="`data` must be what a `Compressor` wrote"):
            compressor.decompress(damaged)
        assert 0 <= place < len(data)


def test_everything_cut_off_or_added_is_noticed(compressor):
    data = compressor.compress(stripes(5))
    for size in range(len(data)):
        with pytest.raises(ValueError, match="must be what a `Compressor` wrote, received"):
            compressor.decompress(data[:size])
    for changed in (data + b"\0", b"\0" + data, data + data, data.replace(b"\n", b"\r\n") + b" "):
        with pytest.raises(ValueError, match="must be what a `Compressor` wrote, received"):
            compressor.decompress(changed)


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (stripes(3)[0], r"the shape \(n, 8, 6\).*received \(8, 6\)"),
        (stripes(3).reshape(3, 48), r"received \(3, 48\)"),
        (np.uint8(1), r"the shape \(n, 8, 6\).*received \(\)"),
        (stripes(3) * 0.5, r"must hold 0 or 1, received 0.5 \(float64\) at \(.*Binarise"),
        (stripes(3).astype(float) * np.nan, "must hold 0 or 1, received nan"),
        (stripes(3) * 255, r"must hold 0 or 1, received 255 \(uint8\)"),
        (stripes(3).astype(str), "must be an array of numbers, received the dtype <U"),
        (stripes(3).astype(complex), "received the dtype complex128"),
        (stripes(3).astype(object), "received the dtype object"),
        (tf.cast(stripes(3), tf.bfloat16), "received the dtype bfloat16"),
        (np.ma.masked_equal(stripes(3), 1), "received masked values"),
        ([[1, 2], [3]], "must be an array of numbers, received none"),
        (None, "received the dtype object"),
    ],
    ids=range(13),
)
def test_data_that_do_not_fit(compressor, x, message):
    with pytest.raises(ValueError, match=message):
        compressor.compress(x)


@pytest.mark.parametrize(
    "x", [levels(4) / 255, levels(4).astype(int) + 1000, levels(4).astype(int) - 300, levels(0) / 9]
)
def test_bytes_that_do_not_fit(gaussian, x):
    with pytest.raises(ValueError, match=r"`x` must h.* integer dtype.*`unit` says"):
        Compressor(gaussian).compress(x)


@pytest.mark.parametrize("data", ["path.tfvc", None, 3, np.zeros(3, "uint8")])
def test_data_that_are_no_bytes(compressor, data):
    with pytest.raises(ValueError, match="`data` must be the bytes that `compress` returned"):
        compressor.decompress(data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": "vamp"}, r"must have the prior N\(0, I\).*VampPrior"),
        ({"prior": tfvae.priors.GaussianMixture(2)}, "received GaussianMixture"),
        ({"discrete": tfvae.discrete.GumbelSoftmax(3)}, "must have no `discrete`"),
        ({"condition": 2}, "must have no `condition`"),
        ({"target": "y"}, "must explain x itself, received target='y'"),
    ],
    ids=["vamp", "mixture", "discrete", "condition", "target"],
)
def test_models_that_cannot_compress(options, message):
    model = tfvae.VAE(latent_dim=2, likelihood="bernoulli", **options)
    shape = (None, *STRIPES)
    model.build((shape, {"target": shape}) if "target" in options else shape)
    with pytest.raises(ValueError, match=message):
        Compressor(model)


def test_other_likelihoods_and_posteriors_are_refused():
    class Strange(tfvae.likelihoods.Likelihood):
        def distribution(self, outputs):
            raise NotImplementedError

    model = tfvae.VAE(latent_dim=2, likelihood=Strange())
    model.build((None, 4))
    with pytest.raises(ValueError, match=r"Bernoulli likelihood.*received Strange"):
        Compressor(model)

    class Full(tfvae.VAE):
        def posterior(self, features, batch_shape=None):
            import tensorflow_probability as tfp

            loc, scale = self.posterior_head(features)
            return tfp.distributions.MultivariateNormalDiag(loc, scale)

    model = Full(latent_dim=2, likelihood="bernoulli")
    model.build((None, 4))
    with pytest.raises(ValueError, match="posterior that is a diagonal Gaussian, received Multi"):
        Compressor(model)


def test_what_is_no_trained_model_is_refused(vae, gaussian):
    with pytest.raises(ValueError, match=r"must be an instance of .*LatentVariableModel"):
        Compressor(keras.Sequential())
    with pytest.raises(ValueError, match="received one without weights"):
        Compressor(tfvae.VAE(latent_dim=2))
    with pytest.raises(ValueError, match="`unit` must be None for a Bernoulli"):
        Compressor(vae, unit=1.0)
    for unit in (0, -1.0, float("nan"), float("inf"), "1"):
        with pytest.raises(ValueError, match="`unit` must lie in"):
            Compressor(gaussian, unit=unit)
    for size in (0, 1.5, 2**20, None):
        with pytest.raises(ValueError, match="`batch_size` must be a whole number from 1"):
            Compressor(vae, batch_size=size)
    with pytest.raises(ValueError, match="`verify` must be True or False"):
        Compressor(vae).compress(stripes(1), verify="no")


def test_weights_that_are_not_finite_are_refused():
    model = built()
    model.decoder.weights[-1].assign(np.nan * model.decoder.weights[-1])
    with pytest.raises(ValueError, match="must give finite numbers, received others from its dec"):
        Compressor(model).compress(stripes(3))


def test_a_missing_package_is_named(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ImportError, match=r"Compression needs.*pip install 'tfvae\[compression\]'"):
        Compressor(vae)
