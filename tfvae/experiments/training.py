"""A training run, from its config to its report, in a folder that it can resume from."""

import contextlib
import csv
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from ml_collections import config_dict

import tfvae
from tfvae import _files
from tfvae.callbacks import Checkpoints, TensorBoardWriter, Tracking
from tfvae.experiments import (
    config_file,
    experiment,
    figures,
    own_table,
    report,
    run_data,
)
from tfvae.experiments.errors import UserError
from tfvae.experiments.finished import MODEL, TABLE, fit_prior, load, table_of
from tfvae.models import LatentVariableModel

CHECKPOINTS = "checkpoints"


class Clock:
    """Seconds of each part of a run."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def note(self, part: str) -> None:
        """Records the time since the last note as the time of `part`."""
        now = time.perf_counter()
        self.seconds[part], self._last = now - self._last, now


def run(
    config: config_dict.ConfigDict,
    workdir: str | os.PathLike[str],
    callbacks: Sequence[keras.callbacks.Callback] = (),
    strategy: tf.distribute.Strategy | None = None,
) -> tuple[LatentVariableModel, list[report.Line]]:
    """Trains, or resumes, in `workdir`; returns the model and the lines of the report.

    Several workers must share `workdir`. Only the first worker writes files and makes the report;
    the others return no lines.

    Args:
        config: config, as from a config file.
        workdir: folder of the run.
        callbacks: additional Keras callbacks.
        strategy: where to train; None: the current strategy.

    Raises:
        UserError: if the config does not describe a model and its data, or does not fit the run
            in `workdir`.

    Example:
        >>> from tfvae import experiments
        >>> config = experiments.load_config("vhp_vae:digits", {"epochs": "20"})
        >>> model, lines = experiments.run(config, "runs/digits")              # doctest: +SKIP
    """
    workdir = pathlib.Path(workdir)
    clock = Clock()
    strategy = strategy or tf.distribute.get_strategy()
    check_same(config, workdir)
    try:
        experiment.check_counts(config)
        _files.check_folder("--workdir", workdir)
        data = run_data.TrainingData(config)
        if data.table is not None:
            print(own_table.told(data.table, config), flush=True)
        test = run_data.test_data(config, data.table)
        run_data.check_test(test)
        clock.note("data")
        with strategy.scope():
            model = experiment.build_model(config, data.shape, data.table)
        run_data.check_values(model, config)
        _files.make_folder("--workdir", workdir)
    except ValueError as error:
        raise UserError(error) from error
    if not strategy.extended.should_checkpoint:
        train(model, data, test, config, workdir, callbacks, writes=False)
        return model, []
    saved = _checkpoints(workdir, data)
    with _locked(saved):
        check_same(config, workdir)  # Another process may have begun a run meanwhile.
        config_file.write(config, workdir / config_file.NAME)
        train(model, data, test, config, workdir, callbacks, saved=saved)
        clock.note("training")
        if config.fit_prior.steps:
            model = fit_prior(model, data, config, workdir)
            clock.note("fit_prior after training")
        if data.table is not None:
            data.table.save(workdir / TABLE)
        return _finish(model, data, test, config, workdir, strategy, clock)


def _checkpoints(workdir: pathlib.Path, data: run_data.TrainingData) -> Checkpoints:
    return Checkpoints(workdir / CHECKPOINTS, fingerprint=data.fingerprint)


@contextlib.contextmanager
def _locked(saved: Checkpoints) -> Iterator[None]:
    """Keeps other processes from all files of a run until its end."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(saved.locked())
        except ValueError as error:
            raise UserError(error) from error
        yield


def _finish(
    model: LatentVariableModel,
    data: run_data.TrainingData,
    test: tf.data.Dataset,
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
    strategy: tf.distribute.Strategy,
    clock: Clock,
) -> tuple[LatentVariableModel, list[report.Line]]:
    """Writes what a trained model leaves; returns the model and the lines of the report."""
    print("Report and likelihood of the test data …", flush=True)
    model.save(workdir / MODEL)
    if strategy.num_replicas_in_sync > 1:
        model = load(workdir)  # The report and the figures use one device.
    seen = run_data.first_training_steps(model, data, config)
    training_elbo = float(model.evaluate(seen, verbose=0)["elbo"])
    lines = report.measure(model, test, config, training_elbo)
    clock.note("report")
    print("Figures and model files …", flush=True)
    figures.write(model, test, config, workdir)
    clock.note("figures")
    served = workdir / "serving" / "1"
    export(model, served, metrics=lines, data=config.data.to_dict(), table=data.table)
    clock.note("model files")
    lines += [] if data.table is None else own_table.lines(data.table)
    lines += [
        report.Line(f"time, {part}", value, "s, this run") for part, value in clock.seconds.items()
    ]
    report.write(lines, workdir, f"{type(model).__name__} on {config.data.name}", table=data.table)
    return model, lines


