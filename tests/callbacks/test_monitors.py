"""The fit of the prior in the logs: what sees it, and that training is the same without it."""

import csv
import random
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.callbacks import Checkpoints, PriorFitMonitor, TensorBoardWriter, Tracking

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
NAMES = ["prior_fit", "prior_share"]
FEW = {"num_samples": 60, "num_importance_samples": 8}


def make(**kwargs):
    keras.utils.set_random_seed(1)
    encoder = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.2)])
    kwargs = {"objective": tfvae.objectives.Constrained(kappa=2.0), **kwargs}
    vae = tfvae.VAE(2, encoder, tfvae.networks.mlp([8], (6,)), seed=1, **kwargs)
    vae.compile(keras.optimizers.Adam(1e-2), run_eagerly=True)
    return vae


def hierarchical():
    return make(prior=tfvae.priors.HierarchicalPrior(4, hidden=(4,)))


def fit(vae, *callbacks, epochs=3, **kwargs):
    options = {"epochs": epochs, "batch_size": 20, "verbose": 0, **kwargs}
    return vae.fit(X, callbacks=list(callbacks), **options).history


def state(vae):
    generators = [vae.seed_generator.state, vae.test_seed_generator.state]
    return [v.numpy() for v in (*vae.weights, *vae.optimizer.variables, *generators)]


class Notes(keras.callbacks.Callback):
    """Records the names that it sees, and the global random numbers that would come next."""

    def __init__(self):
        super().__init__()
        self.seen, self.random = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(set(logs))
        self.random.append((random.getstate(), np.random.get_state()[1].tobytes()))


@pytest.fixture(scope="module")
def trained():
    """A model after three epochs with the callback, its history, and what was seen of them."""
    vae, before, after = hierarchical(), Notes(), Notes()
    history = fit(vae, before, PriorFitMonitor(X, **FEW), after)
    return vae, history, before, after


def test_the_logs_hold_what_evaluation_measures(trained):
    vae, history, _, _ = trained
    found = tfvae.evaluation.prior_fit(vae, X, **FEW)
    assert history["prior_fit"][-1] == found.divergence
    assert history["prior_share"][-1] == found.share
    assert len(set(history["prior_fit"])) == 3
    assert vae.log_prior.experimental_get_tracing_count() == 1


def test_callbacks_after_it_see_the_numbers(trained):
    _, _, before, after = trained
    assert not set(NAMES) & set.union(*before.seen)
    assert set(NAMES) <= set.intersection(*after.seen)


def test_training_is_the_same_with_it(trained):
    vae, _, _, after = trained
    other, notes = hierarchical(), Notes()
    fit(other, notes)
    for value, wanted in zip(state(vae), state(other), strict=True):
        np.testing.assert_array_equal(value, wanted)
    assert after.random == notes.random


