"""Faults to order: kills at any write, flipped bits, and the count of what comes of them."""

import contextlib
import itertools
import os
import pathlib
import random
import signal
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What changes the names or the content of files for good.
WRITES = ("fsync", "remove", "rename", "replace", "rmdir", "unlink")


class Counts(NamedTuple):
    """How often a fault was tried, and what came of it."""

    tried: int = 0
    noticed: int = 0
    same: int = 0
    wrong: int = 0

    def plus(self, outcome: str) -> "Counts":
        """With one more trial, whose outcome is "noticed", "same" or "wrong"."""
        return self._replace(**{"tried": self.tried + 1, outcome: getattr(self, outcome) + 1})


class Killed(BaseException):
    """Stands for the end of the process."""


@contextlib.contextmanager
def killed_at(number: int) -> Iterator[list[str]]:
    """Ends the block at its `number`-th write: no later write has an effect, cleaning up neither.

    A file that was about to be flushed keeps half of its content. The yielded list has the names of
    the writes; it is shorter than `number` if the block has ended before.
    """
    calls, originals = [], {name: getattr(os, name) for name in WRITES}

    def counted(name, original):
        def call(target, *args, **kwargs):
            calls.append(name)
            if len(calls) < number:
                return original(target, *args, **kwargs)
            if name == "fsync" and stat.S_ISREG(os.fstat(target).st_mode):
                os.truncate(f"/proc/self/fd/{target}", os.fstat(target).st_size // 2)
            raise Killed

        return call

    try:
        for name, original in originals.items():
            setattr(os, name, counted(name, original))
        with contextlib.suppress(Killed):
            yield calls
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def kills(prepare: Callable, write: Callable, read: Callable) -> Counts:
    """Kills `write` at each of its writes.

    Args:
        prepare: makes the state before.
        write: goes to the state after.
        read: the answer in a state; it must be that of the state before or after.
    """
    prepare()
    before = read()
    write()
    after, counts = read(), Counts()
    for number in itertools.count(1):
        prepare()
        with killed_at(number) as calls:
            write()
        if len(calls) < number:
            return counts
        counts = counts.plus("same" if same(read(), before) or same(read(), after) else "wrong")


def killed_processes(code: str, check: Callable[[], bool], times: int, seed: int) -> Counts:
    """Kills processes that run `code` at random moments after their first line of output."""
    counts, moments = Counts(), random.Random(seed)
    for _ in range(times):
        with process(code) as running:
            time.sleep(moments.uniform(0.0, 0.05))
            running.send_signal(signal.SIGKILL)
        counts = counts.plus("same" if check() else "wrong")
    return counts


@contextlib.contextmanager
def process(code: str) -> Iterator[subprocess.Popen]:
    """A process that runs `code` and has printed a line; `module(path)` there is one file alone."""
    head = (
        "import importlib.util, sys\n"
        "def module(path):\n"
        f"    spec = importlib.util.spec_from_file_location('alone', r'{ROOT}/' + path)\n"
        "    found = importlib.util.module_from_spec(spec)\n"
        "    spec.loader.exec_module(found)\n"
        "    return found\n"
    )
    command = [sys.executable, "-c", head + code]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if not running.stdout.readline():
            raise RuntimeError("The process has ended before its first line.")
        yield running
    finally:
        running.kill()
        running.communicate()


def flips(
    path: pathlib.Path,
    read: Callable[[], Any],
    number: int,
    *,
    seed: int,
    fallback: Callable[[Any], bool] = lambda answer: False,
) -> Counts:
    """Flips one bit of a file at a time.

    Args:
        path: the file.
        read: the answer of the library. An exception of a flipped file counts as noticed.
        number: of flips.
        seed: of their places.
        fallback: whether the answer is the right one for a damaged file; it counts as noticed if
            there was a warning.
    """
    content, truth, counts = path.read_bytes(), read(), Counts()
    rng = np.random.default_rng(seed)
    for position in rng.integers(0, 8 * len(content), number):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << (position % 8)
        path.write_bytes(flipped)
        counts = counts.plus(outcome(read, truth, fallback))
    path.write_bytes(content)
    return counts


def outcome(
    ask: Callable[[], Any], truth: Any, fallback: Callable[[Any], bool] = lambda answer: False
) -> str:
    """Returns what came of a question with a true answer, or with none, as `Counts` names it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            answer = ask()
        except Exception:
            return "noticed"
    if truth is not None and same(answer, truth):
        return "same"
    return (
        "noticed" if any(w.category is UserWarning for w in said) and fallback(answer) else "wrong"
    )


def same(one: Any, other: Any, rtol: float = 0.0) -> bool:
    """Whether two answers, arrays in dicts and lists, are the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k], rtol) for k in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(lambda a, b: same(a, b, rtol), one, other))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        fits = one.shape == other.shape
        return fits and np.allclose(one, other, rtol, rtol, equal_nan=True)
    return one == other
