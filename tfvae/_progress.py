"""Progress bars of functions that may take long, with one meaning of `verbose` for all."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import keras

from tfvae import _checks

# After so many seconds of silence "auto" shows a bar.
PATIENCE = 2.0


@contextlib.contextmanager
def progress(
    total: int | None, verbose: str | int, unit_name: str = "step"
) -> Iterator[Callable[[int], None]]:
    """Yields a function that is told how many more steps are done.

    Args:
        total: number of steps; None: not known.
        verbose: 1 shows a bar, 0 none. "auto" shows one where somebody watches, in a terminal or a
            notebook, if the work takes longer than two seconds. 2 prints a line for each tenth of
            the steps, for files.
        unit_name: what a step is.

    Raises:
        ValueError: when `verbose` is none of these.
    """
    verbose = _checks.one_of("verbose", verbose, ("auto", 0, 1, 2))
    bar, done, begin = None, 0, time.monotonic()
    shown = verbose == 1 or (verbose == "auto" and is_watched())

    def seconds() -> float:
        return time.monotonic() - begin

    def add(steps: int = 1) -> None:
        nonlocal bar, done
        if verbose == 2 and total and 10 * (done + steps) // total > 10 * done // total:
            print(f"{done + steps:,}/{total:,} {unit_name}s, {seconds():.0f} s", flush=True)
        done += steps
        if shown and bar is None and (verbose == 1 or seconds() > PATIENCE):
            bar = keras.utils.Progbar(total, unit_name=unit_name)
        if bar is not None:
            bar.update(done, finalize=done == total)

    yield add
    if bar is not None and done != total:
        bar.update(done, finalize=True)


def is_watched() -> bool:
    """Whether the output goes to a terminal or a notebook."""
    in_a_notebook = type(sys.stdout).__module__.startswith("ipykernel.")
    return in_a_notebook or sys.stdout.isatty()
