"""Runs continue bit for bit; checkpoints of other models are refused, damaged ones never loaded."""

import errno
import functools
import json
import resource
import signal
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from benchmarks import faults
from tfvae._files import DamagedFileError, read_arrays, write_arrays
from tfvae.callbacks import Checkpoints, _files, _lock
from tfvae.models.persistence import random_states
from tfvae.objectives import Constrained
from tfvae.penalties import Flatness
from tfvae.priors import HierarchicalPrior

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")


def networks(shape=(6,), dropout=0.0):
    mlp = tfvae.networks.mlp
    encoder = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dropout(dropout)])
    return {"encoder": encoder, "decoder": mlp([8], shape)}


def make_vae(rate=1e-2, **kwargs):
    keras.utils.set_random_seed(1)
    model = tfvae.VAE(2, **networks(dropout=0.2), **{"seed": 1, **kwargs})
    model.compile(keras.optimizers.Adam(rate))
    return model


def make_flat(**kwargs):
    keras.utils.set_random_seed(1)
    model = tfvae.FlatManifoldVAE(
        2,
        **networks(dropout=0.2),
        prior=HierarchicalPrior(2, hidden=(4,)),
        objective=Constrained(kappa=1.0, **kwargs),
        penalties=[Flatness(1.0, estimator="stochastic")],
        seed=1,
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, 3, 0.9)
    model.compile(keras.optimizers.Adam(schedule, use_ema=True))
    return model


@functools.cache
def traced(make):
    """A model and its first state: its steps are traced once for all tests."""
    model = make()
    with model.distribute_strategy.scope():
        model.build(X.shape)
        model.build_optimizers()
    return model, state(model)


def restarted(make):
    """The model as it is when the program is run again."""
    model, first = traced(make)
    keras.utils.set_random_seed(1)
    for variable, value in zip(variables(model), first, strict=True):
        variable.assign(value)
    model.reset_metrics()
    return model


def variables(model):
    """The variables that determine how training continues."""
    generators = [*random_states(model).values()]
    return [*model.training_state, *generators]


def state(model):
    return [np.array(variable.numpy()) for variable in variables(model)]


class Stop(keras.callbacks.Callback):
    """Simulates the end of the program before a step, or at the end, of an epoch."""

    def __init__(self, epoch, step=None, number=None):
        super().__init__()
        self.epoch, self.step, self.number = epoch, step, number

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if self.now == self.epoch and batch == self.step:
            self.end()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch and self.step is None:
            self.end()

    def on_test_batch_begin(self, batch, logs=None):
        if self.now == self.epoch and self.step == "test":
            self.end()

    def end(self):
        if self.number is None:
            raise ZeroDivisionError
        signal.raise_signal(self.number)


def fit(make, folder, *more, data="array", epochs=4, validation=(X, X), **kwargs):
    """The state at the end and the History of one run of the program."""
    model = restarted(make)
    saved = Checkpoints(folder, **kwargs)
    settings = {"batch_size": 8}
    if data == "array":
        x = X
    elif data == "batches":
        x, settings = saved.batches(X, batch_size=8, seed=3), {"shuffle": False}
    elif data == "each epoch":
        source = tf.data.Dataset.from_tensor_slices(X)

        def shuffled(epoch):
            return source.shuffle(40, seed=epoch, reshuffle_each_iteration=False).batch(8)

        x, settings = saved.each_epoch(shuffled), {"shuffle": False}
    elif data == "dataset":
        x, settings = tf.data.Dataset.from_tensor_slices(X).batch(8), {"shuffle": False}
    elif data == "pydataset":
        x, settings = Rows(), {"shuffle": True}
    history = model.fit(
        x,
        epochs=epochs,
        callbacks=[*more, saved],
        verbose=0,
        validation_data=validation,
        **settings,
    )
    return state(model), history


class Rows(keras.utils.PyDataset):
    """Shuffled by Keras with `random`, and noisy by NumPy's global generator."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[8 * index : 8 * index + 8] + np.random.normal(size=(8, 6)).astype("float32")


def assert_same(found, expected):
    (values, history), (wanted, wanted_history) = found, expected
    for value, other in zip(values, wanted, strict=True):
        np.testing.assert_array_equal(value, other)
    assert history.epoch == wanted_history.epoch
    assert history.history == wanted_history.history


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Runs without interruption, by model and data."""
    runs = {}

    def run(make, data="array"):
        if (make, data) not in runs:
            folder = tmp_path_factory.mktemp("undisturbed")
            runs[make, data] = fit(make, folder, data=data)
        return runs[make, data]

    return run


