"""Checkpoints from which training goes on as if it had not been interrupted."""

import csv
import os
import pathlib

import keras


class Checkpoints(keras.callbacks.Callback):
    """Writes all weights after each epoch: of networks, optimizer, multiplier and random numbers.

    The number of the epoch is the file's name, and the file gets it when it is complete: a run that
    is killed at any moment leaves no half checkpoint, nor one of another epoch than it says (Keras'
    BackupAndRestore keeps weights and epoch in two files). The last two are kept.

    Args:
        folder: where they are written.
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the checkpoint of the epoch that has ended, and removes the last but two."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "partial.weights.h5"
        self.model.save_weights(partial, overwrite=True)
        os.replace(partial, self.folder / f"{epoch + 1:06d}.weights.h5")
        for path in self._paths()[:-2]:
            path.unlink()

    def any(self) -> bool:
        """Whether there is a checkpoint."""
        return bool(self._paths())

    def restore(self, model) -> int:
        """Loads the last checkpoint, if any, into a built and compiled model.

        Returns:
            The number of epochs that the model has been trained for.
        """
        paths = self._paths()
        if not paths:
            return 0
        model.load_weights(paths[-1])
        return _epochs(paths[-1])

    def _paths(self):
        return sorted(p for p in self.folder.glob("*.weights.h5") if p.name[0].isdigit())


def _epochs(path):
    return int(path.name.partition(".")[0])


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
