"""ONNX and LiteRT files give what the models give, noise included."""

import functools
import importlib
import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.discrete import GumbelSoftmax, Labels
from tfvae.priors import HierarchicalPrior, VampPrior
from tfvae.serving import onnx_files
from tfvae.serving.inputs import inputs_of
from tfvae.serving.noise import ScoreOfNoise
from tfvae.serving.signatures import noise_score

SIZES = (1, 7)
SEED = tf.constant([3, 5])
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
FILES = ["MODEL_CARD.md", "decoder.{}", "encoder.{}", "model_card.json", "score.{}"]
CLASSIFIER = "classifier.{}"


def small(cls, latent_dim=2, **kwargs):
    mlp = tfvae.networks.mlp
    model = cls(latent_dim, encoder=mlp([8]), decoder=mlp([8], (6,)), seed=3, **kwargs)
    shape = (None, *((4,) if cls.sequence_axes else ()), 7 if model.target == "y" else 6)
    model.build((shape, {"condition": (None,), "target": (None, 6)}))
    rng = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    return model


# Each way to draw, each prior, and each thing beside x.
MODELS = {
    "analytic rate": lambda: small(tfvae.VAE, likelihood="bernoulli"),
    "vamp": lambda: small(tfvae.VAE, prior=VampPrior(num_components=3)),
    "hierarchical": lambda: small(tfvae.VHPVAE, prior=HierarchicalPrior(4, hidden=(8,))),
    "sequences": lambda: small(tfvae.TopographicVAE, 8, encoder_u=tfvae.networks.mlp([8])),
    "categories": lambda: small(tfvae.JointVAE, discrete=GumbelSoftmax((3, 2))),
    "labels": lambda: small(tfvae.VAE, discrete=Labels(3)),
    "labels and classifier": lambda: small(
        tfvae.AdversarialAutoencoder, discrete=Labels(3, classifier_weight=1.0)
    ),
    "some labels": lambda: small(tfvae.VAE, discrete=Labels((3, 2), unknown=-1), condition=2),
    "condition": lambda: small(tfvae.VHPVAE, condition=keras.layers.Embedding(5, 3)),
    "target": lambda: small(tfvae.VAE, target="y", likelihood="bernoulli"),
}


@functools.cache
def model_of(name):
    return MODELS[name]()


@functools.cache
def noise_of(model):
    return noise_score(inputs_of(model, None, None))


def batch_of(model, beside, size):
    """x, z, and what comes beside x."""
    x = np.random.default_rng(size).uniform(size=(size, *model.data_shape)).astype("float32")
    shape = (size, *model.sequence_shape, model.embedding_dim)
    return x, np.random.default_rng(size).normal(size=shape).astype("float32"), beside(model, size)


def some(y, *names):
    return {name: y[name] for name in names if name in y}


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def score(model, x, y):
    analytic = model.objective.analytic_rate
    terms = model.elbo_terms(tf.constant(x), y, seed=SEED, analytic=analytic)
    return tf.reduce_mean(terms.distortion + terms.rate, axis=0).numpy()


def assert_gives_what_the_model_gives(model, beside, run, scaling=(0.0, 1.0)):
    """`run(part, inputs)` uses a file; the scaling is that of the target too."""
    offset, scale = scaling
    noisy = noise_of(model)
    for size in SIZES:
        x, z, y = batch_of(model, beside, size)
        raw, condition = (offset + scale * x).astype("float32"), some(y, "condition")
        encoder = run("encoder", {"x": raw, **some(y, "labels", "condition")})
        decoder = run("decoder", {"z": z, **condition})
        posterior = model.encode(x, y)
        np.testing.assert_allclose(encoder["embedding"], model.embed(x, y), **TOLERANCE)
        np.testing.assert_allclose(encoder["mean"], posterior.mean(), **TOLERANCE)
        np.testing.assert_allclose(encoder["scale"], posterior.stddev(), **TOLERANCE)
        mean = offset + scale * model.decode(z, condition).mean()
        np.testing.assert_allclose(decoder["mean"], mean, **TOLERANCE)
        noise = noisy.noise_of([x, *y.values()], SEED)
        raw_y = {k: offset + scale * v if k == "target" else v for k, v in y.items()}
        raw_y = {k: v.astype(y[k].dtype) for k, v in raw_y.items()}
        found = run("score", {"x": raw, **raw_y, "noise": noise})["score"]
        np.testing.assert_allclose(found, score(model, x, y), **TOLERANCE)
        assert np.all(run("score", {"x": raw, **raw_y, "noise": noise + 1})["score"] != found)
        if model.num_categories:
            classifier = run("classifier", {"x": raw, **condition})
            categories = model.categories(x, condition)
            np.testing.assert_array_equal(classifier["categories"], categories)
            has_probabilities = model.discrete.posteriors(model.features(x, **condition))
            assert ("probabilities" in classifier) == (has_probabilities is not None)