@pytest.mark.parametrize("make", [make_vae, make_flat])
def test_all_epochs_then_a_stop_then_the_same(make, undisturbed, tmp_path, capsys):
    with pytest.raises(ZeroDivisionError):
        fit(make, tmp_path, Stop(2))  # Before epoch 3 is saved.
    found = fit(make, tmp_path)
    assert capsys.readouterr().out == "Continuing with epoch 3 of 4.\n"
    assert_same(found, undisturbed(make))


@pytest.mark.parametrize("data", ["array", "batches", "each epoch", "dataset", "pydataset"])
def test_steps_of_an_epoch_are_not_done_twice(data, undisturbed, tmp_path, capsys):
    with pytest.raises(ZeroDivisionError):
        fit(make_vae, tmp_path, Stop(1, 4), data=data, save_freq=3)
    found = fit(make_vae, tmp_path, data=data, save_freq=3)
    assert capsys.readouterr().out == "Continuing with epoch 2 of 4 after step 3.\n"
    assert_same(found, undisturbed(make_vae, data))


def test_batches_have_a_new_order_in_each_epoch_and_all_rows(tmp_path):
    saved, seen = Checkpoints(tmp_path), []
    for epoch in (0, 1, 0):
        saved._epoch_variable.assign(epoch)
        seen.append(np.concatenate(list(saved.batches(X, batch_size=16).as_numpy_iterator())))
        np.testing.assert_array_equal(np.sort(seen[-1][:, 0]), np.sort(X[:, 0]))
    assert not np.array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])
    x, y = next(iter(saved.batches(X, X[:, 0], batch_size=16, seed=5)))
    np.testing.assert_array_equal(x[:, 0], y)


@pytest.mark.parametrize(
    ("number", "step"),
    [(signal.SIGTERM, 2), (signal.SIGTERM, None), (signal.SIGTERM, "test"), (signal.SIGINT, 2)],
)
def test_signals_save_and_then_end_the_program(number, step, undisturbed, tmp_path):
    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as stopped:
        fit(make_vae, tmp_path, Stop(1, step, number))
    if number == signal.SIGTERM:
        assert stopped.value.code == 143
    assert signal.getsignal(number) is handler
    wanted = {2: _files.name(1, 2), None: _files.name(2, 0), "test": _files.name(1, 5)}[step]
    assert _files.paths(tmp_path)[-1].name == wanted
    assert_same(fit(make_vae, tmp_path), undisturbed(make_vae))
    assert signal.getsignal(number) is handler


def test_a_signal_after_a_failed_fit_is_not_swallowed(tmp_path):
    # Another test of the process may have left a handler of its own, such as a notebook's.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(ZeroDivisionError):
            fit(make_vae, tmp_path, Stop(0))
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_signals_while_steps_are_skipped(undisturbed, tmp_path):
    for _ in range(2):
        with pytest.raises(SystemExit):
            fit(make_vae, tmp_path, Stop(1, 3, signal.SIGTERM))
    with pytest.raises(SystemExit):
        fit(make_vae, tmp_path, Stop(1, 1, signal.SIGTERM))
    assert _files.paths(tmp_path)[-1].name == _files.name(1, 3)
    assert_same(fit(make_vae, tmp_path), undisturbed(make_vae))


def test_a_finished_run_and_more_epochs(undisturbed, tmp_path, capsys):
    fit(make_vae, tmp_path, epochs=3)
    again = fit(make_vae, tmp_path, epochs=3)
    assert capsys.readouterr().out == "Training has ended already, after epoch 3.\n"
    assert again[1].epoch == [0, 1, 2] and len(again[1].history["loss"]) == 3
    assert_same(fit(make_vae, tmp_path), undisturbed(make_vae))


def test_the_next_fit_of_the_model_starts_at_its_own_epoch(tmp_path):
    fit(make_vae, tmp_path, epochs=2)
    fit(make_vae, tmp_path, epochs=3)
    assert restarted(make_vae).fit(X, epochs=1, batch_size=8, verbose=0).epoch == [0]


