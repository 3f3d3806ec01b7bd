"""The trials of a sweep in a storage of Optuna, which any number of workers share.

A trial of the study has the name of a `plan.Trial`. It waits, a worker claims it, and it ends, or
is found without its worker and waits again. What it has trained so far is in its folder.
"""

import contextlib
import math
import os
import pathlib
import secrets
import shutil
import socket
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ml_collections import config_dict

from tfvae import _checks
from tfvae.callbacks._lock import FolderLock
from tfvae.experiments import config_file
from tfvae.experiments.errors import UserError
from tfvae.experiments.sweeps.plan import Trial

if TYPE_CHECKING:
    import optuna

# Seconds between two signs of life of a worker, and how long others wait for one. They count where
# workers share no disk; on one disk, the lock of a worker that has ended tells at once.
HEARTBEAT, GRACE = 30, 120
# So many times a trial may end its worker without a word, as a process that is out of memory does.
ATTEMPTS = 3
WORKERS = "workers"
LOG = "log.txt"
# Seconds between two looks at what other workers do.
_POLL = 1.0
# What may differ between two commands for one sweep: the places of files.
_FREE = ("data.path", "data.data_dir")
_CONFIG = "config "


class Outcome(NamedTuple):
    """How a trial ended.

    Attributes:
        name: of the trial.
        metrics: numbers and words of the report by name; empty if the trial failed.
        units: units of the metrics.
        seconds: wall time of the last attempt.
        error: why the trial failed, or "".
    """

    name: str
    metrics: dict[str, Any]
    units: dict[str, str]
    seconds: float
    error: str


