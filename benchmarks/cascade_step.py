"""Time of the CascadeVAE's joint step: unary terms, minimum-cost flow, gradient.

    python -m benchmarks.cascade_step [--steps 10] [--rounds 8] [--json FILE]
    python -m benchmarks.cascade_step --shapes dense --batches 64  # a part of the settings

The joint step is one of `fit` with categories, the continuous step one of the same networks without
any, as many latents as the joint model has (six). The gradient's part is the joint model's step
before its categories begin, with d = 0. Unary terms are measured alone, and so is the flow on the
unary terms of the joint model at its first step, and on terms that leave every example undecided,
which differ by no more than a few λ': the hardest problem that there is. All of them take turns, so
that what else the machine does falls on all alike; numbers are medians.
"""

import argparse
import statistics
import time
import warnings

import keras
import numpy as np
import tensorflow as tf

import tfvae
from benchmarks import common
from benchmarks.step_models import fit_steps
from tfvae.objectives import InformationCascade

LATENT_DIM = 6
# λ' of [JS19] for dSprites.
PENALTY = 0.001
CATEGORIES = (3, 10)
SHAPES = {"conv": (64, 64, 1), "dense": (784,)}
WANTED_SHARE = 0.05


def networks(shape):
    """Encoder and decoder: the convolutions of [JS19] for 64×64, or 784-400-400."""
    if shape == "conv":
        filters = (32, 32, 64, 64)
        encoder = tfvae.networks.conv_encoder(filters)
        return encoder, tfvae.networks.conv_decoder(SHAPES[shape], filters)
    mlp = tfvae.networks.mlp
    return mlp([400, 400]), mlp([400, 400], SHAPES[shape])


def model_of(shape, num_categories, start=0):
    """A compiled model, whose categories begin after `start` periods."""
    encoder, decoder = networks(shape)
    # One period without end: the weights of the rates do not change what a step costs.
    objective = InformationCascade(period=10**6, discrete_start=start)
    flow = tfvae.assignment.MinCostFlow(PENALTY)
    model = tfvae.CascadeVAE(
        LATENT_DIM,
        objective=objective,
        discrete=num_categories and tfvae.discrete.Assigned(num_categories, flow),
        encoder=encoder,
        decoder=decoder,
        likelihood="bernoulli",
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-4))
    return model


def timed(function, count):
    """Seconds of each of `count` calls."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds


def runs_of(shape, batch, num_categories):
    """Functions from a number of repetitions to their seconds, by name."""
    x = tf.random.stateless_uniform([batch, *SHAPES[shape]], (0, 0))
    x = tf.cast(x > 0.9, tf.float32)
    models = {
        "continuous": model_of(shape, None),
        "joint": model_of(shape, num_categories),
        "gradient": model_of(shape, num_categories, start=1),
    }
    for model in models.values():
        model.build(x.shape)
    joint = models["joint"]
    prepared = joint.prepared(x)
    given = joint.given(prepared, joint.encoded(prepared))
    unary = tf.function(lambda: joint.discrete.unary(given, given.z[tf.newaxis])[0])
    early = unary().numpy()
    undecided = PENALTY * np.random.default_rng(0).normal(size=early.shape)
    return {
        **{
            name: lambda count, model=model: fit_steps(model, x, count)
            for name, model in models.items()
        },
        "unary": lambda count: timed(lambda: unary().numpy(), count),
        "flow": lambda count: timed(lambda: joint.discrete.assignment(early), count),
        "undecided": lambda count: timed(lambda: joint.discrete.assignment(undecided), count),
    }


def row(shape, batch, num_categories, steps, rounds):
    """The numbers of one setting, in the order of the columns."""
    runs = runs_of(shape, batch, num_categories)
    for run in runs.values():
        run(3)
    seconds = {name: [] for name in runs}
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for name in order.permutation(list(runs)):
            seconds[name].extend(runs[name](steps))
    ms = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    return [
        f"{shape}, batch {batch}, S = {num_categories}",
        *(ms[name] for name in ("joint", "unary", "flow", "undecided", "gradient", "continuous")),
        ms["undecided"] / ms["joint"],
        ms["joint"] / ms["continuous"],
        1 + num_categories / 2,
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=10, help="repetitions in a round")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--shapes", default="conv,dense")
    parser.add_argument("--batches", default="64,256")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    # No model here is trained until its latents are open.
    warnings.filterwarnings("ignore", message="After .* have been opened")
    rows = [
        row(shape, batch, num_categories, arguments.steps, arguments.rounds)
        for shape in arguments.shapes.split(",")
        for batch in map(int, arguments.batches.split(","))
        for num_categories in CATEGORIES
    ]
    common.report(
        "Joint step of the CascadeVAE",
        ["setting", "joint step", "unary", "flow", "flow, undecided", "gradient",
         "continuous step", "flow's share", "joint over continuous", "wanted at most"],
        rows,
        ["", *["ms"] * 6, "of the joint step, undecided", "", "1 + S/2"],
        {
            "shapes": "conv 64×64 with 32, 32, 64, 64 filters and 256 units; dense 784-400-400",
            "steps": f"{arguments.rounds} rounds of {arguments.steps}, median",
            "wanted": f"flow's share at most {WANTED_SHARE:.0%}",
            "seeds": "models and data 0",
            **common.environment(),
        },
        arguments.json,
    )  # fmt: skip


if __name__ == "__main__":
    main()
