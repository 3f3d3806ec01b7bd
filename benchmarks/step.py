"""Median ms of a `fit` step of each model, beside its own products, a bare Keras step and pythae.

    python -m benchmarks.step [--steps 20] [--rounds 12] [--peers PYTHON] [--profile] [--json FILE]

Every model has a process of its own and is fitted on the same batch, in rounds that take turns, so
that what else the machine does falls on all alike; the number is the median over all steps. The
reference of a step is what no step can do without, timed in the same rounds: the matrix products
and convolutions of its networks, forward and backward, and the update of its weights.

--peers names the interpreter of an environment with torch and pythae (`pip install torch pythae`),
whose models then take their turns as well. --profile adds the ten operations in which each step
spends most, by TensorFlow's profiler.
"""

import argparse
import statistics
import sys

import numpy as np

from benchmarks import common
from benchmarks.step_shapes import BATCHES, DATA
from benchmarks.turns import Worker

BARE = "bare Keras VAE"
# Goals for a step over its products and update, and over pythae's step: None where there is none.
GOALS = {
    ("dense", "VAE"): (2.0, 0.8),
    ("dense", "VHP-VAE"): (1.35, None),
    ("dense", "VampPrior VAE"): (1.35, 0.3),
    ("dense", "IWAE"): (1.35, 0.5),
    ("dense", "FactorVAE"): (1.35, 0.8),
    ("dense", "β-TCVAE"): (1.35, None),
    ("conv", "VAE"): (1.35, 0.8),
    ("conv", "VHP-VAE"): (1.35, None),
    ("conv", "VampPrior VAE"): (1.35, None),
    ("conv", "IWAE"): (1.35, None),
    ("conv", "FactorVAE"): (1.35, None),
    ("conv", "β-TCVAE"): (1.35, None),
}
OURS = (BARE, "VAE", "VHP-VAE", "VampPrior VAE", "IWAE", "FactorVAE", "β-TCVAE")
PEERS = ("VAE", "IWAE", "VampPrior VAE", "FactorVAE", "β-TCVAE")


def measure(shape, steps, rounds, names, peers, profiled):
    """Medians of a shape in seconds, by ("tfvae" or "pythae", name), and profiles by name."""
    workers = {("tfvae", name): Worker("benchmarks.step_models", shape, name) for name in names}
    if peers:
        workers |= {
            ("pythae", name): Worker("benchmarks.peers", shape, name, python=peers)
            for name in PEERS
            if name in names
        }
    for worker in workers.values():
        worker.ask(count=5)
    measured = {(*key, "step"): [] for key in workers}
    measured |= {
        (*key, what): [] for key in workers if key[0] == "tfvae" for what in ("products", "update")
    }
    order = np.random.default_rng(0)
    for number in range(rounds):
        # In another order each time: what runs after a larger model finds other caches.
        for key in order.permutation(np.array(list(workers), object)):
            key = tuple(key)
            measured[*key, "step"].extend(workers[key].ask(count=steps))
            if key[0] == "tfvae" and number % 4 == 0:
                for what in ("products", "update"):
                    measured[*key, what].append(workers[key].ask(what=what))
        print(f"{shape}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    profiles = {name: workers["tfvae", name].ask(what="profile") for name in names if profiled}
    for worker in workers.values():
        worker.close()
    return {key: statistics.median(values) for key, values in measured.items()}, profiles


def rows_of(shape, medians, names):
    """A row for each model of tfvae: ms, and ratios to what it is compared with."""
    for name in names:
        step, products, update = (
            medians["tfvae", name, what] for what in ("step", "products", "update")
        )
        peer = medians.get(("pythae", name, "step"))
        bare = medians.get(("tfvae", BARE, "step"))
        yield [
            f"{shape}: {name}",
            1e3 * step,
            None if bare is None else step / bare,
            1e3 * products,
            1e3 * update,
            step / (products + update),
            None if peer is None else 1e3 * peer,
            None if peer is None else step / peer,
        ]


def goals_of(rows):
    """Whether each wanted ratio is reached."""
    for row in rows:
        shape, _, name = row[0].partition(": ")
        wanted = GOALS.get((shape, name), (None, None))
        reached = (row[5], row[7])
        for what, most, ratio in zip(
            ("products and update", "pythae"), wanted, reached, strict=True
        ):
            if most is not None and ratio is not None:
                yield common.Goal(
                    f"{row[0]}, over {what}", f"≤ {most}", f"{ratio:.2f}", ratio <= most
                )


def main():
    """Prints the table, the goals and the profiles; the exit code is 0 if all goals hold."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20, help="steps of a model in a round")
    parser.add_argument(
        "--rounds", type=int, default=12, help="rounds in which the models take turns"
    )
    parser.add_argument("--shapes", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--models", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument("--peers", help="interpreter of an environment with torch and pythae")
    parser.add_argument("--profile", action="store_true", help="the ten longest operations of each")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    rows, profiles = [], []
    for shape in arguments.shapes:
        medians, profiled = measure(
            shape,
            arguments.steps,
            arguments.rounds,
            arguments.models,
            arguments.peers,
            arguments.profile,
        )
        rows += rows_of(shape, medians, arguments.models)
        profiles += [(f"{shape}: {name}", top) for name, top in profiled.items()]
    common.report(
        "Training step",
        ["shape and model", "step", "over bare", "products", "update", "over both", "pythae",
         "over pythae"],
        rows,
        ["", "ms", "", "ms", "ms", "", "ms", ""],
        {
            "batches": ", ".join(f"{shape} {BATCHES[shape]}" for shape in arguments.shapes),
            "steps": f"{arguments.rounds} rounds of {arguments.steps}, median",
            "seeds": "models and data 0",
            **common.environment(),
        },
        arguments.json,
    )  # fmt: skip
    for name, top in profiles:
        print(f"- {name}: {', '.join(f'{kind} {ms:.2f}' for kind, ms in top)} [ms of CPU a step]")
    goals = list(goals_of(rows))
    common.print_goals(goals)
    return common.exit_code(goals)


if __name__ == "__main__":
    sys.exit(main())
