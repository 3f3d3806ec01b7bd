"""SavedModels give what the models give, where tfvae and Keras cannot be imported."""

import io
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfvae

SIZES = (1, 7)
SEED = (3, 5)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}

# A server has TensorFlow only: importing anything else of ours there is an error.
SERVER = """
import pickle, sys
for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[name] = None
import tensorflow as tf
folder = sys.argv[1]
with open(f"{folder}/calls.pkl", "rb") as file:
    calls = pickle.load(file)
answers = {}
for name, requests in calls.items():
    signatures = tf.saved_model.load(f"{folder}/{name}/1").signatures
    answers[name] = {"names": sorted(signatures)}
    for key, (signature, inputs) in requests.items():
        inputs = {k: tf.constant(v) for k, v in inputs.items()}
        both = [signatures[signature](**inputs) for _ in range(2)]
        answers[name][key] = [{k: v.numpy() for k, v in outputs.items()} for outputs in both]
with open(f"{folder}/answers.pkl", "wb") as file:
    pickle.dump(answers, file)
"""


def png(image):
    """The bytes of a PNG file of an image, (H, W, 1 or 3) in 0 to 255."""
    file = io.BytesIO()
    Image.fromarray(image.squeeze().astype("uint8")).save(file, "PNG")
    return file.getvalue()


def pixels(png_bytes):
    """The pixels of files, (B,) -> (B, H, W), or (B, H, W, 3) where they are in colour."""
    return np.array([np.asarray(Image.open(io.BytesIO(one))) for one in png_bytes], "float32")


def warm_up_requests(path):
    """Parsed by TF Serving's own classes: list of (signature, inputs)."""
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    requests = []
    for record in tf.data.TFRecordDataset(str(path)):
        request = logs.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        requests.append((request.model_spec.signature_name, inputs))
    return requests


def part(y, size, *names):
    """The first rows of some of what comes beside x."""
    return {name: y[name][:size] for name in names if name in y}


def calls_of(model, x, y, z):
    """Requests by name: (signature, inputs)."""
    requests = {}
    for size in SIZES:
        of_x, seed = {"x": x[:size]}, {"seed": np.array(SEED, "int32")}
        of_z = {"z": z[:size], **part(y, size, "condition")}
        own = part(y, size, "labels", "condition")
        of = {
            "serving_default": of_x | own,
            "encode": of_x | part(y, size, "condition"),
            "decode": of_z,
            "reconstruct": of_x | own,
            "score": of_x | seed | part(y, size, "labels", "condition", "target"),
            "generate": {"count": np.int32(size)} | seed | own,
        }
        if model.num_categories:
            of["classify"] = of_x | part(y, size, "condition")
        if not model.sequence_axes:
            files = {"image_bytes": np.array([png(255 * image) for image in x[:size]], object)}
            of["embed_image_bytes"] = files | own
        if not model.sequence_axes and model.target_shape == model.data_shape:
            of["reconstruct_image_bytes"] = files | own
            of["decode_image_bytes"] = of_z
        if model.target == "y" and model.discrete is not None:
            del of["classify"]  # Labels without a classifier
        requests |= {f"{name} {size}": (name, inputs) for name, inputs in of.items()}
    return requests


def expected(model, x, y, z):
    """What each signature must give by size, from the public methods of the model."""
    posterior, embedding = model.encode(x, y), model.embed(x, y)
    reconstruction, decoded = model((x, y)), model.decode(z, part(y, None, "condition")).mean()
    seed = tf.constant(SEED, tf.int32)
    of_examples = {
        "serving_default": {"embedding": embedding},
        "embed_image_bytes": {"embedding": embedding},
        "encode": {"mean": posterior.mean(), "scale": posterior.stddev()},
        "decode": {"mean": decoded},
        "reconstruct": {"mean": reconstruction},
        "decode_image_bytes": {"png_bytes": decoded},
        "reconstruct_image_bytes": {"png_bytes": reconstruction},
    }
    if model.num_categories and model.target == "x":
        condition = part(y, None, "condition")
        found = {"categories": model.categories(x, condition)}
        posteriors = model.discrete.posteriors(model.features(x, **condition))
        if posteriors is not None:
            probabilities = [np.exp(q.logits_parameter()) for q in posteriors]
            probabilities = [p / p.sum(-1, keepdims=True) for p in probabilities]
            found["probabilities"] = np.concatenate(probabilities, axis=-1)
        of_examples["classify"] = found

    @tf.function(reduce_retracing=True, autograph=False)
    def score(x, y):
        terms = model.elbo_terms(x, y, seed=seed, analytic=model.objective.analytic_rate)
        return tf.reduce_mean(terms.distortion + terms.rate, axis=0)

    for size in SIZES:
        for signature, outputs in of_examples.items():
            yield signature, size, {key: value[:size] for key, value in outputs.items()}
        own = {name: tf.constant(value[:size]) for name, value in y.items()}
        yield "score", size, {"score": score(tf.constant(x[:size]), own)}
        samples = model.decode_mean(model.sample_prior(size, own, seed=seed), own)
        yield "generate", size, {"mean": samples}


