"""A training run from its config to the report, in a folder from which it can be resumed."""

import csv
import os
import pathlib
import shutil
import sys
import time

import keras
import tensorflow as tf

import tfvae
from tfvae.callbacks import Checkpoints, TensorBoardWriter, Tracking
from trainers import cli, config_file, experiment, figures, report

MODEL = "model.keras"
CHECKPOINTS = "checkpoints"


class Clock:
    """Seconds of the parts of a run."""

    def __init__(self):
        self.seconds = {}
        self._last = time.perf_counter()

    def note(self, part: str):
        """Books the time since the last note to `part`."""
        now = time.perf_counter()
        self.seconds[part], self._last = now - self._last, now


def run(config, workdir, callbacks=(), strategy=None):
    """Trains, or goes on training, in `workdir`; returns the model and the lines of the report.

    With several workers `workdir` must be one that all of them see. The first one writes, and does
    the report, by itself; the others return no lines.

    Args:
        config: as from a config file.
        workdir: pathlib.Path.
        callbacks: Keras callbacks beside the program's own.
        strategy: `tf.distribute.Strategy`; None: the current one.

    Raises:
        cli.UserError: when the config describes no model, names no data, or is not that of the run
            that `workdir` holds.
    """
    clock = Clock()
    strategy = strategy or tf.distribute.get_strategy()
    check_same(config, workdir)
    try:
        experiment.check_counts(config)
        data, test = experiment.TrainingData(config), experiment.test_data(config)
        clock.note("data")
        with strategy.scope():
            model = experiment.build_model(config, data.shape)
    except ValueError as error:
        raise cli.UserError(error) from error
    workdir.mkdir(parents=True, exist_ok=True)
    writes = strategy.extended.should_checkpoint
    if writes:
        config_file.write(config, workdir / config_file.NAME)
    train(model, data, test, config, workdir, callbacks, writes=writes)
    clock.note("training")
    if not writes:
        return model, []
    model.save(workdir / MODEL)
    if strategy.num_replicas_in_sync > 1:
        model = load(workdir)  # What follows is for one device.
    lines = report.measure(model, test, config)
    clock.note("report")
    figures.write(model, test, config, workdir)
    clock.note("figures")
    export(model, workdir / "serving" / "1", metrics=lines, data=config.data.to_dict())
    clock.note("model files")
    lines += [
        report.Line(f"time, {part}", value, "s, this run") for part, value in clock.seconds.items()
    ]
    report.write(lines, workdir, f"{type(model).__name__} on {config.data.name}")
    return model, lines


def check_same(config, workdir, *, finished=False):
    """Raises an error if `workdir` holds a run with a config that trains otherwise.

    A folder without a checkpoint holds no run yet. `finished`: more epochs are no way to go on with
    it either.
    """
    if workdir.exists() and not workdir.is_dir():
        raise cli.UserError(f"--workdir: {workdir} is a file, not a folder.")
    path = workdir / config_file.NAME
    if not path.exists() or not (finished or Checkpoints(workdir / CHECKPOINTS).exists()):
        return
    try:
        before = config_file.read(path)
    except ValueError as error:
        raise cli.UserError(error) from error
    differences = config_file.differences(before, config, finished=finished)
    if differences:
        raise cli.UserError(
            f"{workdir} holds a run with another config:\n  "
            + "\n  ".join(differences)
            + "\nChoose another --workdir, or leave these keys as they were."
        )


def train(model, data, test, config, workdir, callbacks=(), *, writes=True):
    """Fits from the last checkpoint to `config.epochs`, if there is anything left.

    `writes`: whether this process is the one that writes files.
    """
    saved = Checkpoints(workdir / CHECKPOINTS)
    try:
        first = saved.restore(model)
    except ValueError as error:
        raise cli.UserError(error) from error
    if first >= config.epochs:
        print(f"Training of {config.epochs} epochs is finished; the report is done anew.")
        return
    if not first:
        experiment.start_prior(model, data)
    records = []
    if writes:
        history = workdir / "history.csv"
        cut_history(history, first)
        # Before the checkpoint: an interruption between the two leaves a line too many, which
        # `cut_history` removes, and none too few.
        records = [
            keras.callbacks.CSVLogger(str(history), append=True),
            *tensorboard(workdir / "logs", test, config),
        ]
    model.fit(
        data.batches(first, config.epochs),
        validation_data=experiment.with_labels_of(model, test, config),
        epochs=config.epochs,
        initial_epoch=first,
        steps_per_epoch=data.steps,
        callbacks=[*records, *callbacks, saved],
        # The order of the data is theirs already, and depends on the epoch.
        shuffle=False,
        # A bar that is redrawn is for people; a file gets a line an epoch.
        verbose=1 if sys.stdout.isatty() else 2,
    )


def tensorboard(folder, test, config):
    """The callback that writes event files; none where the package is missing, which it needs."""
    try:
        writer = TensorBoardWriter(folder)
    except ValueError as error:
        print(f"No event files: {error}")
        return []
    first = next(iter(test))
    x, labels = first if isinstance(first, tuple) else (first, None)
    labels = experiment.shown_labels(labels, config)
    return [Tracking(writer, x.numpy(), None if labels is None else labels.numpy())]


def cut_history(path, epochs: int):
    """Leaves the first `epochs` lines of a CSVLogger's file: later ones will be written again."""
    path = pathlib.Path(path)
    if not path.is_file():
        return
    with path.open(newline="") as file:
        header, *rows = csv.reader(file) or [[]]
    rows = [row for row in rows if row and row[0].isdigit() and int(row[0]) < epochs]
    if not rows:
        path.unlink()
        return
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def export(model, path, **card):
    """Exports to `path`, in place of what an earlier run put there; `card`: for the model card."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    tfvae.export(model, path, **card)


def evaluate(config, workdir):
    """The lines of the report of the finished model in `workdir`; writes them as well."""
    model = load(workdir)
    check_same(config, workdir, finished=True)
    try:
        experiment.check_counts(config)
        test = experiment.test_data(config)
    except ValueError as error:
        raise cli.UserError(error) from error
    lines = report.measure(model, test, config)
    report.write(lines, workdir, f"{type(model).__name__} on {config.data.name}")
    return lines


def export_saved(workdir, output):
    """Exports the finished model in `workdir` to a new or empty folder."""
    try:
        tfvae.export(load(workdir), output)
    except ValueError as error:
        raise cli.UserError(error) from error


def load(workdir):
    """The finished model of a run."""
    path = workdir / MODEL
    if not path.exists():
        raise cli.UserError(
            f"{path} does not exist: the run has not finished. `python -m trainers.train "
            f"--workdir={workdir}` goes on with it."
        )
    return keras.saving.load_model(path)
