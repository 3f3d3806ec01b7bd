"""What comes of kills, flipped bits, bad inputs and concurrent writers: noticed, same, or wrong.

    python -m benchmarks.robustness [--json FILE]

Noticed: an error, or the documented fallback with a warning. The same: the answer of the undamaged
file, or of the clean array. After a kill it is the state before or after the write. All else is
wrong or lost, and must be 0.
"""

import argparse
import contextlib
import functools
import json
import pathlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

import tfvae
from benchmarks import common, faults
from benchmarks.bad_inputs import METHODS, bad_inputs, small_model
from benchmarks.faults import Counts
from tfvae import _files as files
from tfvae.applications import SimilarityIndex
from tfvae.callbacks import _files as checkpoints
from tfvae.experiments import figures, training
from tfvae.serving import folders

COLUMNS = ["kind", "case", "tried", "noticed", "same answer", "wrong or lost"]
# 500 flips: most of them where reading is quick.
FLIPS = {"checkpoint": 220, "index": 190, "weights.h5": 60, "keras": 30}


# ---- file formats ----------------------------------------------------------------------------


class Format(NamedTuple):
    """A file format: how it is written in two states, and what it answers."""

    file: str
    write: Callable[[pathlib.Path, int], None]
    read: Callable[[pathlib.Path], Any]
    fallback: Callable[[Any], bool] = lambda answer: False


def _write_checkpoint(folder, state, keep=2):
    path = folder / checkpoints.name(1 + state, 0)
    checkpoints.write(path, {"a": np.full(500, state)}, {"epoch": 1 + state})
    checkpoints.prune(path, keep)


def _read_checkpoint(folder):
    arrays, manifest = checkpoints.newest(folder)
    return {**arrays, "epoch": manifest["epoch"]}


def _write_index(folder, state):
    index = SimilarityIndex(dim=4)
    z = np.random.default_rng(state).normal(size=(40, 4))
    index.add(z, ids=[f"id {i}" for i in range(40)], metadata=[{"page": state}] * 40)
    index.save(folder)


def _read_index(folder):
    return list(SimilarityIndex.load(folder).search(np.eye(4), k=5))


def _set_weights(state):
    for i, weight in enumerate(small_model().weights):
        weight.assign(np.full(weight.shape, 0.1 * (i + state)))


def _write_keras(folder, state):
    _set_weights(state)
    small_model().save(folder / training.MODEL)


def _read_keras(folder):
    model = keras.saving.load_model(folder / training.MODEL)
    return {"config": json.dumps(model.get_config(), default=str), "weights": model.get_weights()}


def _write_weights(folder, state):
    _set_weights(state)
    small_model().save_weights(folder / "model.weights.h5")


def _read_weights(folder):
    _set_weights(50)
    small_model().load_weights(folder / "model.weights.h5")
    return small_model().get_weights()


FORMATS = {
    "checkpoint": Format(
        checkpoints.name(2, 0), _write_checkpoint, _read_checkpoint, lambda a: a["epoch"] == 1
    ),
    "index": Format("index.npz", _write_index, _read_index),
    "weights.h5": Format("model.weights.h5", _write_weights, _read_weights),
    "keras": Format(training.MODEL, _write_keras, _read_keras),
}


def flips(name: str, folder: pathlib.Path) -> Counts:
    """Flips bits of the newer one of two states of a format."""
    file, write, read, fallback = FORMATS[name]
    write(folder, 0)
    write(folder, 1)
    return faults.flips(folder / file, lambda: read(folder), FLIPS[name], seed=0, fallback=fallback)


# ---- kills -----------------------------------------------------------------------------------


def _write_export(folder, state):
    with folders.new_folder(folder / "1") as partial:
        for name in ("saved_model.pb", "variables/variables", "assets.extra/model_card.json"):
            folders.write(f"{partial}/{name}", f"{name}, {state}")