class SweepStudy:
    """The study of a sweep.

    Args:
        workdir: folder of the sweep.
        storage: URL of a database, as SQLAlchemy and Optuna write it; None: SQLite in `workdir`.
        name: of the study in the storage; None: the name of `workdir`.

    Raises:
        ImportError: if Optuna is not installed.
        UserError: if the storage cannot be opened.
    """

    def __init__(
        self, workdir: str | os.PathLike[str], storage: str | None = None, name: str | None = None
    ):
        self.workdir = pathlib.Path(workdir)
        self.workdir.mkdir(parents=True, exist_ok=True)
        self._optuna = optuna = _optuna()
        url = storage or f"sqlite:///{(self.workdir / 'study.db').resolve()}"
        # Workers wait for each other's transactions.
        more = {"connect_args": {"timeout": 100}} if url.startswith("sqlite") else {}
        try:
            with _quiet(optuna):
                database = optuna.storages.RDBStorage(
                    url,
                    engine_kwargs=more,
                    heartbeat_interval=HEARTBEAT,
                    grace_period=GRACE,
                )
                self._study = optuna.create_study(
                    storage=database,
                    # Workers claim what waits. Nothing is ever sampled.
                    sampler=optuna.samplers.RandomSampler(seed=0),
                    study_name=name or self.workdir.resolve().name,
                    direction="maximize",
                    load_if_exists=True,
                )
        except Exception as error:  # SQLAlchemy and the drivers have many classes for this.
            raise UserError(
                f"--storage must be the URL of a database that can be opened, such as "
                f"postgresql://user@host/name, received {_without_password(url)!r} ({error})."
            ) from error

    def check_same(self, bases: Mapping[str, config_dict.ConfigDict]) -> None:
        """Records the configs of the sweep, which later commands must have, too.

        Args:
            bases: configs by name, without the values of the grid.

        Raises:
            UserError: if the study has a config of this name that differs, with what differs.
        """
        known = self._study.user_attrs
        for label, config in bases.items():
            now = config_file.flatten(config)
            before = known.get(_CONFIG + label)
            if before is None:
                self._study.set_user_attr(_CONFIG + label, now)
                continue
            lines = [
                f"{key}: {before.get(key)!r} before, now {now.get(key)!r}"
                for key in sorted(before.keys() | now.keys())
                if before.get(key) != now.get(key) and not key.startswith(_FREE)
            ]
            if lines:
                raise UserError(
                    f"--configs must match the sweep in {self.workdir}, received {label} with "
                    "other values:\n  "
                    + "\n  ".join(lines)
                    + "\nChoose another --workdir, or keep the "
                    "values of these keys. Keys of --grid may change."
                )

    def outcomes(self, names: Iterable[str]) -> dict[str, Outcome]:
        """Returns how trials ended, by name: those that have ended."""
        ends = self._by_name()
        found = {name: self._outcome(name, ends.get(name, [])) for name in names}
        return {name: outcome for name, outcome in found.items() if outcome is not None}

    def number_running(self, names: Iterable[str]) -> int:
        """Returns how many trials have a worker."""
        return len({*names} & {t.user_attrs.get("name") for t in self._in("RUNNING")})

    def forget_failures(self, names: Iterable[str]) -> None:
        """Lets trials that failed wait again."""
        failed = [name for name, outcome in self.outcomes(names).items() if outcome.error]
        for name in failed:
            self._study.enqueue_trial({}, user_attrs={"name": name})

    def add_missing(self, names: Iterable[str]) -> None:
        """Lets trials wait that have not ended, do not wait, and have no worker."""
        ends = self._by_name()
        for name in names:
            trials = ends.get(name, [])
            states = {trial.state.name for trial in trials}
            if not {"WAITING", "RUNNING"} & states and self._outcome(name, trials) is None:
                self._study.enqueue_trial({}, user_attrs={"name": name})

    def release_dead(self) -> None:
        """Takes trials from workers that have ended: by their locks, or by their silence."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            self._optuna.storages.fail_stale_trials(self._study)
        for trial in self._in("RUNNING"):
            worker = self.workdir / WORKERS / trial.user_attrs.get("worker", "none")
            if worker.is_dir() and FolderLock(worker).is_free():
                with contextlib.suppress(ValueError):  # Another worker has done it meanwhile.
                    self._study.tell(trial.number, state=self._optuna.trial.TrialState.FAIL)

    def remove_dead(self) -> None:
        """Removes the folders of workers that have ended, after `release_dead`."""
        folder = self.workdir / WORKERS
        for worker in folder.iterdir() if folder.is_dir() else ():
            if FolderLock(worker).is_free():
                shutil.rmtree(worker, ignore_errors=True)
        with contextlib.suppress(OSError):  # Others work.
            folder.rmdir()

    def work(
        self,
        trials: Iterable[Trial],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Runs trials, until all have ended, here or with other workers.

        Args:
            trials: all trials of the sweep.
            after: is called after each trial that this worker has run.
        """
        waiting = {trial.name: trial for trial in trials}
        worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        lock = FolderLock(self.workdir / WORKERS / worker)
        lock.acquire(lambda: True)
        optuna = self._optuna

        def objective(trial: "optuna.Trial") -> float:
            chosen = waiting.get(trial.user_attrs.get("name"))
            if chosen is None or not self._is_free(trial, chosen.name):
                time.sleep(_POLL)
                raise optuna.TrialPruned
            trial.set_user_attr("worker", worker)
            return self._run(trial, chosen)

        try:
            while len(self.outcomes(waiting)) < len(waiting):
                self.release_dead()
                self.add_missing(waiting)
                if not self._in("WAITING"):
                    time.sleep(_POLL)
                    continue
                # The trial has ended meanwhile for others, who thought that this worker is dead.
                with _quiet(optuna), contextlib.suppress(ValueError):
                    self._study.optimize(objective, n_trials=1, catch=(Exception,))
                after()
        finally:
            lock.release()

    def _run(self, trial: "optuna.Trial", chosen: Trial) -> float:
        """Runs a trial, and records how it ended."""
        folder = self.workdir / chosen.name
        folder.mkdir(exist_ok=True)
        begin = time.monotonic()
        try:
            with (folder / LOG).open("a", encoding="utf-8") as log:
                metrics, units = _logged_run(chosen, folder, log)
        except (KeyboardInterrupt, SystemExit):
            trial.set_user_attr("interrupted", True)
            raise
        except Exception as error:
            trial.set_user_attr("error", _words(error))
            raise
        finally:
            trial.set_user_attr("seconds", round(time.monotonic() - begin, 1))
        trial.set_user_attr("units", units)
        trial.set_user_attr("metrics", metrics)
        return metrics["ELBO"]

    def _is_free(self, trial: "optuna.Trial", name: str) -> bool:
        """Whether nobody else runs, or has run, what a trial has claimed."""
        others = (t for t in self._by_name().get(name, []) if t.number != trial.number)
        taken = any(
            other.state.name == "COMPLETE"
            or (other.state.name == "RUNNING" and other.number < trial.number)
            for other in others
        )
        # A worker that was silent for too long, and lost its trial, may still use the folder.
        return not taken and FolderLock(self.workdir / name / "checkpoints").is_free()

    def _by_name(self) -> "dict[str, list[optuna.trial.FrozenTrial]]":
        found: dict = {}
        for trial in self._study.get_trials(deepcopy=False):
            found.setdefault(trial.user_attrs.get("name"), []).append(trial)
        return found

    def _in(self, state: str) -> "list[optuna.trial.FrozenTrial]":
        states = (self._optuna.trial.TrialState[state],)
        return self._study.get_trials(deepcopy=False, states=states)

    def _outcome(self, name: str, trials: "list[optuna.trial.FrozenTrial]") -> Outcome | None:
        """How a trial ended, from all attempts, or None if it has not."""
        for trial in trials:
            if trial.state.name == "COMPLETE":
                own = trial.user_attrs
                return Outcome(name, own["metrics"], own["units"], own["seconds"], "")
        if any(trial.state.name in ("WAITING", "RUNNING") for trial in trials):
            return None
        failed = [trial.user_attrs for trial in trials if trial.state.name == "FAIL"]
        for own in reversed(failed):
            if "error" in own:
                return Outcome(name, {}, {}, own.get("seconds", math.nan), own["error"])
        silent = [own for own in failed if not own.get("interrupted")]
        if len(silent) < ATTEMPTS:
            return None
        error = f"ended its worker {len(silent)} times without a message: killed, or out of memory"
        return Outcome(name, {}, {}, math.nan, error)


