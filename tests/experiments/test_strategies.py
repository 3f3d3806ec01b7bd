"""Clusters that are not as they should be."""

import json
import socket
import threading

import pytest

from tfvae.experiments import strategies
from tfvae.experiments.errors import UserError


def config(**changes):
    whole = {
        "cluster": {"worker": ["localhost:1234", "localhost:1235"]},
        "task": {"type": "worker", "index": 1},
    }
    return json.dumps({**whole, **changes})


def test_a_good_cluster():
    assert strategies.parsed(config()) == (
        {"worker": ["localhost:1234", "localhost:1235"]},
        "worker",
        1,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is not set"),
        ("", "is not set"),
        ("{", "is not JSON"),
        ("[1]", 'needs "cluster" and "task"'),
        (json.dumps({"cluster": {}}), 'needs "cluster" and "task"'),
        (config(cluster={"ps": ["a:1"]}), "has a job 'ps'"),
        (config(cluster={"worker": ["localhost"]}), 'must give "host:port"'),
        (config(cluster={"worker": "localhost:1"}), 'must give "host:port"'),
        (config(cluster={"worker": ["localhost:99999"]}), 'must give "host:port"'),
        (config(task={"type": "chief", "index": 0}), "has a task of type 'chief'"),
        (config(task={"type": "worker", "index": 2}), "has the task index 2"),
        (config(task={"type": "worker", "index": True}), "has the task index True"),
        (config(task={"type": "worker", "index": "0"}), "has the task index '0'"),
    ],
)
def test_malformed_clusters(text, message):
    with pytest.raises(UserError, match=message) as caught:
        strategies.parsed(text)
    assert "TF_CONFIG='{" in str(caught.value)  # an example of how it should look


def test_unknown_strategy():
    with pytest.raises(UserError, match="one, mirrored, multi_worker"):
        strategies.strategy("tpu")


def ports(number):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def test_missing_worker_is_named():
    first, second = (f"localhost:{port}" for port in ports(2))
    with pytest.raises(UserError, match=f"no answer from worker 1 at {second} in 0.5 s"):
        strategies.wait_for_workers({"worker": [first, second]}, "worker", 0, 0.5)


def test_workers_find_each_other():
    cluster = {"worker": [f"localhost:{port}" for port in ports(3)]}
    failures = []

    def wait(index):
        try:
            strategies.wait_for_workers(cluster, "worker", index, 20.0)
        except Exception as error:
            failures.append(error)

    # The one that has found all others leaves; where TensorFlow would answer then, a server does.
    threads = [threading.Thread(target=wait, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    servers = []
    for index, thread in enumerate(threads):
        thread.join(timeout=1.0 if servers else 20.0)
        if not thread.is_alive():
            port = int(cluster["worker"][index].rpartition(":")[2])
            servers.append(socket.create_server(("", port), backlog=64))
    for thread in threads:
        thread.join(timeout=25.0)
    for server in servers:
        server.close()
    assert not failures
