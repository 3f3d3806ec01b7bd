"""The devices of a run: one device, all GPUs of a machine, or several machines."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from typing import TYPE_CHECKING

from tfvae.experiments.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

NAMES = ("one", "mirrored", "multi_worker")
JOBS = ("chief", "worker")


def strategy(name: str, timeout: float = 600.0) -> tf.distribute.Strategy:
    """Returns the `tf.distribute` strategy of a name.

    Args:
        name: "one": the default device; "mirrored": all GPUs of this machine, or else its logical
            CPUs; "multi_worker": the machines of the environment variable TF_CONFIG.
        timeout: seconds to wait for other workers.

    Raises:
        UserError: for an unknown name, a malformed TF_CONFIG, or a worker that does not answer.
    """
    if name not in NAMES:
        raise UserError(f"--strategy must be one of {', '.join(NAMES)}, received {name!r}.")
    import tensorflow as tf

    if name == "one":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        gpus = tf.config.list_logical_devices("GPU")
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    cluster, job, index = parsed(os.environ.get("TF_CONFIG"))
    wait_for_workers(cluster, job, index, timeout)
    return tf.distribute.MultiWorkerMirroredStrategy()


def parsed(text: str | None) -> tuple[dict[str, list[str]], str, int]:
    """Returns cluster, job and index of this process from the text of TF_CONFIG.

    Raises:
        UserError: if it is missing or malformed; the message has an example.
    """
    example = (
        '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, "task": {"type": "worker", '
        '"index": 0}}'
    )

    def wrong(what: str) -> UserError:
        return UserError(
            f"--strategy=multi_worker: the environment variable TF_CONFIG {what}. It must name all "
            f"workers, and the job and index of this process, as in TF_CONFIG='{example}'"
        )

    if not text:
        raise wrong("is not set")
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise wrong(f"is not JSON ({error}), received {text!r}") from error
    cluster = config.get("cluster") if isinstance(config, dict) else None
    task = config.get("task") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise wrong(f'needs "cluster" and "task", received {text!r}')
    for job, addresses in cluster.items():
        if job not in JOBS:
            raise wrong(f"has a job {job!r}, jobs are {', '.join(JOBS)}")
        if not isinstance(addresses, list) or not all(map(_is_address, addresses)):
            raise wrong(f'must give "host:port" for each {job}, received {addresses!r}')
    job, index = task.get("type"), task.get("index")
    if job not in cluster:
        raise wrong(f"has a task of type {job!r}, but its cluster has {', '.join(cluster)}")
    if type(index) is not int or not 0 <= index < len(cluster[job]):
        raise wrong(
            f"has the task index {index!r}, but its cluster has {len(cluster[job])} of {job}"
        )
    return cluster, job, index


def _is_address(address: str) -> bool:
    host, _, port = str(address).rpartition(":")
    return bool(host and re.fullmatch("[0-9]{1,5}", port)) and 0 < int(port) < 65536


def wait_for_workers(cluster: dict[str, list[str]], job: str, index: int, timeout: float) -> None:
    """Waits until every other worker answers at its address.

    TensorFlow waits long for a missing worker and does not name it. Each process answers at its own
    address while it waits for the others; afterwards TensorFlow answers there.

    Raises:
        UserError: if a worker does not answer in time, with its name and address.
    """
    others = {
        f"{other} {i}": address
        for other in JOBS
        for i, address in enumerate(cluster.get(other, []))
        if (other, i) != (job, index)
    }
    deadline = time.monotonic() + timeout
    with _answering(cluster[job][index]):
        while others:
            for name, address in list(others.items()):
                if _answers(address):
                    del others[name]
            if others and time.monotonic() > deadline:
                missing = ", ".join(f"{name} at {address}" for name, address in others.items())
                raise UserError(
                    f"--strategy=multi_worker: no answer from {missing} in {timeout:g} s. Check "
                    "that it runs with the same cluster in TF_CONFIG and that its port is open, or "
                    "increase --worker_timeout."
                )
            if others:
                time.sleep(0.2)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2.0):
            return True
    except OSError:
        return False


class _answering:  # noqa: N801 (a context manager reads as a verb)
    """Accepts connections at the port of this process."""

    def __init__(self, address: str):
        self._port = int(address.rpartition(":")[2])

    def __enter__(self):
        self._server = socket.create_server(("", self._port), backlog=64)
        self._server.settimeout(0.2)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while not self._done.is_set():
            try:
                self._server.accept()[0].close()
            except TimeoutError:
                continue

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._server.close()