@pytest.fixture(scope="module")
def served(models, beside, tmp_path_factory):
    """All models, what was asked and what another process answered."""
    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 256, size=(max(SIZES), 8, 6, 1)) / 255).astype("float32")
    calls, beside_x, latents = {}, {}, {}
    for name, model in models.items():
        tfvae.export(model, folder / name / "1")
        shape = (len(x), *model.sequence_shape, model.embedding_dim)
        latents[name] = rng.normal(size=shape).astype("float32")
        beside_x[name] = beside(model, len(x))
        calls[name] = calls_of(model, x, beside_x[name], latents[name])
        warm_up = folder / name / "1" / "assets.extra" / "tf_serving_warmup_requests"
        calls[name] |= {f"warm-up {s}": (s, i) for s, i in warm_up_requests(warm_up)}
    with open(folder / "calls.pkl", "wb") as file:
        pickle.dump(calls, file)
    command = [sys.executable, "-c", SERVER, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    with open(folder / "answers.pkl", "rb") as file:
        return models, x, beside_x, latents, calls, pickle.load(file)


def test_every_signature_gives_what_the_model_gives(served):
    models, x, y, z, calls, answers = served
    assert set(answers) == set(models) and len(models) > 5
    for name, model in models.items():
        for signature, size, wanted in expected(model, x, y[name], z[name]):
            key = f"{signature} {size}"
            if key not in calls[name]:
                assert signature.endswith("_image_bytes")
                assert model.sequence_axes or name == "another target"
                continue
            found, again = answers[name][key]
            assert set(found) == set(wanted)
            for output, value in wanted.items():
                np.testing.assert_array_equal(found[output], again[output])
                if output == "png_bytes":
                    levels = np.clip(255 * np.squeeze(value, -1), 0, 255)
                    assert np.max(np.abs(pixels(found[output]) - levels)) <= 0.501, (name, key)
                else:
                    message = f"{name}, {key}, {output}"
                    np.testing.assert_allclose(found[output], value, err_msg=message, **TOLERANCE)


def test_signatures_are_those_of_the_docstring(served):
    models, *_, answers = served
    files = ["decode_image_bytes", "embed_image_bytes", "reconstruct_image_bytes"]
    for name, model in models.items():
        names = ["decode", "encode", "generate", "reconstruct", "score", "serving_default"]
        if name == "another target":
            names += ["embed_image_bytes"]
        else:
            names += files if not model.sequence_axes else []
            names += ["classify"] if model.num_categories else []
        assert answers[name]["names"] == sorted(names)


def test_warm_up_has_a_request_for_each_signature_and_all_run(served):
    *_, calls, answers = served
    for name in calls:
        warm = {k.split()[1]: v for k, v in answers[name].items() if k.startswith("warm-up")}
        assert sorted(warm) == answers[name]["names"]
        for outputs, _ in warm.values():
            for key, value in outputs.items():
                assert value.shape[0] == 1
                assert key == "png_bytes" or np.all(np.isfinite(value))


def test_scores_differ_by_seed(vector_model, tmp_path):
    tfvae.export(vector_model, tmp_path / "1")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    x = tf.zeros([2, 4])
    for name, inputs in (("score", {"x": x}), ("generate", {"count": tf.constant(2)})):
        first, second = (
            next(iter(signatures[name](seed=tf.constant(seed), **inputs).values())).numpy()
            for seed in ([0, 1], [0, 2])
        )
        assert np.all(first != second)


def test_score_is_minus_the_elbo_of_evaluate(vector_model):
    """One estimate against the other, within five standard errors of their difference."""
    x = np.random.default_rng(0).normal(size=(7, 4)).astype("float32")
    many = np.repeat(x, 200, axis=0)
    terms = vector_model.elbo_terms(many, seed=tf.constant(SEED, tf.int32))
    scores = (terms.distortion + terms.rate).numpy().reshape(len(x), 200)
    error = float(np.sqrt(2 * np.mean(np.var(scores, axis=1)) / scores.size))
    vector_model.compile("adam")
    elbo = vector_model.evaluate(many, verbose=0)["elbo"]
    assert float(scores.mean()) == pytest.approx(-elbo, abs=5 * error + 1e-4)


def test_mixed_precision_serves_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tfvae.VAE(latent_dim=2)
        model.build((None, 4, 3))
        tfvae.export(model, tmp_path / "1")
    finally:
        keras.config.set_dtype_policy("float32")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert signatures["reconstruct"](x=tf.zeros([2, 4, 3]))["mean"].dtype == tf.float32
    assert "embed_image_bytes" not in signatures


def test_unbuilt_model(tmp_path):
    for export in (tfvae.export, tfvae.serving.export_litert):
        with pytest.raises(ValueError, match="Call `fit`, or `build"):
            export(tfvae.VAE(latent_dim=2), tmp_path / "1")


def test_folder_that_is_not_empty(vector_model, tmp_path):
    (tmp_path / "1").mkdir()
    tfvae.export(vector_model, tmp_path / "1")  # an empty one is taken
    with pytest.raises(ValueError, match="next version number"):
        tfvae.export(vector_model, tmp_path / "1")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="not empty"):
        tfvae.export(vector_model, tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "file"]


def test_a_failed_export_leaves_nothing(vector_model, tmp_path, monkeypatch):
    monkeypatch.setattr("os.rename", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tfvae.export(vector_model, tmp_path / "1")
    assert list(tmp_path.iterdir()) == []