def _logged_run(
    chosen: Trial, folder: pathlib.Path, log: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Runs a trial with all that it prints in its log; returns the metrics and their units."""
    import keras

    from tfvae.experiments import training

    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        try:
            keras.utils.clear_session(free_memory=True)
            _, lines = training.run(chosen.config, folder)
        except Exception:
            traceback.print_exc(file=log)
            raise
    metrics = {line.name: _plain(line.value) for line in lines}
    if not math.isfinite(metrics["ELBO"]):
        raise ValueError(f"the ELBO of the test data is {metrics['ELBO']}")
    return metrics, {line.name: line.unit for line in lines}


def _plain(value: Any) -> Any:
    """A value of a report as JSON has it."""
    return value if isinstance(value, str) else float(value)


def _words(error: Exception) -> str:
    """An error in one line, and not in a hundred, as TensorFlow's may be."""
    lines = str(error).strip().splitlines() or [""]
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return f"{kind}{lines[0]}"[:500]


def _without_password(url: str) -> str:
    user, at, rest = url.rpartition("@")
    return f"{user.partition('://')[0]}://…@{rest}" if at else url


def _optuna() -> types.ModuleType:
    return _checks.package("optuna", "tfvae sweep", "tfvae[sweep]")


@contextlib.contextmanager
def _quiet(optuna: types.ModuleType) -> Iterator[None]:
    """Leaves out what Optuna says of each trial, and that its heartbeat is experimental."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
