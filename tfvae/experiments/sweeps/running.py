"""Runs a sweep with worker processes, tells how far it is, and writes its tables."""

import contextlib
import multiprocessing
import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from tfvae.evaluation.tables import format_value
from tfvae.experiments.errors import UserError
from tfvae.experiments.sweeps import tables
from tfvae.experiments.sweeps.plan import Sweep
from tfvae.experiments.sweeps.study import ATTEMPTS, LOG, SweepStudy

# Seconds between two looks at the workers, and how long they may take to save before they are
# killed after Ctrl-C.
_POLL = 0.5
_PATIENCE = 60.0


def sweep(
    plan: Sweep,
    workdir: str | os.PathLike[str],
    *,
    workers: int | None = None,
    storage: str | None = None,
    name: str | None = None,
    retry_failed: bool = False,
) -> "tables.SweepTable":
    """Trains all runs of a sweep, writes its tables and figures, and returns the table.

    A run has a folder of its own in `workdir` with all the files of `run`, and what it printed in
    log.txt. A run that fails is told in the tables; the others go on. The same call takes up what
    is left: finished runs are not run again, interrupted ones resume. The grid, the seeds and the
    metrics may change; the configs may not.

    Args:
        plan: what to run.
        workdir: folder of the sweep.
        workers: processes on this machine, each with its share of the cores; with GPUs, each uses
            one. 0: no processes, one run after the other in this one. None: half the cores, at
            most 8. A program that calls this with processes must do so under
            `if __name__ == "__main__":`.
        storage: URL of a database for the state of all runs, as Optuna has them
            (postgresql://…, mysql://…): any number of machines may work on one sweep, by the same
            call on each. A run goes on where a dead worker left it if the machines share
            `workdir`, else anew. None: SQLite in `workdir`, for one machine.
        name: of the sweep in the storage; None: the name of `workdir`.
        retry_failed: whether runs that failed are run again.

    Raises:
        ImportError: if Optuna is not installed: `pip install 'tfvae[sweep]'`.
        UserError: if the plan, the storage or the folder cannot be used, or the configs differ from
            those of the sweep in `workdir`.

    Example:
        >>> from tfvae import experiments
        >>> grid = {"model.latent_dim": [2, 4, 8]}
        >>> plan = experiments.Sweep(["vae:digits", "vhp_vae:digits"], grid, seeds=[0, 1, 2])
        >>> table = experiments.sweep(plan, "runs/latents")                    # doctest: +SKIP
    """
    workdir = pathlib.Path(workdir)
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir must be a folder, received {workdir}, which is a file.")
    if workers is None:
        workers = min(8, max(1, (os.cpu_count() or 2) // 2))
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise UserError(f"--workers must be a whole number of at least 0, received {workers!r}.")
    trials = plan.trials()
    study = SweepStudy(workdir, storage, name)
    study.check_same(plan.bases())
    names = [trial.name for trial in trials]
    if retry_failed:
        study.forget_failures(names)
    progress = _Progress(study, trials)
    progress.begin()
    try:
        if workers == 0:
            study.work(trials, after=progress.show)
        elif len(study.outcomes(names)) < len(names):
            arguments = (plan.to_dict(), os.fspath(workdir), storage, name)
            _supervise(arguments, min(workers, len(names)), study, names, progress)
    finally:
        study.release_dead()
        study.remove_dead()
    progress.show()
    outcomes = study.outcomes(names)
    tables.write_runs(plan, trials, outcomes, workdir)
    table = tables.SweepTable(plan, trials, outcomes)
    table.write(workdir)
    from tfvae.experiments.sweeps import drawing  # Matplotlib, after all that can be refused.

    drawing.write(table, workdir)
    return table


class _Progress:
    """Prints a line for each trial that has ended, whoever ran it."""

    def __init__(self, study, trials):
        self._study, self._trials = study, trials
        self._told: set[str] = set()

    def begin(self):
        names = [trial.name for trial in self._trials]
        done = self._study.outcomes(names)
        self._told = {*done}
        already = f", {len(done)} of them have ended before" if done else ""
        print(f"{len(names)} runs{already}.", flush=True)

    def show(self):
        for name, outcome in self._study.outcomes(t.name for t in self._trials).items():
            if name in self._told:
                continue
            self._told.add(name)
            if outcome.error:
                said = f"failed: {outcome.error}"
            else:
                value = format_value(outcome.metrics["ELBO"])
                said = f"ELBO {value} nats, {outcome.seconds:.0f} s"
            total = len(self._trials)
            print(
                f"[{len(self._told)}/{total}] {name}: {said}; {total - len(self._told)} left",
                flush=True,
            )


def _supervise(arguments, workers, study, names, progress):
    """Keeps workers running until all trials have ended; Ctrl-C and SIGTERM end them all."""
    context = multiprocessing.get_context("spawn")
    running: dict[int, Any] = {}
    ended = 0

    def start(place):
        process = context.Process(target=_work, args=(*arguments, place, workers))
        process.start()
        running[place] = process

    try:
        with _sigterm_as_exit():
            study.add_missing(names)  # Once, and not by each of them.
            for place in range(workers):
                start(place)
            while running:
                for place, process in list(running.items()):
                    process.join(_POLL / len(running))
                    if process.exitcode is None:
                        continue
                    del running[place]
                    study.release_dead()
                    study.add_missing(names)
                    if len(study.outcomes(names)) == len(names):
                        continue
                    ended += 1
                    if ended > ATTEMPTS * len(names):
                        raise UserError(
                            f"Workers end before they have run anything, the last with the status "
                            f"{process.exitcode}. --workers=0 runs in this process and shows why; "
                            f"{LOG} in the folders of runs has what they printed."
                        )
                    start(place)
                progress.show()
    finally:
        _end([*running.values()])


def _end(processes):
    """Ends processes: they save first, which a second Ctrl-C cuts short."""
    try:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_PATIENCE)
    finally:
        for process in processes:
            if process.exitcode is None:
                process.kill()
                process.join()


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Makes SIGTERM an exception, which runs all `finally` blocks."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number, frame):
    raise SystemExit(128 + number)


def _work(plan, workdir, storage, name, place, workers):
    """A worker process: runs trials until none is left."""
    # Ctrl-C in a terminal goes to all processes; the one that started this one passes SIGTERM on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _take_share(place, workers)
    SweepStudy(workdir, storage, name).work(Sweep(**plan).trials())


def _end_with_parent():
    """Ends this process when the one that started it has gone, in whatever way."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


def _take_share(place: int, workers: int) -> None:
    """Gives a worker its share of the cores, and a GPU, if there are some."""
    import tensorflow as tf

    threads = max(1, (os.cpu_count() or 1) // workers)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        gpu = gpus[place % len(gpus)]
        tf.config.set_visible_devices(gpu, "GPU")
        tf.config.experimental.set_memory_growth(gpu, True)