def assert_nan_is_answered_by_nan(model, beside, run, scaling):
    x, _, y = batch_of(model, beside, 3)
    x = scaling[0] + scaling[1] * x
    if "target" in y:
        y["target"] = (scaling[0] + scaling[1] * y["target"]).astype("float32")
    x[1, 0] = np.nan
    first = [x[:1], *(value[:1] for value in y.values())]
    noise = np.repeat(noise_of(model).noise_of(first, SEED), 3, axis=0)
    requests = {
        "encoder": {"x": x, **some(y, "labels", "condition")},
        "score": {"x": x, **y, "noise": noise},
    }
    if "labels" in y:
        requests["label"] = {"x": np.ones_like(x), **y, "noise": noise}
        requests["label"]["labels"] = np.copy(y["labels"])
        requests["label"]["labels"][1] = 3
    if "condition" in y:
        bad = np.copy(y["condition"])
        bad[1] = 5 if bad.dtype == "int32" else np.inf
        requests["condition"] = {"x": np.ones_like(x), **y, "condition": bad, "noise": noise}
    for part, inputs in requests.items():
        for value in run("encoder" if part == "encoder" else "score", inputs).values():
            assert np.all(np.isnan(value[1])) and np.all(np.isfinite(value[::2])), part
    if model.num_categories:
        found = run("classifier", {"x": x, **some(y, "condition")})
        assert np.all(found["categories"][1] == -1) and np.all(found["categories"][::2] >= 0)
        assert np.all(np.isnan(found.get("probabilities", np.full([2, 1], np.nan))[1]))


@pytest.mark.parametrize("name", MODELS)
def test_score_of_noise_is_the_score_of_a_seed(name, beside):
    model = model_of(name)
    noisy = noise_of(model)
    for size in SIZES:
        x, _, y = batch_of(model, beside, size)
        inputs = [x, *y.values()]
        noise = noisy.noise_of(inputs, SEED)
        assert noise.shape == (size, noisy.size)
        np.testing.assert_allclose(noisy(inputs, noise), score(model, x, y), rtol=1e-5, atol=1e-5)


def test_categories_by_noise_have_their_probabilities():
    """The first category whose cumulated probability exceeds Φ(n), in 20,000 draws."""
    logits = tf.constant([[0.0, 1.0, -1.0]])

    def draw(x, seed):
        category = tf.random.stateless_categorical(logits + 0.0 * x, 1, seed)
        return tf.cast(category[:, 0], tf.float32)

    drawn = ScoreOfNoise(draw, [tf.TensorSpec((None, 1), tf.float32, name="x")])
    noise = np.random.default_rng(0).normal(size=(20_000, 1)).astype("float32")
    found = np.bincount(drawn([tf.zeros([20_000, 1])], noise).numpy().astype(int)) / 20_000
    np.testing.assert_allclose(found, tf.nn.softmax(logits)[0], atol=0.015)


@pytest.mark.parametrize(
    "draw",
    [
        lambda x, seed: tf.random.stateless_gamma([tf.shape(x)[0]], seed, 2.0),
        lambda x, seed: tf.random.stateless_normal([3], seed)[:1] + x[:, 0],
        lambda x, seed: tf.cast(seed[0], tf.float32) + x[:, 0],
    ],
)
def test_draws_that_cannot_be_an_input(draw):
    def score(x, seed):
        return draw(tf.ensure_shape(x, [None, 1]), seed)

    with pytest.raises(ValueError, match="random numbers can be an input"):
        ScoreOfNoise(score, [tf.TensorSpec((None, 1), tf.float32, name="x")])