def test_counters_of_other_callbacks(tmp_path):
    def run(folder, *more):
        slower = keras.callbacks.ReduceLROnPlateau("val_elbo", 0.5, 2, mode="max", min_delta=50.0)
        stop = keras.callbacks.EarlyStopping(
            "val_elbo", patience=4, mode="max", min_delta=50.0, restore_best_weights=True
        )
        others = [slower, stop]
        return fit(make_vae, folder, *others, *more, epochs=9, callbacks=others)

    whole = run(tmp_path / "whole")
    assert whole[1].epoch == [0, 1, 2, 3, 4]
    assert whole[1].history["learning_rate"][-1] < 0.006
    for epoch in (1, 3):
        with pytest.raises(ZeroDivisionError):
            run(tmp_path / "cut", Stop(epoch))
    assert_same(run(tmp_path / "cut"), whole)
    assert_same(run(tmp_path / "cut"), whole)  # It has stopped early and must not continue.


def test_only_the_newest_are_kept(tmp_path):
    fit(make_vae, tmp_path, save_freq=2, keep=2, epochs=2)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".npz"] == ["lock"]
    names = [path.name for path in _files.paths(tmp_path)]
    assert names == [_files.name(1, 4), _files.name(2, 0)]
    fit(make_vae, tmp_path, keep=1, epochs=3)
    assert [path.name for path in _files.paths(tmp_path)] == [_files.name(3, 0)]


def test_a_truncated_file_is_named_and_the_one_before_it_used(undisturbed, tmp_path):
    fit(make_vae, tmp_path, epochs=3)
    newest = _files.paths(tmp_path)[-1]
    content = newest.read_bytes()
    whole = Checkpoints(tmp_path).next_epoch()
    assert whole == 3
    lengths = np.random.default_rng(0).integers(0, len(content), 48)
    for length in (0, len(content) - 1, *lengths):
        newest.write_bytes(content[:length])
        with pytest.warns(UserWarning, match=newest.name):
            assert Checkpoints(tmp_path).next_epoch() == 2
    with pytest.warns(UserWarning, match="is damaged"):
        found = fit(make_vae, tmp_path)
    assert_same(found, undisturbed(make_vae))


def test_a_changed_byte_is_noticed(tmp_path):
    path = tmp_path / _files.name(1, 0)
    _files.write(path, {"a": np.arange(50.0)}, {"epoch": 1})
    content = bytearray(path.read_bytes())
    for position in np.random.default_rng(0).integers(0, len(content), 50):
        damaged = bytearray(content)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(DamagedFileError):
            read_arrays(path)
    path.write_bytes(content)
    arrays, manifest = read_arrays(path)
    assert manifest["epoch"] == 1
    np.testing.assert_array_equal(arrays["a"], np.arange(50.0))
    with np.load(path, allow_pickle=False) as plain:  # The checksum at the end does no harm.
        np.testing.assert_array_equal(plain["a"], np.arange(50.0))
        assert json.loads(plain["manifest"].tobytes()) == manifest


def test_without_a_whole_file_training_begins_anew(undisturbed, tmp_path):
    fit(make_vae, tmp_path, epochs=1)
    for path in _files.paths(tmp_path):
        path.write_bytes(b"")
    with pytest.warns(UserWarning, match="is damaged"):
        assert_same(fit(make_vae, tmp_path), undisturbed(make_vae))


def test_damaged_later_files_do_not_push_out_good_ones(tmp_path):
    fit(make_vae, tmp_path, epochs=1)
    (tmp_path / _files.name(1, 4)).write_bytes(b"x")
    with pytest.warns(UserWarning, match="is damaged"), pytest.raises(ZeroDivisionError):
        fit(make_vae, tmp_path, Stop(1, 3), keep=1, save_freq=2)
    assert [path.name for path in _files.paths(tmp_path)] == [_files.name(1, 2)]


