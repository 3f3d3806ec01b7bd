"""Requests/s and latency of one exported model under load from 8 threads, SavedModel and ONNX.

    python -m benchmarks.serving [--seconds 5] [--threads 8] [--json FILE]

A VAE of 28×28 images with dense networks 784-300-300-32. Each thread sends one request after the
other, of 1 or 64 examples; latency is that of a call in the same process, without a network.
`serving_default` and the encoder's file give the embedding, `score` takes a seed, its file noise.
Every answer is compared with the model's own: it is wrong where it differs by more than 1e-4 of
max(1, |value|). onnxruntime uses one thread a call, since the clients are many; its default is a
thread for each core, which get in each other's way then. Without onnxruntime and tf2onnx the rows
of ONNX are left out.
"""

import argparse
import importlib.util
import os
import tempfile
import threading
import time
from concurrent import futures

import keras
import numpy as np
import tensorflow as tf

import tfvae
from benchmarks import common
from tfvae.serving.inputs import inputs_of
from tfvae.serving.signatures import minus_elbo, noise_score

FEATURES, LATENT_DIM, HIDDEN = (28, 28, 1), 32, (300, 300)
BATCHES = (1, 64)
REQUESTS = 16  # different ones, which the threads send in turn
TOLERANCE = 1e-4


def make_model(seed):
    """The model; its weights are as drawn, which costs what trained ones cost."""
    keras.utils.set_random_seed(seed)
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(
        LATENT_DIM,
        encoder=mlp(HIDDEN),
        decoder=mlp(HIDDEN, FEATURES),
        likelihood="bernoulli",
        seed=seed,
    )
    model.build((None, *FEATURES))
    return model


def requests_of(model, batch, seed):
    """Requests with their right answers: list of (x, seed, noise, embedding, score)."""
    rng = np.random.default_rng(seed)
    noisy = noise_score(inputs_of(model, scaling=None, target_scaling=None))
    requests = []
    for index in range(REQUESTS):
        x = rng.uniform(size=(batch, *FEATURES)).astype("float32")
        own = np.array([seed, index], "int32")
        requests.append(
            {
                "x": x,
                "seed": own,
                "noise": noisy.noise_of([x], own),
                "embedding": model.embed(x).numpy(),
                "score": minus_elbo(model, tf.constant(x), own).numpy(),
            }
        )
    return requests


def saved_model_callers(folder):
    """Functions from a request to the answer, by signature."""
    loaded = tf.saved_model.load(folder)
    embed, score = loaded.signatures["serving_default"], loaded.signatures["score"]

    def call_embed(request):
        return embed(x=tf.constant(request["x"]))["embedding"].numpy()

    def call_score(request):
        return score(x=tf.constant(request["x"]), seed=tf.constant(request["seed"]))[
            "score"
        ].numpy()

    return loaded, {
        ("SavedModel", "embedding"): call_embed,
        ("SavedModel", "score"): call_score,
    }


def onnx_callers(folder):
    """The same for ONNX files."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    encoder, score = (
        onnxruntime.InferenceSession(
            os.path.join(folder, f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        for name in ("encoder", "score")
    )

    def call_embed(request):
        return encoder.run(["embedding"], {"x": request["x"]})[0]

    def call_score(request):
        return score.run(["score"], {"x": request["x"], "noise": request["noise"]})[0]

    return {("ONNX", "embedding"): call_embed, ("ONNX", "score"): call_score}


def load(call, output, requests, threads, seconds):
    """Latencies in seconds of all calls, the number of wrong answers, and the seconds it took."""
    for request in requests[:2]:
        call(request)  # the first calls compile
    start_together = threading.Barrier(threads + 1)

    def client(number):
        latencies, wrong, index = [], 0, number
        start_together.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            request = requests[index % len(requests)]
            start = time.perf_counter()
            answer = call(request)
            latencies.append(time.perf_counter() - start)
            wanted = request[output]
            right = answer.shape == wanted.shape and np.all(
                np.abs(answer - wanted) <= TOLERANCE * np.maximum(1.0, np.abs(wanted))
            )
            wrong += not right
            index += 1
        return latencies, wrong

    with futures.ThreadPoolExecutor(threads) as pool:
        clients = [pool.submit(client, number) for number in range(threads)]
        start_together.wait()
        start = time.perf_counter()
        results = [each.result() for each in clients]
        elapsed = time.perf_counter() - start
    latencies = np.concatenate([latencies for latencies, _ in results])
    return latencies, sum(wrong for _, wrong in results), elapsed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of load for each row")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", help="file for the numbers")
    arguments = parser.parse_args()
    model = make_model(arguments.seed)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tfvae.export(model, os.path.join(folder, "1"))
        loaded, callers = saved_model_callers(os.path.join(folder, "1"))
        if all(importlib.util.find_spec(name) for name in ("onnxruntime", "tf2onnx")):
            tfvae.export_onnx(model, os.path.join(folder, "onnx"))
            callers |= onnx_callers(os.path.join(folder, "onnx"))
        for batch in BATCHES:
            requests = requests_of(model, batch, arguments.seed)
            for (kind, output), call in callers.items():
                latencies, wrong, elapsed = load(
                    call, output, requests, arguments.threads, arguments.seconds
                )
                middle, late = (1e3 * float(np.percentile(latencies, q)) for q in (50, 99))
                name = f"{kind} {output}, batch {batch}"
                rate = len(latencies) / elapsed
                rows.append([name, rate, batch * rate, middle, late, len(latencies), wrong])
        del loaded
    common.report(
        "Serving under load",
        ["call", "requests", "examples", "p50", "p99", "answers", "wrong"],
        rows,
        ["", "1/s", "1/s", "ms", "ms", "", ""],
        {
            "model": f"VAE, 784-300-300-{LATENT_DIM}, Bernoulli",
            "threads": arguments.threads,
            "seconds a row": arguments.seconds,
            "seed": arguments.seed,
            **common.environment(),
        },
        arguments.json,
    )
    if any(row[-1] for row in rows):
        raise SystemExit("There were wrong answers.")


if __name__ == "__main__":
    main()
