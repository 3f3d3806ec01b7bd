"""What a served model answers to requests: image files, raw units, bad ones, and the card's."""

import http.server
import io
import json
import pathlib
import re
import shutil
import subprocess
import threading
from concurrent import futures

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import tfvae
from tfvae.evaluation import Line
from tfvae.serving.inputs import inputs_of
from tfvae.serving.scaling import scaling_of

DATA = np.random.default_rng(1).normal(5.0, 3.0, size=(50, 4)).astype("float32")


def image_file(image, kind="PNG", **options):
    """The bytes of a file of an image in 0 to 255."""
    file = io.BytesIO()
    Image.fromarray(image.astype("uint8")).save(file, kind, **options)
    return file.getvalue()


def signatures_of(model, folder, **options):
    """The signatures of an export, functions of arrays."""
    tfvae.export(model, folder, **options)
    loaded = tf.saved_model.load(str(folder))

    def call(name):
        function = loaded.signatures[name]
        return lambda **inputs: {
            key: value.numpy()
            for key, value in function(**{k: tf.constant(v) for k, v in inputs.items()}).items()
        }

    call.keep = loaded
    return call


@pytest.fixture(scope="module")
def image_folder(image_model, tmp_path_factory):
    """An export of the model of images, with a card."""
    folder = tmp_path_factory.mktemp("images") / "cats" / "3"
    metrics = [Line("ELBO", -12.5, "nats"), Line("loss", float("nan"))]
    tfvae.export(image_model, folder, metrics=metrics, data={"name": "cats", "split": "train"})
    return folder


@pytest.fixture(scope="module")
def served_images(image_folder):
    return tf.saved_model.load(str(image_folder))


def test_image_files_of_another_size_kind_and_colour(image_model, served_images):
    rng = np.random.default_rng(0)
    large = rng.integers(0, 256, size=(16, 12, 3))
    halved = large.reshape(8, 2, 6, 2, 3).mean(axis=(1, 3))
    grey = rng.integers(0, 256, size=(8, 6))
    transparent = np.concatenate([large, np.full((16, 12, 1), 128)], axis=-1)
    ramp = np.linspace(40, 200, 12)
    smooth = np.broadcast_to(ramp[:, None], (16, 12, 3))
    smooth_halved = np.broadcast_to(ramp.reshape(6, 2).mean(1)[:, None], (8, 6, 3))
    files = [
        image_file(large),
        image_file(grey),
        image_file(transparent),
        image_file(smooth, "JPEG", quality=100, subsampling=0),
    ]
    as_read = [halved, np.repeat(grey[..., None], 3, -1), halved, smooth_halved]
    embed = served_images.signatures["embed_image_bytes"]
    found = embed(image_bytes=tf.constant(files))["embedding"].numpy()
    wanted = image_model.embed((np.array(as_read) / 255).astype("float32")).numpy()
    np.testing.assert_allclose(found[:3], wanted[:3], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found[3], wanted[3], atol=0.05)  # JPEG is not exact
    assert embed(image_bytes=tf.constant([], tf.string))["embedding"].shape == (0, 2)


@pytest.mark.parametrize("name", ["embed_image_bytes", "reconstruct_image_bytes"])
def test_bytes_that_are_no_image(served_images, name):
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be files of the kinds JPEG"):
        served_images.signatures[name](image_bytes=tf.constant([b"no image"]))