def test_what_monitors_and_records_without_a_warning(tmp_path):
    class Worse(PriorFitMonitor):
        """The fit is best after the second epoch."""

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            logs["prior_fit"] += 100.0 * abs(epoch - 1)

    stop = keras.callbacks.EarlyStopping("prior_fit", mode="min", patience=1)
    best = keras.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.keras", monitor="prior_fit", mode="min", save_best_only=True
    )
    record = keras.callbacks.CSVLogger(tmp_path / "history.csv")
    writer = Tracking(TensorBoardWriter(tmp_path / "logs"), histograms=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(monitor|metric|available).*")
        history = fit(make(), Worse(X, **FEW), stop, best, record, writer, epochs=5)
    assert len(history["prior_fit"]) == 3
    assert {path.name for path in tmp_path.glob("*.keras")} == {"1.keras", "2.keras"}
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in NAMES:
        assert [float(row[name]) for row in rows] == pytest.approx(history[name])
    events = [
        value
        for path in (tmp_path / "logs" / "train").glob("events*")
        for record in tf.data.TFRecordDataset(str(path))
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value
    ]
    written = [tf.make_ndarray(event.tensor) for event in events if event.tag == "prior_share"]
    np.testing.assert_allclose(written, history["prior_share"], rtol=1e-6)


def test_epochs_between_hold_the_last_numbers():
    history = fit(make(), PriorFitMonitor(X, every=2, **FEW), epochs=4)
    for name in NAMES:
        values = history[name]
        assert values[0] == values[1] and values[2] == values[3]
    assert len(set(history["prior_fit"])) == 2


class Stop(keras.callbacks.Callback):
    """Ends the program, as it were, in the middle of an epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations.numpy() == 5:
            raise KeyboardInterrupt


def test_a_run_that_was_interrupted_ends_the_same(tmp_path):
    def program(*more):
        vae = make()
        monitor = PriorFitMonitor(X, every=3, **FEW)
        saved = Checkpoints(tmp_path / "run", callbacks=[monitor])
        batches = saved.batches(X, batch_size=20)
        vae.build(X.shape)
        callbacks = [monitor, *more, saved]
        return vae, vae.fit(batches, epochs=4, callbacks=callbacks, verbose=0).history

    with pytest.raises(KeyboardInterrupt):
        program(Stop())
    vae, history = program()
    (tmp_path / "run").rename(tmp_path / "first")
    whole, expected = program()
    for value, wanted in zip(state(vae), state(whole), strict=True):
        np.testing.assert_array_equal(value, wanted)
    assert history == expected


def test_a_fixed_part_of_the_data():
    array = PriorFitMonitor(X, num_examples=25, **FEW)
    batches = tf.data.Dataset.from_tensor_slices(X).batch(10)
    dataset = PriorFitMonitor(batches, num_examples=25, **FEW)
    again = PriorFitMonitor(X, num_examples=25, seed=0, **FEW)
    vae = make()
    fit(vae, array, dataset, again, epochs=1)
    (x, _), *none = array._batches
    assert not none and len(np.unique(x, axis=0)) == 25
    rows = [int(np.flatnonzero((one == X).all(axis=1))[0]) for one in x]
    assert rows == sorted(rows) and rows != list(range(25))
    np.testing.assert_array_equal(again._batches[0][0], x)
    sizes = [len(x) for x, _ in dataset._batches]
    assert sizes == [10, 10, 5]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in dataset._batches[:2]]), X[:20])


def test_a_condition_and_sequences():
    c = np.random.default_rng(1).normal(size=(40, 2)).astype("float32")
    keras.utils.set_random_seed(1)
    vae = tfvae.VAE(2, condition=2, discrete=tfvae.discrete.Labels(3), seed=1)
    vae.compile("adam", run_eagerly=True)
    labels = np.arange(40) % 3
    monitor = PriorFitMonitor(X, y={"condition": c}, num_examples=20, **FEW)
    history = vae.fit(X, {"labels": labels, "condition": c}, callbacks=[monitor], verbose=0).history
    assert np.isfinite(history["prior_fit"][0]) and len(monitor._batches[0][1]["condition"]) == 20
    frames = np.random.default_rng(0).random((8, 4, 5)).astype("float32")
    tvae = tfvae.TopographicVAE(8, likelihood="bernoulli", seed=0)
    tvae.compile("adam", run_eagerly=True)
    monitor = PriorFitMonitor(frames, num_examples=13, **FEW)
    history = tvae.fit(frames, callbacks=[monitor], verbose=0).history
    assert np.isfinite(history["prior_fit"][0]) and len(monitor._batches[0][0]) == 3


@pytest.mark.parametrize("name", ["every", "num_examples", "num_samples"])
def test_bad_numbers(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least 1"):
        PriorFitMonitor(X, **{name: 0})


def test_unsuitable_data_fail_before_the_training():
    vae, notes = make(), Notes()
    with pytest.raises(ValueError, match=r"must .* received"):
        fit(vae, PriorFitMonitor(X[:, :5], **FEW), notes)
    with pytest.raises(ValueError, match="at least one example"):
        fit(vae, PriorFitMonitor(X[:0], **FEW), notes)
    assert not notes.seen and vae.optimizer.iterations.numpy() == 0
