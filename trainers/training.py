"""A training run from its config to the report, in a folder from which it can be resumed."""

import importlib.util
import os
import shutil
import sys
import time

import keras

import tfvae
from trainers import checkpoints, cli, config_file, experiment, figures, report

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


def run(config, workdir, callbacks=()):
    """Trains, or goes on training, in `workdir`; returns the model and the lines of the report.

    Args:
        config: as from a config file.
        workdir: pathlib.Path.
        callbacks: Keras callbacks beside the program's own.

    Raises:
        cli.UserError: when the config describes no model, names no data, or is not that of the run
            that `workdir` holds.
    """
    clock = Clock()
    check_same(config, workdir)
    try:
        experiment.check_counts(config)
        data, test = experiment.TrainingData(config), experiment.test_data(config)
        clock.note("data")
        model = experiment.build_model(config, data.shape)
    except ValueError as error:
        raise cli.UserError(error) from error
    workdir.mkdir(parents=True, exist_ok=True)
    config_file.write(config, workdir / config_file.NAME)
    train(model, data, test, config, workdir, callbacks)
    clock.note("training")
    model.save(workdir / MODEL)
    lines = report.measure(model, test, config)
    clock.note("report")
    figures.write(model, test, config, workdir)
    clock.note("figures")
    export(model, workdir / "serving" / "1")
    clock.note("model files")
    lines += [
        report.Line(f"time, {part}", value, "s, this run") for part, value in clock.seconds.items()
    ]
    report.write(lines, workdir, f"{type(model).__name__} on {config.data.name}")
    return model, lines


def check_same(config, workdir, *, finished=False):
    """Raises an error if `workdir` holds a run with a config that trains otherwise.

    A folder in which no epoch has ended holds no run yet. `finished`: more epochs are no way to go
    on with it either.
    """
    if workdir.exists() and not workdir.is_dir():
        raise cli.UserError(f"--workdir: {workdir} is a file, not a folder.")
    path = workdir / config_file.NAME
    if not path.exists() or not (finished or checkpoints.Checkpoints(workdir / CHECKPOINTS).any()):
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


def train(model, data, test, config, workdir, callbacks=()):
    """Fits from the last checkpoint to `config.epochs`, if there is anything left."""
    saved = checkpoints.Checkpoints(workdir / CHECKPOINTS)
    first = saved.restore(model)
    if first >= config.epochs:
        print(f"Training of {config.epochs} epochs is finished; the report is done anew.")
        return
    if first:
        print(f"Going on after epoch {first} of {config.epochs}.")
    else:
        experiment.start_prior(model, data)
    history = workdir / "history.csv"
    checkpoints.cut_history(history, first)
    model.fit(
        data.batches(first, config.epochs),
        validation_data=test,
        epochs=config.epochs,
        initial_epoch=first,
        steps_per_epoch=data.steps,
        callbacks=[
            # Before the checkpoint: an interruption between the two leaves a line too many, which
            # `cut_history` removes, and none too few.
            keras.callbacks.CSVLogger(str(history), append=True),
            saved,
            *tensorboard(workdir / "logs"),
            *callbacks,
        ],
        # The order of the data is theirs already, and depends on the epoch.
        shuffle=False,
        # A bar that is redrawn is for people; a file gets a line an epoch.
        verbose=1 if sys.stdout.isatty() else 2,
    )


def tensorboard(folder):
    """The callback that writes event files; none where the package is missing, which it needs."""
    if importlib.util.find_spec("tensorboard") is None:
        print("No event files: the package tensorboard is not installed.")
        return []
    return [keras.callbacks.TensorBoard(folder, write_graph=False, profile_batch=0)]


def export(model, path):
    """Exports to `path`, in place of what an earlier run put there."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    tfvae.export(model, path)


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