def test_pixels_go_through_the_scaling(tmp_path):
    """A model of images in [−1, 1] gets files as it gets raw pixels; PNGs are in 0 to 255 again."""
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (8, 6, 1)), seed=3)
    model.build((None, 8, 6, 1))
    call = signatures_of(model, tmp_path / "1", scaling=(127.5, 127.5))
    raw = np.random.default_rng(0).integers(0, 256, size=(2, 8, 6, 1)).astype("float32")
    files = np.array([image_file(image[..., 0]) for image in raw], object)
    scaled = raw / 127.5 - 1.0
    wanted = {"embedding": model.embed(scaled), "mean": 127.5 * (model(scaled) + 1.0)}
    tolerance = {"rtol": 1e-4, "atol": 1e-4}
    for found in (call("serving_default")(x=raw), call("embed_image_bytes")(image_bytes=files)):
        np.testing.assert_allclose(found["embedding"], wanted["embedding"], **tolerance)
    np.testing.assert_allclose(call("reconstruct")(x=raw)["mean"], wanted["mean"], **tolerance)
    pngs = call("reconstruct_image_bytes")(image_bytes=files)["png_bytes"]
    decoded = np.array([np.asarray(Image.open(io.BytesIO(png))) for png in pngs])
    levels = np.clip(wanted["mean"][..., 0], 0, 255)
    assert np.max(np.abs(decoded - levels)) <= 0.51


def normalization():
    layer = keras.layers.Normalization()
    layer.adapt(DATA)
    return layer, layer


def fitted(scaler):
    scaler.fit(DATA)
    return scaler, scaler.transform


SCALINGS = {
    "pair": lambda: ((DATA.mean(0), 2.0), lambda x: (x - DATA.mean(0)) / 2.0),
    "Normalization": normalization,
    "Rescaling": lambda: (keras.layers.Rescaling(0.5, -1.0),) * 2,
    "StandardScaler": lambda: fitted(StandardScaler()),
    "StandardScaler without mean": lambda: fitted(StandardScaler(with_mean=False)),
    "StandardScaler without scale": lambda: fitted(StandardScaler(with_std=False)),
    "MinMaxScaler": lambda: fitted(MinMaxScaler((-1, 1))),
}


@pytest.mark.parametrize("name", SCALINGS)
def test_scaling_is_what_was_given(name):
    given, transform = SCALINGS[name]()
    scaling = scaling_of(given, (4,))
    x = DATA[:7]
    np.testing.assert_allclose(scaling.to_model(x), transform(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(scaling.to_raw(scaling.to_model(x)), x, rtol=1e-4)


def test_requests_in_raw_units(vector_model, tmp_path):
    scaler = StandardScaler().fit(DATA)
    call = signatures_of(vector_model, tmp_path / "1", scaling=scaler)
    raw, scaled = DATA[:7], scaler.transform(DATA[:7])
    seed, tolerance = np.array([3, 5], "int32"), {"rtol": 1e-4, "atol": 1e-4}
    terms = vector_model.elbo_terms(scaled, seed=seed)
    score = (terms.distortion + terms.rate)[0]
    back = scaler.inverse_transform(vector_model.predict(scaled, verbose=0))
    embedding = vector_model.embed(scaled)
    np.testing.assert_allclose(call("encode")(x=raw)["mean"], embedding, **tolerance)
    np.testing.assert_allclose(call("reconstruct")(x=raw)["mean"], back, **tolerance)
    np.testing.assert_allclose(call("score")(x=raw, seed=seed)["score"], score, **tolerance)


@pytest.mark.parametrize(
    ("scaling", "message"),
    [
        ((0.0, 0.0), "finite and not 0"),
        ((np.nan, 1.0), "must be finite"),
        (
            (np.zeros(3), 1.0),
            r"must broadcast to the shape of one example, \(4,\), received the shape \(3,\)",
        ),
        ((np.zeros((2, 4)), 1.0), "must broadcast"),
        (("a", 1.0), "must consist of numbers"),
        (3.0, "must be a pair"),
        (keras.layers.Normalization(), "must be an adapted Normalization"),
        (StandardScaler(), "fitted StandardScaler"),
    ],
)
def test_bad_scaling(vector_model, tmp_path, scaling, message):
    with pytest.raises(ValueError, match=message):
        tfvae.export(vector_model, tmp_path / "1", scaling=scaling)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.5, -0.2])