def check_same(
    config: config_dict.ConfigDict, workdir: pathlib.Path, *, finished: bool = False
) -> None:
    """Checks that `workdir` holds no run whose config trains differently.

    A folder without a checkpoint holds no run.

    Args:
        config: config of the new run.
        workdir: folder of the run.
        finished: whether the training has ended, so more epochs count as a difference too.

    Raises:
        UserError: if the configs differ in the training, or `workdir` is a file.
    """
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir must be a folder, received {workdir}, which is a file.")
    path = workdir / config_file.NAME
    if not path.exists() or not (finished or Checkpoints(workdir / CHECKPOINTS).exists()):
        return
    try:
        before = config_file.read(path)
    except ValueError as error:
        raise UserError(error) from error
    differences = config_file.differences(before, config, finished=finished)
    if differences:
        raise UserError(
            f"--config must match the run in {workdir}, received other values:\n  "
            + "\n  ".join(differences)
            + "\nChoose another --workdir, or keep the values of these keys."
        )


def train(
    model: LatentVariableModel,
    data: run_data.TrainingData,
    test: tf.data.Dataset,
    config: config_dict.ConfigDict,
    workdir: pathlib.Path,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    saved: Checkpoints | None = None,
    writes: bool = True,
) -> None:
    """Fits the model from the last checkpoint to `config.epochs`.

    Args:
        model: a compiled model.
        data: training data.
        test: batches of test examples.
        config: config of the run.
        workdir: folder of the run.
        callbacks: additional Keras callbacks.
        saved: the checkpoints of the run; None: those in `workdir`.
        writes: whether this process writes files.

    Raises:
        UserError: if the checkpoints are of another run, or the data or the steps cannot be used.
    """
    saved = saved or _checkpoints(workdir, data)
    try:
        first = saved.restore(model)
    except ValueError as error:
        raise UserError(error) from error
    finished = first >= config.epochs
    if finished:
        # `fit` takes no step, but ends as it did: with the best weights, or their moving averages.
        print(f"Training of {config.epochs} epochs is finished; the report is made again.")
    if not first:
        experiment.start_prior(model, data)
    records = []
    if writes and not finished:
        history = workdir / "history.csv"
        cut_history(history, first)
        # They run before the checkpoint, so an interruption between the two leaves an extra line,
        # which `cut_history` removes.
        records = [
            keras.callbacks.CSVLogger(str(history), append=True),
            *tensorboard(workdir / "logs", model, test, config),
        ]
    try:
        model.fit(
            data.batches(first, config.epochs),
            validation_data=run_data.with_labels_of(model, test, config),
            epochs=config.epochs,
            initial_epoch=first,
            steps_per_epoch=data.steps,
            callbacks=[*records, *callbacks, saved],
            # A terminal shows a progress bar; a file gets one line an epoch.
            verbose=1 if sys.stdout.isatty() else 2,
        )
    except (ValueError, FloatingPointError) as error:  # Of data and rates that cannot serve.
        raise UserError(error) from error


def tensorboard(
    folder: pathlib.Path,
    model: LatentVariableModel,
    test: tf.data.Dataset,
    config: config_dict.ConfigDict,
) -> list[keras.callbacks.Callback]:
    """Returns the callback that writes event files, or none if the package is missing."""
    try:
        writer = TensorBoardWriter(folder)
    except ImportError as error:
        print(f"No event files: {error}")
        return []
    first = next(iter(test))
    x, labels = first if isinstance(first, tuple) else (first, None)
    y = run_data.labels_for(model, labels, config)
    labels = run_data.shown_labels(labels, config)
    return [Tracking(writer, x.numpy(), None if labels is None else labels.numpy(), y=y)]


def cut_history(path: str | os.PathLike[str], epochs: int) -> None:
    """Keeps the first `epochs` lines of a CSVLogger's file; the run writes later ones again."""
    path = pathlib.Path(path)
    if not path.is_file():
        return
    with path.open(newline="") as file:
        # A run that was stopped in its first epoch leaves an empty file.
        header, *rows = list(csv.reader(file)) or [[]]
    rows = [row for row in rows if row and row[0].isascii() and row[0].isdigit()]
    rows = [row for row in rows if int(row[0]) < epochs]
    if not rows:
        path.unlink()
        return
    with _files.replacing(path) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def export(model: LatentVariableModel, path: str | os.PathLike[str], **card: Any) -> None:
    """Exports to `path`, replacing an earlier export; `card` holds entries of the model card."""
    fresh = f"{os.fspath(path)}.new"  # The name is not a number, so servers ignore it.
    shutil.rmtree(fresh, ignore_errors=True)
    tfvae.export(model, fresh, **card)
    shutil.rmtree(path, ignore_errors=True)
    os.rename(fresh, path)


def evaluate(config: config_dict.ConfigDict, workdir: pathlib.Path) -> list[report.Line]:
    """Writes and returns the report of the finished model in `workdir`."""
    model = load(workdir)
    check_same(config, workdir, finished=True)
    try:
        experiment.check_counts(config)
        table = table_of(workdir)
        if table is not None and _has_path_of(config, workdir):
            own_table.check_rows(table, config)
        test = run_data.test_data(config, table)
    except ValueError as error:
        raise UserError(error) from error
    lines = report.measure(model, test, config, report.training_elbo_of(workdir))
    lines += [] if table is None else own_table.lines(table)
    report.write(lines, workdir, f"{type(model).__name__} on {config.data.name}", table=table)
    return lines


def _has_path_of(config: config_dict.ConfigDict, workdir: pathlib.Path) -> bool:
    """Whether the data are in the file of the run in `workdir`, not in one of other rows."""
    path = workdir / config_file.NAME
    return path.exists() and config_file.read(path).data.path == config.data.path
