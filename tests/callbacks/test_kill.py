"""A training process that is killed at random moments ends like one that is not."""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

EPOCHS = 4


class Server:
    """The client of the training server."""

    def __init__(self):
        path = pathlib.Path(__file__).with_name("training_server.py")
        self.process = subprocess.Popen(
            [sys.executable, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.wait("ready")

    def wait(self, event):
        for line in self.process.stdout:
            # TensorFlow and the callback print too.
            said = json.loads(line) if line.startswith("{") else {}
            if said.get("event") in (event, "end"):
                return said
        raise RuntimeError("The training server has died.")

    def start(self, model, folder, *, eager=True, hold_at=None):
        """Starts a process; returns its id when training has begun, and what it said."""
        job = {"model": model, "folder": str(folder), "epochs": EPOCHS}
        job |= {"eager": eager, "hold_at": hold_at}
        self.process.stdin.write(f"{json.dumps(job)}\n")
        self.process.stdin.flush()
        return self.wait("pid")["value"], self.wait("training")

    def train(self, model, folder, *, kill_after=None, eager=True):
        """Exit code and seconds of one process, killed some seconds after training has begun."""
        pid, said = self.start(model, folder, eager=eager)
        start = time.perf_counter()
        if said["event"] == "end":
            return said["value"], 0.0
        if kill_after is not None:
            time.sleep(kill_after)
            # The process may have ended. Its id is unlikely to belong to another one already.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return self.wait("end")["value"], time.perf_counter() - start

    def ask_to_end(self, model, folder, number, *, before_batch):
        """Exit code of a process that gets a signal before a batch, and is then let go on."""
        pid, _ = self.start(model, folder, hold_at=before_batch)
        assert self.wait("held")["event"] == "held"
        os.kill(pid, number)
        (folder / "go").touch()
        return self.wait("end")["value"]


@pytest.fixture(scope="module")
def server():
    server = Server()
    yield server
    server.process.stdin.close()
    server.process.wait(timeout=60)


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """The result of a run without interruption, and its duration in seconds."""
    runs = {}

    def run(model, eager=True):
        if (model, eager) not in runs:
            folder = tmp_path_factory.mktemp("undisturbed")
            code, seconds = server.train(model, folder, eager=eager)
            assert code == 0
            runs[model, eager] = end(folder), seconds
        return runs[model, eager]

    return run


def end(folder):
    with np.load(folder / "end.npz") as values:
        return dict(values)


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def killed(server, model, whole, folder, *, times, eager):
    """Kills a run repeatedly; returns the number of kills before its end."""
    wanted, seconds = whole
    hits = 0
    folder.mkdir(exist_ok=True)
    for _ in range(times):
        code, _ = server.train(
            model, folder, kill_after=random.uniform(0.0, 0.9 * seconds), eager=eager
        )
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            break
        hits += 1
    else:
        code, _ = server.train(model, folder, eager=eager)
        assert code == 0
    assert_same(end(folder), wanted)
    return hits


def killed_so_often(server, model, whole, folder, *, times, eager):
    """Kills `times` processes. Starts a new run whenever one has reached its end."""
    random.seed()  # Other moments each time: all must work.
    hits = 0
    for i in range(3 * times):
        left = times - hits
        hits += killed(server, model, whole, folder / str(i), times=left, eager=eager)
        if hits == times:
            return
    raise RuntimeError(f"Of {times} processes, {hits} could be killed in time.")


def test_killed_twice(server, undisturbed, tmp_path):
    whole = undisturbed("VAE")
    killed_so_often(server, "VAE", whole, tmp_path, times=2, eager=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "times", "eager"),
    [("VAE", 8, False), ("VHPVAE", 7, True), ("FlatManifoldVAE", 5, True)],
)
def test_killed_at_twenty_moments(model, times, eager, server, undisturbed, tmp_path):
    whole = undisturbed(model, eager=eager)
    killed_so_often(server, model, whole, tmp_path, times=times, eager=eager)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_asked_to_end(number, code, server, undisturbed, tmp_path):
    wanted, _ = undisturbed("VAE")
    assert server.ask_to_end("VAE", tmp_path, number, before_batch=3) == code
    assert len(list((tmp_path / "checkpoints").iterdir())) > 0
    assert server.train("VAE", tmp_path)[0] == 0
    assert_same(end(tmp_path), wanted)