def test_an_example_that_the_model_cannot_explain_is_answered_by_nan(served_images, bad):
    """The others of the request are answered as without it."""
    x = np.random.default_rng(0).uniform(size=(3, 8, 6, 3)).astype("float32")
    spoilt = x.copy()
    spoilt[1, 2, 3, 0] = bad
    for name in ("serving_default", "encode", "reconstruct", "score"):
        more = {"seed": tf.constant([0, 1])} if name == "score" else {}
        good, found = (
            served_images.signatures[name](x=tf.constant(values), **more) for values in (x, spoilt)
        )
        for key, value in found.items():
            assert np.all(np.isnan(value[1]))
            np.testing.assert_array_equal(value.numpy()[::2], good[key].numpy()[::2])


def test_latents_with_nan(served_images):
    z = tf.constant([[0.0, 1.0], [np.nan, 0.0]])
    mean = served_images.signatures["decode"](z=z)["mean"].numpy()
    assert np.all(np.isfinite(mean[0])) and np.all(np.isnan(mean[1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Pixels must be finite"):
        served_images.signatures["decode_image_bytes"](z=z)


@pytest.fixture(scope="module")
def labelled_model():
    """A semi-supervised, conditional model of grey images."""
    mlp = tfvae.networks.mlp
    keras.utils.set_random_seed(0)
    model = tfvae.VAE(
        2,
        encoder=mlp([8]),
        decoder=mlp([8], (8, 6, 1)),
        likelihood="bernoulli",
        discrete=tfvae.discrete.Labels(3, unknown=-1),
        condition=keras.layers.Embedding(5, 3),
        seed=3,
    )
    model.build(((None, 8, 6, 1), {"condition": (None,)}))
    return model


@pytest.fixture(scope="module")
def labelled_folder(labelled_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled") / "cats" / "1"
    tfvae.export(labelled_model, folder)
    return folder


@pytest.fixture(scope="module")
def served_labels(labelled_folder):
    return tf.saved_model.load(str(labelled_folder))


BESIDE = {"labels": [0, -1, 2], "condition": [1, 0, 4]}
OF_LABELS = ("serving_default", "reconstruct", "score")


@pytest.mark.parametrize(
    ("name", "key", "bad"),
    [
        *((name, "labels", bad) for name in OF_LABELS for bad in (3, -2)),
        *((name, "condition", bad) for name in (*OF_LABELS, "classify") for bad in (5, -1)),
    ],
)
def test_a_label_or_condition_out_of_range_is_answered_by_nan(served_labels, name, key, bad):
    x = np.random.default_rng(0).uniform(size=(3, 8, 6, 1)).astype("float32")
    inputs = {"x": tf.constant(x)} | {k: tf.constant(v) for k, v in BESIDE.items()}
    inputs |= {"seed": tf.constant([0, 1])} if name == "score" else {}
    if name == "classify":
        del inputs["labels"]
    good = served_labels.signatures[name](**inputs)
    spoilt = [BESIDE[key][0], bad, BESIDE[key][2]]
    found = served_labels.signatures[name](**(inputs | {key: tf.constant(spoilt)}))
    for output, value in found.items():
        value = value.numpy()
        wrong = value[1] == -1 if output == "categories" else np.isnan(value[1])
        assert np.all(wrong) and not np.any(np.isnan(good[output]))
        np.testing.assert_array_equal(value[::2], good[output].numpy()[::2])


@pytest.mark.parametrize("key", ["labels", "condition"])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_one_label_is_not_taken_for_all_examples(served_labels, key, rows):
    inputs = {k: tf.constant(v) for k, v in BESIDE.items()} | {key: tf.zeros([rows], tf.int32)}
    for name in ("serving_default", "reconstruct", "score"):
        more = {"seed": tf.constant([0, 1])} if name == "score" else {}
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="must have one row for each example"
        ):
            served_labels.signatures[name](x=tf.zeros([3, 8, 6, 1]), **inputs, **more)


def test_generate_takes_one_row_or_one_for_each(labelled_model, served_labels):
    def generate(count, labels, condition):
        inputs = {"labels": tf.constant(labels), "condition": tf.constant(condition)}
        inputs |= {"count": tf.constant(count), "seed": tf.constant([3, 5])}
        return served_labels.signatures["generate"](**inputs)["mean"].numpy()

    np.testing.assert_array_equal(generate(3, [2], [4]), generate(3, [2, 2, 2], [4, 4, 4]))
    found = generate(3, [2, -1, 5], [1])
    z = labelled_model.sample_prior(3, {"labels": [2, -1, 0], "condition": [1]}, seed=(3, 5))
    wanted = labelled_model.decode_mean(z, {"condition": [1, 1, 1]}).numpy()
    np.testing.assert_allclose(found[:2], wanted[:2], rtol=1e-5, atol=1e-5)
    assert np.all(np.isnan(found[2]))
    assert np.sum(z[1, 2:]) == 1.0  # The label that is not known is drawn.
    with pytest.raises(tf.errors.InvalidArgumentError, match="one row for all examples"):
        generate(3, [0, 1], [4])


def test_score_of_unknown_labels_sums_over_them(labelled_model, served_labels):
    x = np.random.default_rng(0).uniform(size=(3, 8, 6, 1)).astype("float32")
    condition, seed = tf.constant(BESIDE["condition"]), tf.constant([0, 1])
    found = served_labels.signatures["score"](
        x=tf.constant(x), labels=tf.constant([-1] * 3), condition=condition, seed=seed
    )["score"]
    terms = labelled_model.elbo_terms(x, {"condition": condition}, seed=seed)
    np.testing.assert_allclose(found, (terms.distortion + terms.rate)[0], rtol=1e-5)


def test_target_has_a_scaling_of_its_own(tmp_path):
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (3,)), target="y", seed=3)
    model.build(((None, 4), (None, 3)))
    scalings = {"scaling": (5.0, 3.0), "target_scaling": (np.arange(3.0), 2.0)}
    call = signatures_of(model, tmp_path / "1", **scalings)
    raw = DATA[:7]
    target = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    raw_target = (np.arange(3.0) + 2.0 * target).astype("float32")
    scaled, seed = (raw - 5.0) / 3.0, np.array([3, 5], "int32")
    mean = np.arange(3.0) + 2.0 * model.predict(scaled, verbose=0)
    terms = model.elbo_terms(scaled, target, seed=seed)
    score, tolerance = (terms.distortion + terms.rate)[0], {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(call("reconstruct")(x=raw)["mean"], mean, **tolerance)
    found = call("score")(x=raw, target=raw_target, seed=seed)["score"]
    np.testing.assert_allclose(found, score, **tolerance)
    raw_target[1, 2] = np.nan
    found = call("score")(x=raw, target=raw_target, seed=seed)["score"]
    assert np.isnan(found[1]) and np.sum(np.isnan(found)) == 1
    text = (tmp_path / "1" / "assets.extra" / "MODEL_CARD.md").read_text()
    assert "a target of the shape (3,)" in text and "Targets likewise have offset" in text


def test_target_scaling_that_does_not_fit(vector_model, tmp_path):
    with pytest.raises(ValueError, match="`target_scaling` must be None"):
        tfvae.export(vector_model, tmp_path / "1", target_scaling=(0.0, 1.0))
    model = tfvae.VAE(2, target="y")
    model.build(((None, 4), (None, 3)))
    with pytest.raises(ValueError, match="`target_scaling` must be given beside"):
        tfvae.export(model, tmp_path / "1", scaling=(0.0, 2.0))
    with pytest.raises(ValueError, match="`target_scaling` must broadcast to"):
        tfvae.export(model, tmp_path / "1", target_scaling=(np.zeros(4), 1.0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("condition", "shape", "dtype"),
    [
        (2, None, tf.float32),
        (keras.layers.Dense(3), (None, 2), tf.float32),
        (keras.layers.Embedding(5, 3), (None,), tf.int32),
        (keras.layers.CategoryEncoding(5), (None, 1), tf.int32),
        (
            keras.Sequential([keras.layers.Embedding(5, 3), keras.layers.Flatten()]),
            (None, 2),
            tf.int32,
        ),
    ],
)
def test_type_of_the_condition(condition, shape, dtype, tmp_path):
    model = tfvae.VAE(2, condition=condition)
    model.build(((None, 4), {"condition": shape}) if shape else (None, 4))
    (spec,) = inputs_of(model, None, None).specs("condition")
    assert spec.dtype == dtype and spec.shape.as_list() == list(shape or (None, 2))


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_bad_counts(served_images, count):
    with pytest.raises(tf.errors.InvalidArgumentError, match="from 1 to 10000"):
        served_images.signatures["generate"](count=tf.constant(count), seed=tf.constant([0, 1]))


@pytest.mark.parametrize("name", ["serving_default", "encode", "reconstruct", "score", "decode"])
def test_a_wrong_shape_is_refused_as_servers_feed_it(image_folder, name):
    """A session checks nothing; without a check in the graph (6, 8, 3) would pass as (8, 6, 3)."""
    wrong = {
        "x": np.zeros((2, 6, 8, 3), "float32"),
        "z": np.zeros((1, 3), "float32"),
        "seed": np.zeros(2, "int32"),
    }
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], str(image_folder))
        signature = meta.signature_def[name]
        tensors = {k: graph.get_tensor_by_name(v.name) for k, v in signature.inputs.items()}
        feeds = {tensor._as_tf_output(): wrong[key] for key, tensor in tensors.items()}
        fetches = [
            graph.get_tensor_by_name(v.name)._as_tf_output() for v in signature.outputs.values()
        ]
        # `session.run` would check the shapes before the graph sees them.
        with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible with expected"):
            session._call_tf_sessionrun(None, feeds, fetches, [], None)


def test_card(image_folder, image_model, served_images):
    extra = image_folder / "assets.extra"
    card = json.loads((extra / "model_card.json").read_text(), parse_constant=pytest.fail)
    assert card["name"] == "cats" and card["model"] == "tfvae.VAE"
    assert card["metrics"]["ELBO"] == {"value": -12.5, "unit": "nats"}
    assert card["data"]["trained on"] == {"name": "cats", "split": "train"}
    assert card["versions"]["tensorflow"] == tf.__version__
    assert card["config"]["latent_dim"] == 2 and card["config"]["decoder"]["config"]
    assert set(card["signatures"]) == set(served_images.signatures)
    for name, signature in card["signatures"].items():
        function = served_images.signatures[name]
        specs = function.structured_input_signature[1]
        assert {k: (v["dtype"], v["shape"]) for k, v in signature["inputs"].items()} == {
            k: (v.dtype.name, v.shape.as_list()) for k, v in specs.items()
        }
        assert set(signature["outputs"]) == set(function.structured_outputs)
    text = (extra / "MODEL_CARD.md").read_text()
    assert card["scaling"]["pixels"] == {"offset": 0.0, "scale": 255.0}
    assert "0 to 255: offset 0 and scale 255" in text
    assert "-12.5" in text and "cats" in text and tf.__version__ in text
    rows = [line for line in text.splitlines() if re.match(r"\| (\w+) ", line)]
    rows = [row for row in rows if row.split()[1] in card["signatures"]]
    assert len(rows) == 9
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)  # four columns


