"""Checkpoints from which training goes on, bit for bit, as if it had not been interrupted."""

import pathlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.callbacks import _files, _signals, _state
from tfvae.callbacks.order import EpochOrder


class Checkpoints(EpochOrder):
    """Saves a run of `fit`, and goes on with it when the same program is run again.

    A run that is killed at any moment continues after its last finished epoch, or after the last
    saved step, and ends with the weights that it would have ended with undisturbed, bit for bit
    (on the same machine; to the accuracy of its operations where those of a GPU are not
    deterministic). Restored are weights, the optimizer's state, λ and all else that the objective
    holds, schedules, the random numbers of the model and its layers, Python's and NumPy's global
    ones, the means of the epoch so far, the number of the epoch, and the History.

    SIGTERM, by which preemptible machines are taken away, and Ctrl-C save after the step that is
    being made, wherever in the epoch it is; then the program ends with exit code 143, or
    KeyboardInterrupt. A second signal ends it at once. With MultiWorkerMirroredStrategy signals are
    left alone (workers get them at different steps), the first worker writes, and `folder` must be
    one that all workers see.

    A checkpoint is one .npz file, without pickle, and its SHA-256. It is written under another
    name, flushed and renamed. A damaged one is named in a warning, and the one before it used.

    Batches of the same order are the user's part: the order must follow from the epoch, or from
    global seeds. With the data of `fit` as

    - arrays: exact after `keras.utils.set_random_seed(…)`, by which Keras 3 shuffles them alike in
      all epochs; `batches` shuffles them anew in each;
    - `tf.data.Dataset`: exact if each epoch has the same order. One that shuffles with
      `reshuffle_each_iteration=True`, the default, begins again with its first order when the
      program is run again: not exact; use `each_epoch`. Nor is one that goes on from epoch to
      epoch by `steps_per_epoch`, unless it is made to begin at the epoch that `next_epoch` tells;
    - `keras.utils.PyDataset`: exact if it has no state but `random` and `numpy.random`, with one
      worker; `shuffle=True` is.

    The callback should be the last in the list. The one of each `fit` of a program needs a folder
    of its own.

    Args:
        folder: of the checkpoints of this run.
        save_freq: "epoch", or a number n: after each n steps of an epoch too.
        keep: number of checkpoints that are kept, the newest ones. With 1, a damaged file means to
            begin anew.
        callbacks: others whose counters are saved and restored, as those of EarlyStopping and
            ReduceLROnPlateau.

    Raises:
        ValueError: for bad arguments; by `fit` when the model is not built, or `folder` holds
            checkpoints of another model.
        OSError: by `fit`, when a checkpoint cannot be written; those before it are untouched.

    Example:
        >>> import tempfile, keras, numpy as np, tfvae
        >>> x = np.random.default_rng(0).uniform(size=(64, 5)).astype("float32")
        >>> folder = tempfile.mkdtemp()
        >>> def program(epochs):
        ...     keras.utils.set_random_seed(1)
        ...     vae = tfvae.VAE(latent_dim=2, seed=1)
        ...     vae.compile("adam")
        ...     saved = tfvae.callbacks.Checkpoints(folder)
        ...     batches = saved.batches(x, batch_size=16, seed=1)
        ...     return vae.fit(batches, epochs=epochs, callbacks=[saved], verbose=0)
        >>> _ = program(2)
        >>> program(3).epoch
        Continuing with epoch 3 of 3.
        [0, 1, 2]
    """

    def __init__(self, folder, save_freq="epoch", keep: int = 3, callbacks=()):
        super().__init__()
        self.folder = pathlib.Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"`folder` must be a folder, but {self.folder} is a file.")
        self.save_freq = save_freq
        if save_freq != "epoch":
            hint = 'Or "epoch": at the end of each.'
            self.save_freq = _checks.positive_int("save_freq", save_freq, hint)
        self.keep = _checks.positive_int("keep", keep)
        self.callbacks = list(callbacks)
        self._restored = None
        self._interruption = _signals.Interruption(None)

    # ---- what is in the folder ---------------------------------------------------------------

    def exists(self) -> bool:
        """Whether the folder holds a checkpoint."""
        return bool(_files.paths(self.folder))

    def next_epoch(self) -> int:
        """The epoch, from 0, that the next `fit` begins with, or goes on in."""
        _, manifest = self._newest()
        return manifest["epoch"]

    def restore(self, model) -> int:
        """Gives a built and compiled model the state of the newest checkpoint, if there is one.

        `fit` does it by itself.

        Returns:
            The number of whole epochs that the model has been trained for.

        Raises:
            ValueError: when the model is not built, or the checkpoint is of another one.
        """
        return self._restore(model)[1]["epoch"]

    def _restore(self, model):
        """Arrays and manifest of the newest checkpoint, which the model has been given."""
        if not model.built:
            raise ValueError(
                "Checkpoints need a model that knows its data: call `model.build((None, "
                "*shape_of_one_example))` before `fit`."
            )
        arrays, manifest = self._newest()
        if arrays:
            variables = _state.variables(model)
            self._check_same(model, variables, arrays, manifest)
            _state.assign(variables, arrays)
        return arrays, manifest

    def _newest(self):
        """Arrays and manifest of the newest whole checkpoint."""
        for path in reversed(_files.paths(self.folder)):
            try:
                return _files.read(path)
            except _files.DamagedFileError as error:
                warnings.warn(
                    f"The checkpoint {path} is damaged, {error}: the one before it is used.",
                    stacklevel=3,
                )
        return {}, {"epoch": 0, "step": 0, "history": {}, "epochs": []}

    def _check_same(self, model, variables, arrays, manifest):
        now = _state.config(model)
        found = [_state.differences(config, now) for config in manifest["configs"]]
        problem = _state.fits(variables, arrays)
        if all(found) or problem:
            lines = min(found, key=len)[:5] or [problem]
            raise ValueError(
                f"`folder` {self.folder} holds checkpoints of another model:\n  "
                + "\n  ".join(lines)
                + "\nChoose another folder, or leave the model as it was."
            )

    # ---- the run -----------------------------------------------------------------------------

    def on_train_begin(self, logs=None):
        """Goes on from the newest checkpoint."""
        model, strategy = self.model, self.model.distribute_strategy
        self._writes = strategy.extended.should_checkpoint
        workers = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._config = _state.config(model)
        arrays, manifest = self._restore(model)
        epoch, step = manifest["epoch"], manifest["step"]
        if workers:
            _check_agreement(strategy, epoch, step, self.folder)
        self._restored = (arrays, manifest) if arrays else None
        self._history, self._epochs = manifest["history"], manifest["epochs"]
        self._skip, self._step, self._means = step, 0, None
        self._interruption = _signals.Interruption(model)
        if not workers:
            self._interruption.watch()
        if not arrays:
            return
        last = self.params["epochs"]
        if epoch >= last or manifest["stopped"]:
            model._initial_epoch = max(last, 1)
            _state.set_callback_state(self.callbacks, manifest["callbacks"], arrays)
            print(f"Training has ended already, after epoch {epoch}.")
            return
        model._initial_epoch = epoch
        where = f" after step {step}" if step else ""
        print(f"Continuing with epoch {epoch + 1} of {last}{where}.")

    def on_epoch_begin(self, epoch, logs=None):
        """Restores what a run begins anew; notes what the order of the data may depend on."""
        super().on_epoch_begin(epoch, logs)
        self._epoch, self._step = epoch, 0
        self.model._initial_epoch = None
        if self._restored is not None:
            self._resume(*self._restored)
            self._restored = None
        self._random_states = _state.random_states()

    def _resume(self, arrays, manifest):
        """What earlier hooks of Keras would have undone."""
        _state.set_random_states(manifest["random_states"])
        _state.set_callback_state(self.callbacks, manifest["callbacks"], arrays)
        self._give_history()
        if not self._skip:
            return
        means = _state.metric_variables(self.model)
        known = means and _state.fits(means, arrays) is None
        if known:
            _state.assign(means, arrays)
        self._means_so_far = self.model.get_metrics_result() if known else {}

    def _skip_next_step(self):
        """Has `fit` take the next batches from the data without a step."""
        model, train = self.model, self.model.train_function

        def skip(iterator):
            model.train_function = train
            next(iterator)
            for _ in range(model.steps_per_execution - 1):
                next(iterator, None)
            return self._means_so_far

        model.train_function = skip

    def _give_history(self):
        history = getattr(self.model, "history", None)
        if isinstance(history, keras.callbacks.History):
            history.epoch = list(self._epochs)
            history.history = {name: list(values) for name, values in self._history.items()}

    def on_train_batch_begin(self, batch, logs=None):
        """Saves between two steps, when it is time or a signal came."""
        # Not at the end of a step: Keras would then wait for the values of each step's logs.
        due = self.save_freq != "epoch" and batch // self.save_freq > self._step // self.save_freq
        self._step = batch
        interrupted = self._interruption.received is not None
        # Steps that are skipped change nothing: what they lead to is in the file already.
        if (due and batch > self._skip) or (interrupted and batch >= self._skip):
            self._save(self._epoch, batch)
        self._end_if_interrupted()
        if batch < self._skip:
            self._skip_next_step()

    def on_test_begin(self, logs=None):
        """Keeps the means of the epoch, whose variables evaluation uses too."""
        self._means = _state.arrays(_state.metric_variables(self.model))

    def on_test_batch_begin(self, batch, logs=None):
        """Saves at the end of the epoch's steps if a signal came: evaluation will begin anew."""
        if self._interruption.received:
            self._save(self._epoch, self._step + self.model.steps_per_execution)
            self._end_if_interrupted()

    def on_epoch_end(self, epoch, logs=None):
        """Saves the state at the end of the epoch."""
        self._epochs.append(epoch)
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(np.asarray(value).item())
        self._skip, self._means = 0, None
        self._random_states = _state.random_states()
        self._save(epoch + 1, 0)
        self._end_if_interrupted()

    def on_train_end(self, logs=None):
        """Leaves model and signals as they were."""
        self._interruption.unwatch()
        self.model._initial_epoch = None
        if self._restored is not None:
            self._give_history()

    def _end_if_interrupted(self):
        if self._interruption.received:
            self._interruption.end_program()

    def _save(self, epoch, step):
        counters, lists = _state.callback_state(self.callbacks)
        arrays = {**_state.arrays(_state.variables(self.model)), **lists}
        if step:
            means = _state.arrays(_state.metric_variables(self.model))
            arrays |= means if self._means is None else self._means
        # Workers that do not write have read with the others, which may take all of them.
        if not self._writes:
            return
        manifest = {
            "epoch": epoch,
            "step": step,
            "stopped": bool(self.model.stop_training) and not step,
            "history": self._history,
            "epochs": self._epochs,
            "random_states": self._random_states,
            "callbacks": counters,
            # A callback may have changed the learning rate since.
            "configs": [self._config, _state.config(self.model)],
        }
        path = self.folder / _files.name(epoch, step)
        _files.write(path, arrays, manifest)
        _files.prune(path, self.keep)


def _check_agreement(strategy, epoch, step, folder):
    """Raises a ValueError unless all workers go on from the same place."""
    own = np.asarray([epoch, step], "float64")

    def mean():
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.constant(own))

    found = strategy.experimental_local_results(strategy.run(mean))[0].numpy()
    if not np.array_equal(found, own):
        raise ValueError(
            f"`folder` {folder} must be one that all workers see: this worker finds epoch {epoch}, "
            f"step {step} there, the mean of all workers is epoch {found[0]:g}, step {found[1]:g}."
        )
