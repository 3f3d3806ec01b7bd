"""How the similarity index grows: time and memory of each call over numbers of entries.

    python -m benchmarks.index [--sizes 10000 50000 200000 1000000] [--dim 24] [--json FILE]

The entries lie around 1,000 centres, which are three times as far apart as they spread. Each size
has two processes of its own: one builds the index, changes it, searches and saves it; the other
opens its file, memory mapped. Peak memory is what a process needs beyond what it had before (Linux
only), without the array of the entries. The last row is the exponent p of n^p that fits best.
Wanted is a recall of 0.95 at every size. 10⁷ entries of 24 numbers take 3 GB and some minutes.
"""

import argparse
import contextlib
import importlib
import math
import multiprocessing
import pathlib
import sys
import tempfile
import time
from concurrent import futures

import numpy as np

from benchmarks import common
from tfvae.applications import SimilarityIndex

SIZES, DIM, NUM_CENTRES, SPREAD = (10_000, 50_000, 200_000, 1_000_000), 24, 1_000, 3.0
NUM_QUERIES, NUM_ROWS, K, LEAST_RECALL = 200, 1_000, 10, 0.95
COLUMNS = {
    "bulk": "s",
    "row": "ms",
    "search": "ms",
    "within": "ms",
    "recall": "",
    "delete": "ms",
    "save": "s",
    "load": "s",
    "peak": "MB",
    "open": "ms",
    "mapped search": "ms",
    "mapped peak": "MB",
}


def entries(count, dim, seed):
    """Rows around common centres, (count, dim)."""
    centres = SPREAD * np.random.default_rng(0).normal(size=(NUM_CENTRES, dim)).astype("float32")
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((count, dim), "float32")
    for start in range(0, count, 100_000):
        part = z[start : start + 100_000]
        part += centres[rng.integers(NUM_CENTRES, size=len(part))]
    return z


def timed(function, repeats=1):
    """Seconds of a call, the mean of so many."""
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


class PeakMemory:
    """What this process needs at most beyond what it has now, MB; NaN where nobody counts it."""

    def __init__(self):
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/self/clear_refs").write_text("5")  # The peak begins anew.
        self._before = self._field("VmRSS")

    def now(self):
        """From the beginning up to now."""
        return max(self._field("VmHWM") - self._before, 0.0)

    @staticmethod
    def _field(name):
        try:
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        except OSError:
            return math.nan
        return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(f"{name}:"))


def build(count, dim, folder):
    """Numbers of an index in memory, by column; it is saved to the folder."""
    z, more = entries(count, dim, 1), entries(NUM_ROWS, dim, 2)
    queries = entries(NUM_QUERIES, dim, 3)
    SimilarityIndex(dim)  # faiss is imported.
    memory = PeakMemory()
    index = SimilarityIndex(dim, least_recall=LEAST_RECALL)
    found = {"bulk": timed(lambda: index.add(z))}
    rows = iter(more)
    found["row"] = 1e3 * timed(lambda: index.add(next(rows)[np.newaxis]), NUM_ROWS)
    found["search"] = 1e3 * timed(lambda: index.search(queries, K)) / NUM_QUERIES
    radius = float(np.median(index.search(queries, K).distances[:, -1]))
    found["within"] = 1e3 * timed(lambda: index.within(queries, radius)) / NUM_QUERIES
    found["recall"] = index.recall(queries, K)
    ids = iter(range(0, count, count // NUM_ROWS))
    found["delete"] = 1e3 * timed(lambda: index.delete([next(ids)]), NUM_ROWS)
    found["save"] = timed(lambda: index.save(folder))
    found["peak"] = memory.now()
    found["load"] = timed(lambda: SimilarityIndex.load(folder))
    return found


def reopen(count, dim, folder):
    """Numbers of the memory-mapped index in a folder, by column."""
    queries = entries(NUM_QUERIES, dim, 3)
    SimilarityIndex(dim)  # faiss is imported.
    memory, opened = PeakMemory(), []
    seconds = timed(lambda: opened.append(SimilarityIndex.load(folder, memory_map=True)))
    search = timed(lambda: opened[0].search(queries, K)) / NUM_QUERIES
    return {"open": 1e3 * seconds, "mapped search": 1e3 * search, "mapped peak": memory.now()}


def alone(task, count, dim, folder):
    """What a function of this module returns in a process of its own."""
    name = "benchmarks.index"
    kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(kind)
    if kind == "forkserver":
        context.set_forkserver_preload(["benchmarks.common", "tfvae.applications.similarity"])
    with futures.ProcessPoolExecutor(1, context) as pool:
        function = getattr(importlib.import_module(name), task)
        return pool.submit(function, count, dim, folder).result()


def exponent(sizes, values):
    """p of the n^p that fits best, by least squares of logarithms; None where there is none."""
    if len(sizes) < 2 or not np.all(np.array(values) > 0):
        return None
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of entries")
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args(argv)
    if min(arguments.sizes) < NUM_ROWS:
        parser.error(f"--sizes must be at least {NUM_ROWS}.")
    every = []
    for count in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            found = alone("build", count, arguments.dim, folder)
            found |= alone("reopen", count, arguments.dim, folder)
        every.append(found)
        print(f"{count:,}: {', '.join(f'{k} {v:.4g}' for k, v in found.items())}", flush=True)
    rows = [
        [f"{n:,}", *(f"{found[c]:.3g}" for c in COLUMNS)]
        for n, found in zip(arguments.sizes, every, strict=True)
    ]
    powers = [exponent(arguments.sizes, [found[c] for found in every]) for c in COLUMNS]
    rows.append(["exponent", *(None if p is None else f"{p:.2f}" for p in powers)])
    common.report(
        "Growth of the similarity index",
        ["entries", *COLUMNS],
        rows,
        ["", *COLUMNS.values()],
        {
            "entries": f"{arguments.dim} numbers, around {NUM_CENTRES:,} centres",
            "columns": f"add in bulk; add and delete a row, mean of {NUM_ROWS:,}; search ({K}) and "
            f"within, a query of {NUM_QUERIES}; within as far as half of the {K}-th neighbours",
            **common.environment(),
        },
        arguments.json,
    )
    lowest = min(found["recall"] for found in every)
    goals = [common.Goal("recall", f"{LEAST_RECALL}", f"{lowest:.3f}", lowest >= LEAST_RECALL)]
    common.print_goals(goals)
    return common.exit_code(goals)


if __name__ == "__main__":
    sys.exit(main())
