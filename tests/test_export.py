"""The exported SavedModel gives what the model gives, where tfvae and Keras cannot be imported."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.export import export

SHAPE = (4, 3)
SIZES = (1, 7)
SEED = (3, 5)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}

MODELS = {
    "VAE": lambda: tfvae.VAE(latent_dim=2, likelihood="bernoulli"),
    "VHPVAE": lambda: tfvae.VHPVAE(latent_dim=2),
    "ImportanceWeightedVAE": lambda: tfvae.ImportanceWeightedVAE(latent_dim=2),
    "VampPrior": lambda: tfvae.VAE(latent_dim=2, prior=tfvae.priors.VampPrior(num_components=5)),
}

# A server has TensorFlow only: importing anything else of ours there is an error.
SERVER = """
import sys
for name in ("tfvae", "keras", "tf_keras", "tensorflow_probability"):
    sys.modules[name] = None
import numpy as np, tensorflow as tf
inputs = dict(np.load(sys.argv[1] + "/inputs.npz"))
outputs = {}
for name in sys.argv[2:]:
    signatures = tf.saved_model.load(f"{sys.argv[1]}/{name}/1").signatures
    for key, function in signatures.items():
        for size in (1, 7):
            given = {"x": inputs["x"][:size], "z": inputs["z"][:size], "seed": inputs["seed"],
                     "count": np.int32(size)}
            wanted = function.structured_input_signature[1]
            given = {k: tf.constant(given[k]) for k in wanted}
            for output, value in function(**given).items():
                outputs[f"{name}/{key}/{size}/{output}"] = value.numpy()
                outputs[f"{name}/{key}/{size}/{output}/again"] = function(**given)[output].numpy()
np.savez(sys.argv[1] + "/outputs.npz", **outputs)
"""


def expected(model, x, z, seed):
    """What each signature must give, from the public methods of the model."""
    posterior = model.encode(x)
    terms = model.terms(x, seed=seed, analytic=model.objective.analytic_rate)
    samples = model.prior.sample(len(x), seed=seed)
    return {
        "serving_default/{}/embedding": posterior.mean(),
        "encode/{}/mean": posterior.mean(),
        "encode/{}/scale": posterior.stddev(),
        "decode/{}/mean": model.decode(z).mean(),
        "reconstruct/{}/mean": model.predict(x, verbose=0),
        "score/{}/score": tf.reduce_mean(terms.distortion + terms.rate, axis=0),
        "generate/{}/mean": model.decode(samples).mean(),
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The models, the inputs, and all outputs of their exports in another process."""
    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(max(SIZES), *SHAPE)).astype("float32")
    z = rng.normal(size=(max(SIZES), 2)).astype("float32")
    models = {}
    for name, make in MODELS.items():
        keras.utils.set_random_seed(0)
        models[name] = make()
        models[name].compile("adam")
        models[name].fit(x, epochs=1, verbose=0)
        export(models[name], folder / name / "1")
    np.savez(folder / "inputs.npz", x=x, z=z, seed=np.array(SEED, "int32"))
    command = [sys.executable, "-c", SERVER, str(folder), *MODELS]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return models, x, z, dict(np.load(folder / "outputs.npz"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MODELS)
def test_every_signature_gives_what_the_model_gives(served, name, size):
    models, x, z, outputs = served
    seed = tf.constant(SEED, tf.int32)
    for key, value in expected(models[name], x[:size], z[:size], seed).items():
        found = outputs[f"{name}/{key.format(size)}"]
        np.testing.assert_allclose(found, value, err_msg=key, **TOLERANCE)
        np.testing.assert_array_equal(outputs[f"{name}/{key.format(size)}/again"], found)


def test_signatures_and_their_names(served):
    keys = {tuple(key.split("/")[1::2]) for key in served[3] if not key.endswith("again")}
    assert keys == {
        ("serving_default", "embedding"),
        ("encode", "mean"),
        ("encode", "scale"),
        ("decode", "mean"),
        ("reconstruct", "mean"),
        ("score", "score"),
        ("generate", "mean"),
    }


def test_score_is_minus_the_elbo_of_evaluate(served):
    """One estimate against the other, within five standard errors of their difference."""
    models, x, _, _ = served
    model = models["VAE"]
    many = np.repeat(x, 200, axis=0)
    terms = model.terms(many, seed=tf.constant(SEED, tf.int32))
    scores = (terms.distortion + terms.rate).numpy().reshape(len(x), 200)
    error = float(np.sqrt(2 * np.mean(np.var(scores, axis=1)) / scores.size))
    elbo = model.evaluate(many, verbose=0)["elbo"]
    assert float(scores.mean()) == pytest.approx(-elbo, abs=5 * error + 1e-4)


def test_mixed_precision_serves_float32(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tfvae.VAE(latent_dim=2)
        model.build((None, *SHAPE))
        export(model, tmp_path / "1")
    finally:
        keras.config.set_dtype_policy("float32")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert signatures["reconstruct"](x=tf.zeros([2, *SHAPE]))["mean"].dtype == tf.float32


def test_unbuilt_model(tmp_path):
    with pytest.raises(ValueError, match="call `fit`, or `build"):
        export(tfvae.VAE(latent_dim=2), tmp_path / "1")


def test_folder_that_is_not_empty(tmp_path):
    model = tfvae.VAE(latent_dim=2)
    model.build((None, *SHAPE))
    (tmp_path / "1").mkdir()
    export(model, tmp_path / "1")  # an empty one is taken
    with pytest.raises(ValueError, match="next version number"):
        export(model, tmp_path / "1")
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="not empty"):
        export(model, tmp_path / "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "file"]


def test_a_failed_export_leaves_nothing(tmp_path, monkeypatch):
    model = tfvae.VAE(latent_dim=2)
    model.build((None, *SHAPE))
    monkeypatch.setattr(tf.io.gfile, "rename", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(model, tmp_path / "1")
    assert list(tmp_path.iterdir()) == []