def onnx_runner(folder):
    runtime = importlib.import_module("onnxruntime")
    sessions = {
        part: runtime.InferenceSession(folder / f"{part}.onnx", providers=["CPUExecutionProvider"])
        for part in ("encoder", "decoder", "score", "classifier")
        if (folder / f"{part}.onnx").exists()
    }

    def run(part, inputs):
        names = [output.name for output in sessions[part].get_outputs()]
        return dict(zip(names, sessions[part].run(names, inputs), strict=True))

    return run


@pytest.fixture
def onnx():
    """Skips without the packages of the extra."""
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package)


@pytest.mark.parametrize("name", MODELS)
def test_onnx(onnx, name, beside, tmp_path):
    model = model_of(name)
    scaling = (1.0, 2.0)
    scalings = {"scaling": scaling, "target_scaling": scaling if model.target == "y" else None}
    tfvae.export_onnx(model, tmp_path / "pump", **scalings, metrics={"ELBO": -3.0})
    names = [*FILES, CLASSIFIER] if model.num_categories else FILES
    assert files_in(tmp_path / "pump") == sorted(f.format("onnx") for f in names)
    run = onnx_runner(tmp_path / "pump")
    assert_gives_what_the_model_gives(model, beside, run, scaling)
    assert_nan_is_answered_by_nan(model, beside, run, scaling)
    card = json.loads((tmp_path / "pump" / "model_card.json").read_text())
    assert card["name"] == "pump" and card["metrics"]["ELBO"]["value"] == -3.0
    size = noise_of(model).size
    assert card["signatures"]["score"]["inputs"]["noise"]["shape"] == [None, size]


def test_onnx_of_images_with_convolutions(onnx, beside, tmp_path):
    model = tfvae.VAE(2, likelihood="bernoulli", seed=3)
    model.build((None, 24, 24, 1))
    tfvae.export_onnx(model, tmp_path / "1")
    assert_gives_what_the_model_gives(model, beside, onnx_runner(tmp_path / "1"))


def test_a_wrong_onnx_file_is_noticed(onnx, tmp_path, monkeypatch):
    model = model_of("analytic rate")
    right = onnx_files._runner

    def wrong(runtime, file):
        run = right(runtime, file)
        return lambda inputs: {name: value + 2e-4 for name, value in run(inputs).items()}

    monkeypatch.setattr(onnx_files, "_runner", wrong)
    with pytest.raises(RuntimeError, match="encoder gives another embedding"):
        tfvae.export_onnx(model, tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


def test_onnx_without_its_packages(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'tfvae\[onnx\]'"):
        tfvae.export_onnx(model_of("analytic rate"), tmp_path / "1")


def test_onnx_of_a_bad_model_or_folder(onnx, tmp_path):
    with pytest.raises(ValueError, match="Call `fit`, or `build"):
        tfvae.export_onnx(tfvae.VAE(2), tmp_path / "1")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="not empty"):
        tfvae.export_onnx(model_of("analytic rate"), tmp_path)


def lite_runner(folder):
    def run(part, inputs):
        interpreter = tf.lite.Interpreter(str(folder / f"{part}.tflite"))
        return interpreter.get_signature_runner()(**inputs)

    return run


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["analytic rate", "labels and classifier", "some labels", "target"]
)
def test_litert(name, beside, tmp_path):
    model = model_of(name)
    scaling = (1.0, 2.0)
    scalings = {"scaling": scaling, "target_scaling": scaling if model.target == "y" else None}
    tfvae.serving.export_litert(model, tmp_path / "1", **scalings)
    names = [*FILES, CLASSIFIER] if model.num_categories else FILES
    assert files_in(tmp_path / "1") == sorted(name.format("tflite") for name in names)
    run = lite_runner(tmp_path / "1")
    assert_gives_what_the_model_gives(model, beside, run, scaling)
    assert_nan_is_answered_by_nan(model, beside, run, scaling)


def test_litert_says_what_it_cannot_convert(tmp_path):
    """The VampPrior's density is computed in float64."""
    with pytest.raises(ValueError, match=r"needs tf\..*f64.*Leave it out by `parts=\['encoder'\]`"):
        tfvae.serving.export_litert(model_of("vamp"), tmp_path / "1", parts=["score", "encoder"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="`parts` must be some of"):
        tfvae.serving.export_litert(model_of("vamp"), tmp_path / "1", parts="encoder")
    with pytest.raises(ValueError, match="encoder, decoder, score for this model"):
        tfvae.serving.export_litert(model_of("vamp"), tmp_path / "1", parts=["classifier"])
