"""Training on several replicas: two logical CPUs, and two processes on this machine."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

import tfvae
from tfvae.models import LatentVariableModel
from tfvae.models.training import losses_of

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER))
import training  # noqa: E402

QUICK = ["VAE", "VHPVAE"]
EACH = [
    pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in training.MODELS
]

pytestmark = pytest.mark.filterwarnings("ignore:The constraint was not reached")


def subclasses(cls):
    """The public models of the library."""
    found = {cls} if cls.__name__ in tfvae.__all__ and cls is not LatentVariableModel else set()
    return found.union(*(subclasses(sub) for sub in cls.__subclasses__()))


def test_every_model_is_covered():
    names = {cls.__name__ for cls in subclasses(LatentVariableModel)}
    assert names == set(training.MODELS)


class FixedNoise(tfp.distributions.Normal):
    """A Gaussian whose samples are all loc + scale/2: noise that no order of examples changes."""

    def _sample_n(self, n, seed=None):
        shape = tf.concat([[n], self.batch_shape_tensor()], axis=0)
        return tf.broadcast_to(self.loc + 0.5 * self.scale, shape)


@pytest.fixture
def fixed_noise(monkeypatch):
    def gaussian(loc, scale):
        return tfp.distributions.Independent(FixedNoise(loc, scale), 1)

    for module in (tfvae.distributions, tfvae.priors.hierarchical, tfvae.priors.standard_normal):
        monkeypatch.setattr(module, "diagonal_gaussian", gaussian)


@pytest.mark.parametrize("name", EACH)
def test_two_replicas_are_one_device_when_the_noise_is_fixed(name, fixed_noise, mirrored):
    if name in ("CascadeVAE", "FactorVAE", "AdversarialAutoencoder", "FlatManifoldVAE", "JointVAE"):
        pytest.skip("Assignments, permutations, mixup and Gumbel noise are a replica's own.")
    x = training.data()
    one, _ = training.train(name, tf.distribute.get_strategy(), x)
    two, results = training.train(name, mirrored, x)
    for a, b in zip(one.trainable_weights, two.trainable_weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5, err_msg=a.path)
    assert results["error of predictions"] < 1e-5


def test_fit_on_two_replicas_needs_no_scope_around_it(mirrored):
    """What `fit` looks at first, such as the layers' units, are variables of both replicas."""
    x = 5.0 + np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    with mirrored.scope():
        model = tfvae.VAE(2, encoder=tfvae.networks.mlp([4]), seed=0)
        model.compile("sgd")
    for _ in range(2):
        history = model.fit(x, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"][0])


def test_each_replica_has_its_own_noise(mirrored):
    x = training.data()[:8]
    with mirrored.scope():
        model = training.MODELS["VAE"]()
        model.build(x.shape)

    @tf.function
    def distortion():
        return mirrored.run(
            lambda: (
                losses_of(model, model.prepared(x), model.seed_generator, training=True)[
                    0
                ].terms.distortion
            )
        )

    first, second = mirrored.experimental_local_results(distortion())
    assert not np.any(np.isclose(first, second, rtol=1e-5))
    later, _ = mirrored.experimental_local_results(distortion())
    assert not np.any(np.isclose(first, later, rtol=1e-5))


# Of models with two optimizers one is tried every time.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "FactorVAE" else pytest.mark.slow)
        for name in training.MODELS
    ],
)
def test_every_model_trains_on_two_replicas(name, mirrored):
    _, results = training.train(name, mirrored, training.data())
    history = results["history"]
    assert all(np.all(np.isfinite(values)) for values in history.values())
    assert history["distortion"][-1] < history["distortion"][0]


def free_ports(number):
    """Ports on which nothing listens now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_workers(folder, script, *arguments):
    """Two workers on loopback that run a script of this folder."""
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    workers = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        environment = {
            **os.environ,
            "TF_CONFIG": json.dumps({"cluster": cluster, "task": task}),
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "PYTHONPATH": os.pathsep.join([str(FOLDER.parents[1]), *sys.path]),
        }
        command = [sys.executable, FOLDER / script, folder, *arguments]
        with open(folder / f"log-{index}.txt", "a") as log:
            workers.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    return workers


def finish(workers, folder):
    """Waits for workers, and shows what they wrote if one failed."""
    try:
        codes = [worker.wait(timeout=900) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    logs = [(folder / f"log-{index}.txt").read_text()[-3000:] for index in range(2)]
    assert codes == [0, 0], "\n".join(logs)


def run_workers(folder, names):
    """Trains models with two workers; returns their reports."""
    finish(start_workers(folder, "worker.py", *names), folder)
    return [json.loads((folder / f"report-{index}.json").read_text()) for index in range(2)]


def check_workers(folder, names, mirrored):
    reports = run_workers(folder, names)
    x = training.data()
    for name in names:
        with np.load(folder / f"{name}-0.npz") as first, np.load(folder / f"{name}-1.npz") as other:
            weights = [first[key] for key in first.files]
            for a, key in zip(weights, other.files, strict=True):
                np.testing.assert_array_equal(a, other[key], err_msg=name)
        model, results = training.train(name, mirrored, x)
        for a, b in zip(weights, model.variables, strict=True):
            if a.dtype.kind == "f" and b.trainable:
                np.testing.assert_allclose(
                    a, b.numpy(), rtol=1e-4, atol=1e-5, err_msg=f"{name} {b.path}"
                )
        for report in reports:
            for key, values in results["history"].items():
                np.testing.assert_allclose(
                    report[name]["history"][key], values, rtol=1e-3, atol=1e-4
                )
            assert report[name]["evaluated"] == pytest.approx(results["evaluated"], rel=1e-3)
    return reports


@pytest.mark.slow
def test_two_workers_agree_with_each_other_and_with_two_replicas(tmp_path, mirrored):
    """When the last assertion fails Keras has mended its issue 20585: `step_logs` can go."""
    reports = check_workers(tmp_path, QUICK, mirrored)
    for report in reports:
        message = report["plain Keras"]
        assert "Invalid reduction dimension" in message or "PerReplica" in message


@pytest.mark.slow
def test_every_model_trains_with_two_workers(tmp_path, mirrored):
    check_workers(tmp_path, [name for name in training.MODELS if name not in QUICK], mirrored)


@pytest.mark.slow
def test_worker_that_is_killed_and_comes_back_goes_on(tmp_path):
    """A cluster starts both anew when one has died, and they end as if nothing had been."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    finish(start_workers(whole, "resuming_worker.py"), whole)
    workers = start_workers(broken, "resuming_worker.py", "slowly")
    deadline = time.monotonic() + 300
    while not list(broken.glob("checkpoints/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers[1].kill()
    workers[1].wait()
    assert not (broken / "weights-0.npz").exists()
    workers[0].kill()
    workers[0].wait()
    finish(start_workers(broken, "resuming_worker.py"), broken)
    assert "Continuing with epoch" in (broken / "log-1.txt").read_text()
    for index in range(2):
        with (
            np.load(whole / f"weights-{index}.npz") as a,
            np.load(broken / f"weights-{index}.npz") as b,
        ):
            assert a.files == b.files
            for key in a.files:
                np.testing.assert_array_equal(a[key], b[key])