def test_a_disk_that_is_full(tmp_path):
    fit(make_vae, tmp_path, epochs=1)
    before = [path.read_bytes() for path in _files.paths(tmp_path)]
    path = tmp_path / _files.name(2, 0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(OSError, match=path.name) as full:
            _files.write(path, {"a": np.zeros(1000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert full.value.errno == errno.EFBIG and "Free disk space" in str(full.value)
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*.npz"))] == before
    assert not list(tmp_path.glob(".partial*"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_vae(rate=1e-3), "learning_rate: saved 0.00999.*, now 0.001"),
        (lambda: make_vae(seed=2), "seed: saved 1, now 2"),
        (lambda: make_vae(likelihood="gaussian", objective="constrained"), "objective"),
        (make_flat, "class_name: saved 'VAE', now 'FlatManifoldVAE'"),
    ],
)
def test_another_model_is_refused_untouched(make, message, tmp_path):
    fit(make_vae, tmp_path, epochs=1)
    model = make()
    model.build(X.shape)
    before = [np.asarray(weight) for weight in model.weights]
    with pytest.raises(ValueError, match=f"(?s)`folder` must hold.* of another model.*{message}"):
        model.fit(X, verbose=0, callbacks=[Checkpoints(tmp_path)])
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_bad_arguments(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`folder` must be a folder, received the file"):
        Checkpoints(tmp_path / "file")
    with pytest.raises(ValueError, match="`save_freq` must be a whole number of at least 1"):
        Checkpoints(tmp_path, save_freq=0)
    with pytest.raises(ValueError, match="`keep` must be"):
        Checkpoints(tmp_path, keep=0)
    saved = Checkpoints(tmp_path)
    with pytest.raises(ValueError, match=r"lengths \[3, 4\]"):
        saved.batches(np.zeros((3, 1)), np.zeros(4))
    with pytest.raises(ValueError, match="at least one array"):
        saved.batches()
    with pytest.raises(ValueError, match=r"must return a tf\.data\.Dataset"):
        saved.each_epoch(lambda epoch: [1])
    with pytest.raises(ValueError, match=r"`model\.build"):
        saved.restore(make_vae())
    assert not saved.exists() and saved.next_epoch() == 0


def test_any_keras_model(tmp_path):
    """State of layers that tfvae does not know; and bfloat16, which NumPy does not know."""

    def run(folder, *more):
        keras.utils.set_random_seed(1)
        layers = [keras.Input((6,)), keras.layers.Dropout(0.5), keras.layers.BatchNormalization()]
        model = keras.Sequential([*layers, keras.layers.Dense(1, dtype="bfloat16")])
        model.compile(keras.optimizers.SGD(1e-2, momentum=0.9), "mse", metrics=["mae"])
        model.fit(
            X,
            X[:, :1],
            epochs=3,
            verbose=0,
            batch_size=8,
            callbacks=[*more, Checkpoints(folder, save_freq=2)],
        )
        return [np.asarray(v, "float32") for v in (*model.variables, *model.optimizer.variables)]

    whole = run(tmp_path / "whole")
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "cut", Stop(1, 3))
    for value, wanted in zip(run(tmp_path / "cut"), whole, strict=True):
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.slow
def test_two_replicas(tmp_path):
    """Each with its own noise; the means of a half epoch are sums over both."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    def make():
        with strategy.scope():
            return make_vae()

    settings = {"data": "batches", "epochs": 2, "validation": None}
    whole = fit(make, tmp_path / "whole", **settings)
    with pytest.raises(ZeroDivisionError):
        fit(make, tmp_path / "cut", Stop(1, 4), save_freq=3, **settings)
    found = fit(make, tmp_path / "cut", **settings)
    for value, wanted in zip(found[0], whole[0], strict=True):
        np.testing.assert_array_equal(value, wanted)
    np.testing.assert_allclose(found[1].history["loss"], whole[1].history["loss"], rtol=1e-6)


def test_steps_per_execution(tmp_path):
    def make():
        model = make_vae()
        model.compile(keras.optimizers.Adam(1e-2), steps_per_execution=2)
        return model

    whole = fit(make, tmp_path / "whole", validation=None)
    with pytest.raises(ZeroDivisionError):
        fit(make, tmp_path / "cut", Stop(1, 4), save_freq=2, validation=None)
    assert _files.paths(tmp_path / "cut")[-1].name == _files.name(1, 2)
    assert_same(fit(make, tmp_path / "cut", save_freq=2, validation=None), whole)


def test_no_warning_on_the_way(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(make_vae, tmp_path, data="batches", epochs=2)
        fit(make_vae, tmp_path, data="batches", epochs=3)


DATASET = tf.data.Dataset.from_tensor_slices(X)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": X[::-1]}, r"x: saved 'float32 \(40, 6\), digest \w+', now 'float32 \(40, 6\), dig"),
        ({"x": X[:39]}, r"x: .* now 'float32 \(39, 6\)"),
        (
            {"batch_size": 10},
            "batch_size: saved '8', now '10'.*steps_per_epoch: saved 5, now 4",
        ),
        ({"shuffle": False}, "shuffle: saved 'True', now 'False'"),
        ({"sample_weight": np.ones(40)}, "sample_weight: saved 'absent', now 'float32"),
        ({"x": DATASET.batch(8), "batch_size": None}, "now 'dataset of float32"),
        ({"steps_per_epoch": 3}, "steps_per_epoch: saved 5, now 3"),
        ({"fingerprint": {"version": 2}}, "version: saved 'absent', now 2"),
    ],
)
def test_a_run_does_not_continue_with_other_data(changed, message, tmp_path):
    def run(x=X, epochs=1, fingerprint=None, **settings):
        model = restarted(make_vae)
        saved = Checkpoints(tmp_path, fingerprint=fingerprint)
        settings = {"batch_size": 8, **settings}
        return model.fit(x, epochs=epochs, callbacks=[saved], verbose=0, **settings).epoch

    run()
    with pytest.raises(ValueError, match=f"(?s)must continue with the data of the run.*{message}"):
        run(epochs=2, **changed)
    assert run(epochs=2, x=tf.constant(X), fingerprint={}) == [0, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 4}, "x.seed: saved 3, now 4"),
        ({"batch_size": 10}, "x.batch_size: saved 8, now 10"),
        ({"x": X + 1}, r"x\.arrays\.0: saved"),
    ],
)
def test_the_data_in_batches_are_known(changed, message, tmp_path):
    def run(epochs, x=X, batch_size=8, seed=3):
        saved = Checkpoints(tmp_path)
        batches = saved.batches(x, batch_size=batch_size, seed=seed)
        return restarted(make_vae).fit(batches, epochs=epochs, callbacks=[saved], verbose=0).epoch

    run(1)
    with pytest.raises(ValueError, match=message):
        run(2, **changed)
    assert run(2) == [0, 1]


def test_the_number_of_batches_of_any_keras_model_is_known(tmp_path):
    def run(size):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        model.fit(X[:size], X[:size, :1], epochs=2, verbose=0, callbacks=[Checkpoints(tmp_path)])

    run(40)
    with pytest.raises(ValueError, match="steps_per_epoch: saved 2, now 1"):
        run(20)


def test_fewer_epochs_are_told(tmp_path):
    fit(make_vae, tmp_path, Stop(9), epochs=3)
    with pytest.warns(UserWarning, match="`epochs` is 2, and was 3 when"):
        fit(make_vae, tmp_path, epochs=2)


def test_files_of_the_user_are_neither_read_nor_removed(tmp_path):
    names = ["epoch_10_step_best_results.npz", "epoch_1_step_2.npz", "epoch_000009_step_9.npz"]
    names += ["epoch_0000001_step_000000000.npz", "my_epoch_000001_step_000000000.npz"]
    for name in names:
        (tmp_path / name).write_text("mine")
    (tmp_path / _files.name(7, 7)).mkdir()
    assert not Checkpoints(tmp_path).exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(make_vae, tmp_path, keep=1, epochs=2)
    assert all((tmp_path / name).read_text() == "mine" for name in names)
    assert (tmp_path / _files.name(7, 7)).is_dir()


def test_checkpoints_are_ordered_by_number(tmp_path):
    steps = [(999_999, 0), (1_000_000, 0), (1_000_000, 2_000_000_000)]
    for epoch, step in reversed(steps):
        (tmp_path / _files.name(epoch, step)).touch()
    assert [path.name for path in _files.paths(tmp_path)] == [_files.name(*one) for one in steps]


@pytest.mark.parametrize("number", [2, 6, 9, 13])
def test_killed_at_a_write(number, undisturbed, tmp_path):
    with faults.killed_at(number) as calls:
        fit(make_vae, tmp_path)
    assert len(calls) >= number
    _lock._held.clear()  # The process has ended.
    assert_same(fit(make_vae, tmp_path), undisturbed(make_vae))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ["", ".npz", ".npz", ".npz"]


def test_a_file_that_cannot_be_read_is_never_trained_over(tmp_path, monkeypatch):
    fit(make_vae, tmp_path, epochs=2)
    newest = _files.paths(tmp_path)[-1]

    def fails(path):
        if path == newest or everywhere:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return read_arrays(path)

    everywhere = False
    monkeypatch.setattr(_files._files, "read_arrays", fails)
    with pytest.warns(UserWarning, match=r"is damaged: .*Input/output error"):
        assert Checkpoints(tmp_path).next_epoch() == 1
    everywhere = True
    with pytest.warns(UserWarning), pytest.raises(OSError, match="Input/output"):
        fit(make_vae, tmp_path)


def test_checkpoints_of_another_version_are_refused(tmp_path):
    write_arrays(tmp_path / _files.name(1, 0), {}, {"epoch": 1, "step": 0})
    with pytest.raises(ValueError, match="must hold checkpoints of this version"):
        fit(make_vae, tmp_path)
