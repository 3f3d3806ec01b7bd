"""One run at a time uses a folder of checkpoints; the others are told which one."""

import errno
import json
import os
import signal
import socket

import keras
import numpy as np
import pytest

import tfvae
from benchmarks import robustness
from tfvae.callbacks import Checkpoints, _lock
from tfvae.callbacks._lock import FolderLock

X = np.random.default_rng(0).uniform(size=(8, 3)).astype("float32")


class During(keras.callbacks.Callback):
    """Calls a function in the middle of `fit`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_train_batch_end(self, batch, logs=None):
        self.function()


def fit(folder, function=lambda: None, plain=False):
    keras.utils.set_random_seed(0)
    if plain:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
    else:
        mlp = tfvae.networks.mlp
        model = tfvae.VAE(2, encoder=mlp([4]), decoder=mlp([4], (3,)), seed=1)
        model.compile("adam", run_eagerly=True)
    y = X[:, :1] if plain else None
    return model.fit(X, y, verbose=0, callbacks=[During(function), Checkpoints(folder)])


def is_free(folder):
    """Whether another process could lock the folder now."""
    with robustness.another_process_locks(folder):
        return True


def fail():
    raise ZeroDivisionError


def test_the_holder_is_named_until_it_is_killed(tmp_path):
    lock = FolderLock(tmp_path)
    with robustness.another_process_locks(tmp_path) as other:
        with pytest.raises(ValueError, match="`folder` must be used by one run") as refused:
            lock.acquire(lambda: True)
        for part in (f"process {other.pid} on {socket.gethostname()}", " since 20"):
            assert part in str(refused.value)
        with pytest.raises(ValueError, match="must be used by one run"):
            fit(tmp_path)
        other.send_signal(signal.SIGKILL)
        other.wait()
        lock.acquire(lambda: True)
    assert json.loads((tmp_path / "lock").read_text())["process"] == os.getpid()
    lock.release()
    assert (tmp_path / "lock").read_text() == ""


@pytest.mark.parametrize("function", [lambda: None, fail, lambda: signal.raise_signal(15)])
def test_it_is_released_at_the_end_an_error_and_sigterm(function, tmp_path):
    try:
        fit(tmp_path, function)
    except (ZeroDivisionError, SystemExit) as error:
        kept = error  # As a notebook keeps it, with all of its frames.
    assert is_free(tmp_path)
    assert function is not fail or kept


def test_it_is_held_during_fit(tmp_path):
    def other_run():
        with pytest.raises(ValueError, match="another run of this process uses"):
            Checkpoints(tmp_path).locked().__enter__()
        with pytest.raises(RuntimeError, match="has ended"):
            is_free(tmp_path)
        tried.append(True)

    tried = []
    fit(tmp_path, other_run)
    assert tried


def test_a_failed_fit_of_any_keras_model_leaves_the_folder_to_its_process(tmp_path):
    with pytest.raises(ZeroDivisionError) as kept:
        fit(tmp_path, fail, plain=True)
    fit(tmp_path, plain=True)
    assert kept and is_free(tmp_path)


def test_longer_than_fit(tmp_path):
    saved = Checkpoints(tmp_path)
    with saved.locked(), pytest.raises(ValueError, match="another run"):
        fit(tmp_path)
    with pytest.raises(ZeroDivisionError), saved.locked():
        fail()
    fit(tmp_path)


def test_process_ids_decide_nothing(tmp_path):
    """Two containers have equal ones: here what a dead process of another one has left."""
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": "2026-01-01"}
    (tmp_path / "lock").write_text(json.dumps(holder))
    lock = FolderLock(tmp_path)
    lock.acquire(lambda: True)
    lock.release()


def test_a_lock_of_another_machine_is_waited_for(tmp_path, monkeypatch):
    """A file server keeps the locks of a machine that is gone for a while."""
    lock, asked = FolderLock(tmp_path), []
    with robustness.another_process_locks(tmp_path) as other:
        monkeypatch.setattr(_lock.socket, "gethostname", lambda: "elsewhere")
        monkeypatch.setattr(_lock.time, "sleep", asked.append)
        monkeypatch.setattr(_lock, "PATIENCE", 0.2)
        with pytest.raises(ValueError, match=f"process {other.pid} on"):
            lock.acquire(lambda: True)
        assert asked
        monkeypatch.setattr(_lock, "PATIENCE", 600.0)
        monkeypatch.setattr(_lock.time, "sleep", lambda seconds: (other.kill(), other.wait()))
        lock.acquire(lambda: True)
    lock.release()


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_lock.fcntl, "lockf", refuse)
    with pytest.warns(UserWarning, match="cannot be locked .*No locks available"):
        fit(tmp_path)


def test_a_forked_child_does_not_hold_it(tmp_path):
    lock = FolderLock(tmp_path)
    lock.acquire(lambda: True)
    lock._process += 1  # What a child sees.
    assert not lock.is_held
    lock.release()
    with pytest.raises(RuntimeError, match="has ended"):
        is_free(tmp_path)
    lock._process = os.getpid()
    lock._descriptor = os.open(tmp_path / "lock", os.O_RDWR)
    lock.release()
