"""How time and memory grow with the size of the data: exponents over four sizes.

    python -m benchmarks.growth [--only PART …] [--quick] [--json FILE]

Each size runs in a process of its own, after a small run that compiles what is compiled once. Time
is that of the run; memory is what the process takes at its peak above what it had before
(`ru_maxrss`). The exponent is the slope of log time over log n, for memory with 16 MB for whatever
is below. Wanted is at most 1.1, or what the mathematics has. A part that works in chunks must take
no more memory than its `most` for any n, where this is said.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks import common

EXPONENT = 1.1
# Memory below this many MB counts as this much: it is noise of the allocators.
LEAST_MB = 16.0
RUNS = 3


class Part(NamedTuple):
    """Something whose time and memory are measured over n."""

    prepare: Callable[[int], Callable[[], Any]]
    """Makes the data and models of size n, and returns what is measured."""
    sizes: Sequence[int]
    """Four numbers n."""
    quick: Sequence[int]
    """The same for `--quick`."""
    unit: str
    """What n counts."""
    exponent: float = 1.0
    """What the mathematics has; 0.1 more are allowed."""
    reason: str = ""
    """Why the exponent is not 1."""
    most: float | None = None
    """MB that the run may take at any n; None: as much as grows by the exponent."""


def vae(features: int = 64, **options):
    """A small model, built and compiled."""
    import tfvae

    networks = {
        "encoder": tfvae.networks.mlp([64]),
        "decoder": tfvae.networks.mlp([64], (features,)),
    }
    model = tfvae.VAE(**{"latent_dim": 4, "seed": 0, **networks, **options})
    model.build((None, features))
    model.compile("adam")
    return model


def data(n: int, features: int = 64) -> np.ndarray:
    """n examples of unit size."""
    return np.random.default_rng(0).normal(size=(n, features)).astype("float32")


def fit(n):
    """An epoch on n examples of float32."""
    model, x = vae(), data(n)
    return lambda: model.fit(x, batch_size=256, verbose=0)


def fit_bytes(n):
    """Four steps on n examples of uint8, 4,096 bytes each: an array of n/256 MiB."""
    model, x = vae(4096, likelihood="bernoulli"), np.zeros((n, 4096), "uint8")
    x[:, ::2] = 1
    return lambda: model.fit(x, batch_size=64, steps_per_epoch=4, verbose=0)


def encoding(n):
    """z of n examples."""
    import tfvae

    model, x = vae(), data(n)
    return lambda: tfvae.evaluation.latents(model, x)


def likelihood(n):
    """log p(x) of n examples by 100 samples each."""
    model, x = vae(), data(n)
    return lambda: model.log_likelihood(x, 100, verbose=0)


def vamp(n):
    """log p(x) of 64 examples by 500 samples each, with n pseudo-inputs."""
    import tfvae

    model, x = vae(prior=tfvae.priors.VampPrior(n)), data(64)
    return lambda: model.log_likelihood(x, 500, verbose=0)


def flow(n):
    """log p(z) of n points by a normalizing flow."""
    model, z = vae(prior="flow"), data(n, 4)
    seed = np.zeros(2, "int32")
    return lambda: [model.log_prior(z[i : i + 4096], seed) for i in range(0, n, 4096)]


def prior_fit(n):
    """The divergence from q(z), a mixture over n examples, by 500 draws."""
    import tfvae

    model, x = vae(), data(n)
    return lambda: tfvae.evaluation.prior_fit(model, x, num_samples=500, verbose=0)


def geodesics(n):
    """n geodesics of a model."""
    import tfvae

    model, ends = vae(), data(2 * n, 4).reshape(2, n, 4)
    options = {"num_points": 16, "num_nodes": 4, "max_iterations": 20, "verbose": 0}
    return lambda: tfvae.geometry.geodesics(model, *ends, **options)


def distance_matrix(n):
    """The geodesic distances of all pairs of n points."""
    import tfvae

    model, z = vae(), data(n, 4)
    options = {"num_points": 16, "num_nodes": 4, "max_iterations": 20, "verbose": 0}
    return lambda: tfvae.geometry.distance_matrix(model, z, **options)


def graph(n):
    """A graph of n nodes, and the shortest paths of 20 pairs."""
    import tfvae

    model, ends = vae(2 * 32), 0.5 * data(40, 4).reshape(2, 20, 4)
    nodes = data(n, 4)
    return lambda: tfvae.geometry.LatentGraph(model, nodes=nodes).distance(*ends)


def _neighborhood(neighborhood, grid):
    """Samples of a topographic prior, with all that it makes of the grid before."""
    import tfvae

    def run():
        prior = tfvae.priors.TopographicPrior(neighborhood, grid=grid)
        prior.build(int(np.prod(grid)))
        return prior.sample(16, seed=(0, 0)).numpy()

    return run


def torus(n):
    """Sums over a torus of n latents."""
    from tfvae.distributions import Torus

    side = round(n**0.5)
    return _neighborhood(Torus((3, 3)), (side, side))


def shifting(n):
    """Sums over n latents in a capsule that rolls."""
    from tfvae.distributions import Shifting

    side = round(n**0.5)
    return _neighborhood(Shifting(5), (side, 1, side))


def bubble(n):
    """Sums over n latents in a capsule that does not roll."""
    from tfvae.distributions import Bubble

    side = round(n**0.5)
    return _neighborhood(Bubble(), (side, 1, side))


def scores(n):
    """All metrics of disentanglement of n encoded examples."""
    import tfvae

    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(n, 3))
    codes = factors + 0.3 * rng.normal(size=(n, 3))
    return lambda: tfvae.evaluation.disentanglement_scores(codes, factors, verbose=0)


def part_of_array(n):
    """Draws 1,000 of n examples for the metrics, and encodes them."""
    from tfvae.evaluation.disentanglement import encoding as module

    model, x, factors = vae(1024), np.zeros((n, 1024), "uint8"), np.arange(n) % 5

    def run():
        chosen, _, _ = module.random_part(x, factors, 1000, 0)
        return module.encoded(model, chosen, None, 512)

    return run


def sprites(n):
    """Writes a data set of n sprites, 288 for each orientation and 4 × 4 positions."""
    import tempfile

    from tfvae.datasets import Sprites, SpritesConfig

    config = SpritesConfig(orientations=n // 288, positions_x=4, positions_y=4)

    def run():
        with tempfile.TemporaryDirectory() as folder:
            Sprites(config=config, data_dir=folder).download_and_prepare()

    return run


def checkpoints(n):
    """A step of a model with about n weights, saved and read again."""
    import tempfile

    import tfvae

    width = n // 128

    def model():
        networks = {
            "encoder": tfvae.networks.mlp([width]),
            "decoder": tfvae.networks.mlp([width], (64,)),
        }
        made = tfvae.VAE(2, seed=0, **networks)
        made.compile("adam")
        return made

    x, first, again = data(64), model(), model()
    for one in (first, again):
        one.fit(x, batch_size=64, verbose=0)

    def run():
        with tempfile.TemporaryDirectory() as folder:
            for epochs, one in ((1, first), (2, again)):
                saved = tfvae.callbacks.Checkpoints(folder)
                one.fit(x, batch_size=64, epochs=epochs, verbose=0, callbacks=[saved])

    return run


BY_AXES = "a product with the window of an axis: √n for each latent"
PARTS = {
    "fit": Part(fit, [16_000, 32_000, 64_000, 128_000], [2_000, 4_000, 8_000, 16_000], "examples"),
    "fit uint8": Part(
        fit_bytes,
        [50_000, 100_000, 200_000, 400_000],
        [20_000, 30_000, 45_000, 68_000],
        "examples of 4 kB",
    ),
    "latents": Part(
        encoding, [50_000, 100_000, 200_000, 400_000], [4_000, 8_000, 16_000, 32_000], "examples"
    ),
    "likelihood": Part(
        likelihood, [500, 1_000, 2_000, 4_000], [50, 100, 200, 400], "examples", most=64.0
    ),
    "VampPrior": Part(
        vamp, [500, 1_000, 2_000, 4_000], [250, 500, 1_000, 2_000], "pseudo-inputs"
    ),
    "flow": Part(
        flow, [10_000, 20_000, 40_000, 80_000], [4_096, 8_192, 16_384, 32_768], "points", most=96.0
    ),
    "prior fit": Part(
        prior_fit, [25_000, 50_000, 100_000, 200_000], [2_000, 4_000, 8_000, 16_000], "examples"
    ),
    "geodesics": Part(geodesics, [250, 500, 1_000, 2_000], [64, 128, 256, 512], "pairs"),
    "distance matrix": Part(
        distance_matrix,
        [16, 32, 64, 128],
        [8, 16, 24, 36],
        "points",
        2.0,
        "n (n − 1)/2 pairs",
    ),
    "graph": Part(
        graph, [12_500, 25_000, 50_000, 100_000], [1_000, 2_000, 4_000, 8_000], "nodes", 1.1,
        "n log n: neighbours by a tree, paths by a heap",
    ),
    "torus": Part(
        torus, [4_900, 10_000, 19_600, 40_000], [400, 1_600, 6_400, 25_600], "latents", 1.5, BY_AXES
    ),
    "shifting": Part(
        shifting, [4_900, 10_000, 19_600, 40_000], [1_600, 3_600, 10_000, 25_600], "latents"
    ),
    "bubble": Part(
        bubble, [4_900, 10_000, 19_600, 40_000], [400, 1_600, 6_400, 25_600], "latents", 1.5,
        BY_AXES,
    ),
    "metrics": Part(scores, [1_000, 2_000, 4_000, 8_000], [250, 500, 1_000, 2_000], "examples"),
    "part of an array": Part(
        part_of_array,
        [50_000, 100_000, 200_000, 400_000],
        [20_000, 40_000, 80_000, 160_000],
        "examples of 1 kB",
    ),
    "sprites": Part(
        sprites, [1_440, 2_880, 5_760, 11_520], [288, 576, 1_152, 2_304], "images",
        most=256.0,
    ),
    "checkpoints": Part(
        checkpoints, [2**18, 2**20, 2**22, 2**23], [2**16, 2**18, 2**19, 2**20], "weights"
    ),
}  # fmt: skip


def measured(name: str, n: int, first: int) -> tuple[float, float]:
    """Seconds and MB at the peak of a part, in this process, after one run of size `first`."""
    part = PARTS[name]
    part.prepare(first)()
    run = part.prepare(n)
    # What depends on n is compiled by the first of several runs, which memory is read of.
    before = peak()
    start = time.perf_counter()
    run()
    seconds, memory = time.perf_counter() - start, peak() - before
    for _ in range(RUNS - 1):
        if seconds > 5.0:
            break
        start = time.perf_counter()
        run()
        seconds = min(seconds, time.perf_counter() - start)
    return seconds, memory


def peak() -> float:
    """The most memory that this process has had so far, MB."""
    scale = 1e-6 if sys.platform == "darwin" else 1.024e-3
    return scale * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The exponent a of the power law c·n^a that is nearest in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def goal(name: str, part: Part, sizes: Sequence[int], found: Sequence[tuple]) -> common.Goal:
    """What a part is to show, and what it showed.

    Args:
        name: of the part.
        part: the part.
        sizes: n of each run.
        found: seconds and MB of each run.
    """
    seconds, memory = zip(*found, strict=True)
    largest = part.exponent + EXPONENT - 1.0
    of_time = slope(sizes, seconds)
    of_memory = slope(sizes, np.maximum(memory, LEAST_MB))
    holds = of_time <= largest
    wanted = f"time n^{largest:.1f}" + (f" ({part.reason})" if part.reason else "")
    reached = f"n^{of_time:.2f}"
    if part.most is None:
        wanted += f", memory n^{largest:.1f}"
        reached += f", n^{of_memory:.2f}"
        holds = holds and of_memory <= largest
    else:
        wanted += f", memory {part.most:g} MB"
        reached += f", {max(memory):.0f} MB"
        holds = holds and max(memory) <= part.most
    return common.Goal(name, wanted, reached, holds)


def main(argv=None):
    """Measures the parts; returns their goals."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS], metavar="PART")
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    context = multiprocessing.get_context("forkserver")
    # Imported once; TensorFlow starts its threads only in the processes that compute.
    context.set_forkserver_preload(["tfvae", "benchmarks.growth"])
    rows, goals = [], []
    with context.Pool(1, maxtasksperchild=1) as pool:
        for name in arguments.only:
            part = PARTS[name]
            sizes = part.quick if arguments.quick else part.sizes
            found = [pool.apply(measured, (name, n, part.quick[0])) for n in sizes]
            for n, (seconds, memory) in zip(sizes, found, strict=True):
                rows.append([f"{name}, {part.unit}", n, seconds, memory])
            goals.append(goal(name, part, sizes, found))
            print(f"{name}: {goals[-1].reached}", flush=True)
    common.report(
        "Growth",
        ["part, n", "n", "time", "peak memory"],
        rows,
        ["", "", "s", "MB"],
        {
            "time": f"the least of at most {RUNS} runs; one of more than 5 s is not repeated",
            "memory": "above what the process had before",
            **common.environment(),
        },
        arguments.json,
    )
    common.print_goals(goals)
    return goals


if __name__ == "__main__":
    sys.exit(common.exit_code(main()))
