"""Steps a second with one and two workers, and what limits more of them.

    python -m benchmarks.scaling [--steps 100] [--json FILE]

Each worker is a process of its own on this machine, with one core, and trains the same VAE with 64
examples a step of its own: so the global batch grows with the workers (weak scaling). The second
table is arithmetic: bytes that a step reduces over all replicas against the operations of the step.
See SCALING.md.
"""

import argparse
import json
import os
import socket
import subprocess
import sys

from benchmarks import common

LOCAL_BATCH = 64
MODELS = ("dense 784-300-300-32", "conv 64×64 [JS19]")
# A GPU's sustained rate and the bandwidth and latency of the network between machines.
GPU_FLOPS, BANDWIDTH, LATENCY = 20e12, 12.5e9, 20e-6
REPLICAS = (8, 64, 256, 1024)


def model_of(name):
    """The model, and the shape of its data."""
    import tfvae

    if name.startswith("dense"):
        networks = {
            "encoder": tfvae.networks.mlp([300, 300]),
            "decoder": tfvae.networks.mlp([300, 300], (784,)),
        }
        return tfvae.VAE(32, likelihood="bernoulli", seed=0, **networks), (784,)
    shape = (64, 64, 1)
    networks = {
        "encoder": tfvae.networks.conv_encoder(image_shape=shape),
        "decoder": tfvae.networks.conv_decoder(shape),
    }
    return tfvae.VAE(10, likelihood="bernoulli", seed=0, **networks), shape


def work(name, steps):
    """One worker: prints milliseconds a step, parameters and operations of a step, as JSON."""
    import time

    import keras
    import numpy as np
    import tensorflow as tf

    from benchmarks import arithmetic

    config = json.loads(os.environ.get("TF_CONFIG", "{}"))
    number = len(config["cluster"]["worker"]) if config else 1
    strategy = (
        tf.distribute.MultiWorkerMirroredStrategy() if config else tf.distribute.get_strategy()
    )
    with strategy.scope():
        model, shape = model_of(name)
        model.build((None, *shape))
        model.compile(keras.optimizers.Adam(1e-4))
    batch = LOCAL_BATCH * number
    x = np.random.default_rng(0).uniform(size=(batch, *shape)).astype("float32")
    data = tf.data.Dataset.from_tensors(x).repeat()
    options = tf.data.Options()
    policy = tf.data.experimental.AutoShardPolicy.OFF  # each worker takes its part of a batch
    options.experimental_distribute.auto_shard_policy = policy
    data = data.with_options(options)
    model.fit(data, steps_per_epoch=10, verbose=0)
    start = time.perf_counter()
    model.fit(data, steps_per_epoch=steps, verbose=0)
    seconds = (time.perf_counter() - start) / steps
    forward = arithmetic.forward_flop
    flop = arithmetic.training_flop(forward(model.encoder, LOCAL_BATCH), False)
    flop += arithmetic.training_flop(forward(model.decoder, LOCAL_BATCH), True)
    parameters = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    result = {"ms": 1e3 * seconds, "parameters": parameters, "flop": flop}
    print("RESULT " + json.dumps(result), flush=True)


def run(name, number, steps):
    """Milliseconds of a step of `number` workers that train together, and a worker's results."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    processes = []
    for index in range(number):
        environment = {
            **os.environ,
            "TF_NUM_INTRAOP_THREADS": "1",
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        if number > 1:
            task = {"type": "worker", "index": index}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(cluster)
        command = [sys.executable, "-m", "benchmarks.scaling", "--worker", name]
        command += ["--steps", str(steps)]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        )
    results = []
    for process in processes:
        output, _ = process.communicate(timeout=900)
        lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
        if process.returncode or not lines:
            raise RuntimeError(f"A worker ended with exit code {process.returncode}.")
        results.append(json.loads(lines[0].removeprefix("RESULT ")))
    return sum(one["ms"] for one in results) / number, results[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--json", help="file to write the numbers to, with units")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.steps)
        return
    rows, found = [], {}
    for name in MODELS:
        times = {}
        for number in (1, 2):
            times[number], found[name] = run(name, number, arguments.steps)
            rate = 1e3 * LOCAL_BATCH * number / times[number]
            rows.append([name, number, times[number], rate, times[1] / times[number]])
    common.report(
        "Workers on one machine, a core each",
        ["model", "workers", "step", "throughput", "efficiency"],
        rows,
        ["", "", "ms", "examples/s", ""],
        {"batch": f"{LOCAL_BATCH} examples a worker", **common.environment()},
        arguments.json,
    )
    rows = []
    for name in MODELS:
        size, compute = 4 * found[name]["parameters"], found[name]["flop"] / GPU_FLOPS
        for number in REPLICAS:
            reduction = 2 * (number - 1) / number * size / BANDWIDTH + 2 * LATENCY * number**0.5
            share = compute / (compute + reduction)
            batch = LOCAL_BATCH * reduction / compute
            rows.append([name, number, size / 1e6, 1e3 * compute, 1e3 * reduction, share, batch])
    common.report(
        "Many GPUs, by arithmetic",
        ["model", "GPUs", "reduced", "compute", "reduction", "efficiency", "batch for half"],
        rows,
        ["", "", "MB a step", "ms", "ms", "", "examples a GPU"],
        {
            "assumed": f"{GPU_FLOPS / 1e12:g} TFLOP/s a GPU, {BANDWIDTH / 1e9:g} GB/s and "
            f"{LATENCY * 1e6:g} µs between machines, ring all-reduce in a two-dimensional grid, "
            "nothing overlapped",
            "batch for half": "examples a GPU at which compute takes as long as the reduction",
        },
    )


if __name__ == "__main__":
    main()
