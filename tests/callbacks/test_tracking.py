"""Tracking writes the logs, weights and figures of a run, and does not change it."""

import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

import tfvae
from tfvae.callbacks import MLflowWriter, TensorBoardWriter, Tracking, WandbWriter
from tfvae.callbacks.writers import pixels

X = np.random.default_rng(0).uniform(size=(24, 6, 6, 1)).astype("float32")


def fit(*callbacks, epochs=3):
    keras.utils.set_random_seed(1)
    mlp = tfvae.networks.mlp
    vae = tfvae.VAE(2, mlp([8]), mlp([8], (6, 6, 1)), objective="constrained", seed=1)
    vae.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    history = vae.fit(
        X, epochs=epochs, validation_data=(X, X), callbacks=list(callbacks), verbose=0
    )
    return vae, history.history


class Notes:
    """A writer that records its calls."""

    def __init__(self):
        self.seen = {"numbers": [], "histogram": [], "figure": []}
        self.closed = 0

    def numbers(self, values, step):
        self.seen["numbers"].append((step, values))

    def histogram(self, name, values, step):
        self.seen["histogram"].append((step, name, np.array(values)))

    def figure(self, name, figure, step):
        assert isinstance(figure, Figure)
        self.seen["figure"].append((step, name))

    def close(self):
        self.closed += 1


def test_what_is_written_when():
    notes = Notes()
    vae, history = fit(Tracking(notes, X, np.arange(24), every=2))
    assert [step for step, _ in notes.seen["numbers"]] == [0, 1, 2]
    for step, values in notes.seen["numbers"]:
        for name in ("lambda", "elbo", "val_distortion"):
            assert values[name] == history[name][step]
        assert values["learning_rate"] == pytest.approx(1e-2)
    names = ["reconstructions", "samples", "latent_space"]
    assert notes.seen["figure"] == [(step, name) for step in (1, 2) for name in names]
    last = {name: values for step, name, values in notes.seen["histogram"] if step == 2}
    assert len(last) == len(vae.trainable_weights)
    for weight in vae.trainable_weights:
        np.testing.assert_array_equal(last[f"weights/{weight.path}"], weight)
    assert notes.closed == 1


def test_training_is_the_same_with_it():
    with_it, history = fit(Tracking(Notes(), X, every=1))
    without, other = fit()
    for one, two in zip(with_it.weights, without.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    assert history == other


def test_figures_of_ones_own():
    notes = Notes()
    fit(Tracking(notes, figures={"mine": lambda model: Figure()}, histograms=False), epochs=1)
    assert notes.seen["figure"] == [(0, "mine")] and notes.seen["histogram"] == []


def events(folder):
    found = {}
    for path in folder.glob("events*"):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found[value.tag, event.step] = tf.make_ndarray(value.tensor)
    return found


def test_tensorboard(tmp_path):
    vae, history = fit(Tracking(TensorBoardWriter(tmp_path), X, every=3))
    train, validation = events(tmp_path / "train"), events(tmp_path / "validation")
    for step in range(3):
        assert train["lambda", step] == pytest.approx(history["lambda"][step])
        assert validation["elbo", step] == pytest.approx(history["val_elbo"][step])
    width, height, image = train["reconstructions", 2]
    shown = tf.io.decode_image(image).numpy()
    assert shown.shape[:2] == (int(height), int(width)) and shown.std() > 0.0
    weight = vae.trainable_weights[0]
    buckets = train[f"weights/{weight.path}", 2]
    assert buckets[:, 2].sum() == np.size(weight)


def test_pixels():
    figure = Figure(figsize=(1.0, 0.5), facecolor=(1.0, 0.0, 0.2))
    image = pixels(figure)
    assert image.shape == (50, 100, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image[0, 0], [255, 0, 51])


@pytest.fixture
def mlflow(monkeypatch):
    module = types.ModuleType("mlflow")
    module.metrics, module.figures = [], []

    def log_metrics(metrics, step=None, run_id=None):
        module.metrics.append((metrics, step, run_id))

    class Client:
        def log_figure(self, run_id, figure, name):
            module.figures.append((run_id, name))

    module.log_metrics, module.MlflowClient = log_metrics, Client
    module.log_figure = lambda figure, name: module.figures.append((None, name))
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return module


def test_mlflow(mlflow):
    _, history = fit(Tracking(MLflowWriter(), X), epochs=1)
    metrics, step, run = mlflow.metrics[0]
    assert metrics["lambda"] == history["lambda"][0] and (step, run) == (0, None)
    names = ["reconstructions", "samples", "latent_space"]
    assert mlflow.figures == [(None, f"{name}/000000.png") for name in names]
    writer = MLflowWriter("abc")
    writer.histogram("λ:w", np.arange(101.0), 3)
    assert mlflow.metrics[-1] == ({"__w/q05": 5.0, "__w/q50": 50.0, "__w/q95": 95.0}, 3, "abc")
    writer.figure("f", Figure(), 3)
    assert mlflow.figures[-1] == ("abc", "f/000003.png")


def test_wandb(monkeypatch):
    module, logged = types.ModuleType("wandb"), []
    module.Image, module.Histogram, module.run = np.shape, np.shape, None
    monkeypatch.setitem(sys.modules, "wandb", module)
    with pytest.raises(ValueError, match=r"wandb\.init"):
        WandbWriter()
    module.run = types.SimpleNamespace(log=lambda values, step: logged.append((values, step)))
    vae, history = fit(Tracking(WandbWriter(), X), epochs=1)
    values = {name: value for part, _ in logged for name, value in part.items()}
    assert values["lambda"] == history["lambda"][0]
    assert values["samples"][-1] == 3
    weight = vae.trainable_weights[0]
    assert values[f"weights/{weight.path}"] == (np.size(weight),)
    assert {step for _, step in logged} == {0}


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (MLflowWriter, "mlflow"),
        (WandbWriter, "wandb"),
        (lambda: TensorBoardWriter("logs"), "tensorboard"),
    ],
)
def test_what_is_not_installed(make, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"needs the package {package}, .*pip install {package}"):
        make()


def test_bad_arguments():
    with pytest.raises(ValueError, match="without `numbers`"):
        Tracking("logs")
    with pytest.raises(ValueError, match="`every` must be a whole number"):
        Tracking(Notes(), every=0)
    with pytest.raises(ValueError, match="`figures` must map names to functions"):
        Tracking(Notes(), figures={"a": Figure()})


def test_models_with_labels_and_a_target():
    mlp = tfvae.networks.mlp
    y = {"labels": np.arange(24) % 3, "target": 1.0 - X}
    vae = tfvae.VAE(
        2, mlp([8]), mlp([8], (6, 6, 1)), discrete=tfvae.discrete.Labels(3), target="y", seed=1
    )
    vae.compile("adam")
    notes = Notes()
    for x, own in ((X, y), (X[:5], {name: values[:5] for name, values in y.items()})):
        tracking = Tracking(notes, x, own["labels"], y=own, histograms=False)
        vae.fit(X, y, callbacks=[tracking], verbose=0)
    names = ["reconstructions", "samples", "latent_space"]
    assert notes.seen["figure"] == [(0, name) for name in names] * 2
    with pytest.raises(ValueError, match="`y` must give 'labels' and 'target'"):
        vae.fit(X, y, callbacks=[Tracking(Notes(), X)], verbose=0)