@pytest.mark.parametrize("metrics", [{"ELBO": [1.0]}, [("ELBO", 1.0)], [3.0]])
def test_bad_metrics(vector_model, tmp_path, metrics):
    with pytest.raises(ValueError, match="`metrics` must be a dict"):
        tfvae.export(vector_model, tmp_path / "1", metrics=metrics)


def test_card_of_a_labelled_model(labelled_folder):
    extra = labelled_folder / "assets.extra"
    card = json.loads((extra / "model_card.json").read_text(), parse_constant=pytest.fail)
    inputs = card["signatures"]["score"]["inputs"]
    assert list(inputs) == ["x", "labels", "condition", "seed"]
    assert inputs["labels"]["meaning"] == "whole numbers from 0 to S − 1, S = 3; -1: not known"
    assert card["num_categories"] == [3] and card["data"]["beside x"] == ["labels", "condition"]
    text = (extra / "MODEL_CARD.md").read_text()
    assert "labels int32 (B,)" in text and "condition int32 (B,)" in text
    assert "- labels: whole numbers from 0 to S − 1" in text and "categories 3," in text
    assert "labels and condition: one row for all samples, or one for each" in text
    rows = [line for line in text.splitlines() if re.match(r"\| (\w+) ", line)]
    rows = [row for row in rows if row.split()[1] in card["signatures"]]
    assert len(rows) == 10
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)  # four columns