def _tree(folder):
    """All files with content but for those with temporary names."""
    found = {p.relative_to(folder): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {str(n): p.read_bytes() for n, p in found.items() if ".partial-" not in str(n)}


def _write_history(folder, state):
    path = folder / "history.csv"
    if state:
        training.cut_history(path, 2)
    else:
        path.write_text("epoch,loss\n0,3.0\n1,2.0\n2,1.0\n")


def _write_figure(folder, state):
    figure = Figure(figsize=(1, 1))
    figure.add_axes((0, 0, 1, 1)).plot([0, state])
    figures.save(figure, folder / "figure.png")


WRITERS = {
    "checkpoint": (functools.partial(_write_checkpoint, keep=1), _read_checkpoint),
    "index": (_write_index, _read_index),
    "model.keras": (_write_keras, _read_keras),
    "export": (_write_export, _tree),
    "history.csv": (_write_history, _tree),
    "figure": (_write_figure, _tree),
    "text": (lambda folder, state: files.write_text(folder / "a.md", f"{state}" * 99), _tree),
}


def kills(name: str, folder: pathlib.Path) -> Counts:
    """Kills the second of two writes at each of its steps."""
    write, read = WRITERS[name]
    numbers = iter(range(10_000))
    now = [folder]

    def prepare():
        now[0] = folder / str(next(numbers))
        now[0].mkdir()
        if name != "export":  # An export replaces nothing.
            write(now[0], 0)

    return faults.kills(prepare, lambda: write(now[0], 1), lambda: read(now[0]))


def killed_processes(folder: pathlib.Path, times: int = 20) -> Counts:
    """Kills processes that write a file of arrays again and again."""
    path = folder / "arrays.npz"
    code = (
        "import itertools, numpy as np\n"
        "write = module('tfvae/_files.py').write_arrays\n"
        "for i in itertools.count():\n"
        f"    write(r'{path}', {{'a': np.full(100_000, i)}}, {{'i': i}})\n"
        "    print(i, flush=True)\n"
    )

    def check():
        arrays, manifest = files.read_arrays(path)
        return bool(np.all(arrays["a"] == manifest["i"]))

    return faults.killed_processes(code, check, times, seed=0)


# ---- several writers -------------------------------------------------------------------------


def two_writers_and_a_reader(folder: pathlib.Path, rounds: int = 30) -> Counts:
    """Two threads replace one file, while a third one reads it."""
    path, counts = folder / "arrays.npz", Counts()

    def write(value):
        for _ in range(rounds):
            files.write_arrays(path, {"a": np.full(20_000, value)}, {"value": value})

    write(0)
    threads = [threading.Thread(target=write, args=(value,)) for value in (1, 2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        arrays, manifest = files.read_arrays(path)
        whole = bool(np.all(arrays["a"] == manifest["value"]))
        counts = counts.plus("same" if whole else "wrong")
    return counts


def two_exports(folder: pathlib.Path, rounds: int = 20) -> Counts:
    """Two threads export to one path: one is refused, the other's files are all there."""
    counts = Counts()
    for i in range(rounds):
        refused, start, own = [], threading.Barrier(2), folder / str(i)
        own.mkdir()

        def export(state, own=own, start=start, refused=refused):
            start.wait()
            try:
                _write_export(own, state)
            except ValueError:
                refused.append(state)

        threads = [threading.Thread(target=export, args=(state,)) for state in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        states = {content.decode().rpartition(", ")[2] for content in _tree(own).values()}
        whole = len(_tree(own)) == 3 and len(states) == 1 and len(refused) == 1
        counts = counts.plus("noticed" if whole and str(refused[0]) not in states else "wrong")
    return counts


@contextlib.contextmanager
def another_process_locks(folder: pathlib.Path) -> Iterator[Any]:
    """Another process that holds the lock of a folder of checkpoints."""
    code = (
        f"lock = module('tfvae/callbacks/_lock.py').FolderLock(r'{folder}')\n"
        "lock.acquire(lambda: True)\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with faults.process(code) as running:
        yield running


def two_runs(folder: pathlib.Path, rounds: int = 5) -> Counts:
    """A second run is refused while another process trains, and not after that was killed."""
    counts = Counts()

    def use():
        with tfvae.callbacks.Checkpoints(folder).locked():
            return True

    for _ in range(rounds):
        with another_process_locks(folder):
            counts = counts.plus(faults.outcome(use, truth=None))
        counts = counts.plus(faults.outcome(use, truth=True))
    return counts


# ---- the table -------------------------------------------------------------------------------


def rows() -> Iterator[list[Any]]:
    """The lines of the table, each with folders of its own."""
    with contextlib.ExitStack() as stack:

        def new():
            return pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))

        for name in WRITERS:
            yield ["kills at each write", name, *kills(name, new())]
        yield ["killed processes", "file of arrays", *killed_processes(new())]
        for name in FORMATS:
            yield ["bit flips", name, *flips(name, new())]
        yield ["concurrent writers", "one file, and a reader", *two_writers_and_a_reader(new())]
        yield ["concurrent writers", "exports to one path", *two_exports(new())]
        yield ["concurrent writers", "runs in one folder", *two_runs(new())]
        for likelihood in ("bernoulli", "gaussian"):
            for method in METHODS:
                counts, wrong = bad_inputs(method, likelihood)
                case = f"{method}, {likelihood}" + (f" ({', '.join(wrong)})" if wrong else "")
                yield ["bad inputs", case, *counts]


def main() -> None:
    """Prints the table; ends with an error if something was wrong or lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    lines = []
    for row in rows():
        lines.append(row)
        print(*row, flush=True)
    totals = [sum(column) for column in zip(*(row[2:] for row in lines), strict=True)]
    common.report(
        "Robustness",
        COLUMNS,
        [*lines, ["all", "", *totals]],
        [""] * len(COLUMNS),
        {"seed": 0, **common.environment()},
        arguments.json,
    )
    if totals[-1]:
        raise SystemExit("Something was wrong or lost.")


if __name__ == "__main__":
    main()