@pytest.fixture(params=["images", "labelled images"])
def called(request):
    """The folder of an export, and what it serves."""
    if request.param == "images":
        names = ("image_folder", "served_images")
    else:
        names = ("labelled_folder", "served_labels")
    return tuple(request.getfixturevalue(name) for name in names)


@pytest.fixture
def caller_folder(called, tmp_path):
    """The card's folder with an image to send."""
    shutil.copytree(called[0] / "assets.extra", tmp_path / "card")
    image = np.random.default_rng(0).integers(0, 256, size=(30, 20, 3))
    (tmp_path / "card" / "image.png").write_bytes(image_file(image))
    return tmp_path / "card"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_commands_of_the_card_for_rest(caller_folder, called):
    """Against a server that reads JSON as the documentation of TF Serving's REST interface says."""
    seen = []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, body["signature_name"]))
            function = called[1].signatures[body["signature_name"]]
            specs = function.structured_input_signature[1]
            inputs = {
                key: tf.io.decode_base64([_web_safe(item["b64"]) for item in value])
                if specs[key].dtype == tf.string
                else tf.constant(value, specs[key].dtype)
                for key, value in body["inputs"].items()
            }
            outputs = {key: str(value.numpy()) for key, value in function(**inputs).items()}
            answer = json.dumps({"outputs": outputs}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    card = json.loads((caller_folder / "model_card.json").read_text())
    with http.server.ThreadingHTTPServer(("localhost", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, signature in card["signatures"].items():
            command = signature["curl"].replace(":8501", f":{server.server_port}")
            result = subprocess.run(
                ["bash", "-c", command], cwd=caller_folder, capture_output=True, text=True
            )
            assert set(json.loads(result.stdout)["outputs"]) == set(signature["outputs"]), name
        server.shutdown()
    assert seen == [("/v1/models/cats:predict", name) for name in card["signatures"]]


def _web_safe(text):
    return text.replace("+", "-").replace("/", "_")


def test_client_of_the_card_for_grpc(caller_folder, called, monkeypatch):
    """Against a server made of the classes of TF Serving's interface."""
    grpc = pytest.importorskip("grpc")
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    predict = pytest.importorskip("tensorflow_serving.apis.predict_pb2")

    class Servicer(service.PredictionServiceServicer):
        def Predict(self, request, context):  # noqa: N802
            assert request.model_spec.name == "cats"
            function = called[1].signatures[request.model_spec.signature_name]
            inputs = {k: tf.constant(tf.make_ndarray(v)) for k, v in request.inputs.items()}
            response = predict.PredictResponse()
            for key, value in function(**inputs).items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    server = grpc.server(futures.ThreadPoolExecutor(1))
    service.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    monkeypatch.chdir(caller_folder)
    card = json.loads(pathlib.Path("model_card.json").read_text())
    client = {}
    exec(card["grpc_client"].replace(":8500", f":{port}"), client)
    for signature in card["signatures"].values():
        answer = eval(signature["grpc"], client)
        assert set(answer) == set(signature["outputs"])
    client["channel"].close()
    server.stop(None)
