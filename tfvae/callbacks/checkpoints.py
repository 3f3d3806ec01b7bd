"""Checkpoints from which an interrupted training continues bit for bit."""

import contextlib
import json
import os
import pathlib
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae._files import remove_partial
from tfvae.callbacks import _files, _fingerprint, _lock, _resume, _signals, _state
from tfvae.callbacks.order import EpochOrder


class Checkpoints(EpochOrder):
    """Saves a run of `fit`, and continues it when the same program is run again.

    A run that is killed at any moment continues after its last finished epoch, or after the last
    saved step. It ends with the same weights, bit for bit, as a run without interruption (on the
    same machine; if operations of a GPU are not deterministic, up to their accuracy). Restored are
    weights, the optimizer's state, λ and the rest of the objective's state, schedules, the random
    numbers of the model and its layers, Python's and NumPy's global random numbers, the means of
    the epoch so far, the number of the epoch, and the History.

    On SIGTERM (sent when a preemptible machine is taken away) or Ctrl-C, the callback saves after
    the current step. The program then ends with exit code 143 or KeyboardInterrupt. A second signal
    ends it at once. With MultiWorkerMirroredStrategy, signals act as usual (workers get them at
    different steps), the first worker writes, and all workers must have access to `folder`.

    A checkpoint is one .npz file without pickle, followed by its SHA-256. It is written under
    another name, flushed and renamed. If a file is damaged, a warning names it and the one before
    it is used. One run at a time uses the folder: it locks the file `lock`, which says who it is,
    until `fit` or the process ends. This holds between containers, and on NFS between machines.

    A run continues only with the data, batch size and number of steps with which it began. `fit`
    of a model of tfvae digests arrays (those above 256 MB in part), also those in `batches`; of
    other datasets it knows shapes, types and the number of batches. `fingerprint` may say more. The
    number of epochs may grow.

    The order of the batches must depend on the epoch or on global seeds only. With the data of
    `fit` as

    - arrays: exact after `keras.utils.set_random_seed(…)`; Keras 3 then shuffles them in the same
      order in all epochs. `batches` gives each epoch a new order;
    - `tf.data.Dataset`: exact if each epoch has the same order. A dataset that shuffles with
      `reshuffle_each_iteration=True`, the default, is not exact: it starts again with its first
      order when the program is run again. Use `each_epoch`. A dataset that `steps_per_epoch`
      spreads over several epochs is exact only if it starts at the epoch `next_epoch()`;
    - `keras.utils.PyDataset`: exact with one worker if it has no state except `random` and
      `numpy.random`. `shuffle=True` is exact.

    Put the callback last in the list. Each `fit` of a program needs a folder of its own.

    Args:
        folder: folder of the checkpoints of this run.
        save_freq: "epoch", or a number n to save also after every n steps of an epoch.
        keep: number of newest checkpoints to keep. With 1, training starts over if the file is
            damaged.
        callbacks: other callbacks whose counters are saved and restored, such as EarlyStopping and
            ReduceLROnPlateau.
        fingerprint: what else must be the same when the run continues, JSON values by name, such as
            {"data": "version 3"}.

    Raises:
        ValueError: for bad arguments; in `fit`, when the model is not built, `folder` holds
            checkpoints of another model or of other data, or another run uses it.
        OSError: in `fit`, when a checkpoint cannot be written; earlier ones are untouched.

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

    def __init__(
        self,
        folder: str | os.PathLike,
        save_freq: int | str = "epoch",
        keep: int = 3,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        fingerprint: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.folder = pathlib.Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"`folder` must be a folder, received the file {self.folder}.")
        self.save_freq = save_freq
        if save_freq != "epoch":
            hint = 'Use "epoch" to save at the end of each epoch only.'
            self.save_freq = _checks.positive_int("save_freq", save_freq, hint)
        self.keep = _checks.positive_int("keep", keep)
        self.callbacks = list(callbacks)
        self.fingerprint = json.loads(json.dumps(fingerprint or {}))  # As a file gives it back.
        self._restored, self._data, self._more = None, {}, []
        self._lock, self._is_locked_outside = _lock.FolderLock(self.folder), False
        self._interruption = _signals.Interruption(None)

    # ---- the folder --------------------------------------------------------------------------

    def exists(self) -> bool:
        """Returns whether the folder holds a checkpoint."""
        return bool(_files.paths(self.folder))

    def next_epoch(self) -> int:
        """Returns the epoch, from 0, in which the next `fit` starts or continues."""
        _, manifest = _files.newest(self.folder)
        return manifest["epoch"]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the folder for longer than `fit` does.

        Raises:
            ValueError: when another run uses it.
        """
        self._lock.acquire(lambda: True)
        self._is_locked_outside = True
        try:
            yield
        finally:
            self._is_locked_outside = False
            self._lock.release()

    def restore(self, model: keras.Model) -> int:
        """Restores a built and compiled model from the newest checkpoint, if there is one.

        `fit` does this for you.

        Returns:
            The number of finished epochs of training.

        Raises:
            ValueError: when the model is not built, or the checkpoint is of another model.
        """
        return self._restore(model)[1]["epoch"]

    def _restore(self, model):
        """Restores the model; returns arrays and manifest of the newest checkpoint."""
        if not model.built:
            raise ValueError(
                f"`model` must be built, received a {type(model).__name__} that has no weights yet."
                " Call `model.build((None, *shape_of_one_example))` before `fit`."
            )
        arrays, manifest = _files.newest(self.folder)
        if arrays:
            variables = _state.variables(model)
            _resume.check_same_model(self.folder, model, variables, arrays, manifest)
            _state.assign(variables, arrays)
        return arrays, manifest

    # ---- the run -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def around_fit(self, arguments: dict[str, Any]) -> Iterator[None]:
        """Is what models of tfvae enter for their `fit`: tells the data, and ends in any case."""
        self._data = _fingerprint.of_fit(arguments, self._datasets)
        given = arguments.get("callbacks")
        given = given if isinstance(given, (list, tuple)) else []
        self._more = [one for one in given if getattr(one, "keeps_state", False)]
        try:
            yield
        finally:
            self._data, self._more = {}, []
            self._end()

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Continues from the newest checkpoint."""
        self._writes = self.model.distribute_strategy.extended.should_checkpoint
        if self._writes and not self._is_locked_outside:
            model = weakref.ref(self.model)
            self._lock.acquire(lambda: _signals.in_fit(model()))
        try:
            self._begin()
        except BaseException:
            self._end()
            raise

    def _begin(self):
        model, strategy = self.model, self.model.distribute_strategy
        if self._writes:
            remove_partial(self.folder)
        workers = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self._config = _state.config(model)
        arrays, manifest = self._restore(model)
        epoch, step = manifest["epoch"], manifest["step"]
        if workers:
            _resume.check_agreement(strategy, epoch, step, self.folder)
        if arrays and self._writes:
            _resume.check_same_data(self.folder, manifest, self._manifest_of_fit())
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
            _state.set_callback_state(self._all_kept(), manifest["callbacks"], arrays)
            print(f"Training has ended already, after epoch {epoch}.")
            return
        model._initial_epoch = epoch
        where = f" after step {step}" if step else ""
        print(f"Continuing with epoch {epoch + 1} of {last}{where}.")

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Restores the state that `fit` has reset, and records the global random states."""
        super().on_epoch_begin(epoch, logs)
        self._epoch, self._step = epoch, 0
        self.model._initial_epoch = None
        if self._restored is not None:
            self._resume(*self._restored)
            self._restored = None
        self._random_states = _state.random_states()

    def _resume(self, arrays, manifest):
        """Restores the state that earlier hooks of Keras would have reset."""
        _state.set_random_states(manifest["random_states"])
        _state.set_callback_state(self._all_kept(), manifest["callbacks"], arrays)
        self._give_history()
        if not self._skip:
            return
        means = _state.metric_variables(self.model)
        known = means and _state.fits(means, arrays) is None
        if known:
            _state.assign(means, arrays)
        self._means_so_far = self.model.get_metrics_result() if known else {}

    def _all_kept(self):
        """The callbacks whose state is saved: those given, and the model's own."""
        return [*self.callbacks, *self._more]

    def _skip_next_step(self):
        """Makes `fit` take the next batches from the data without a training step."""
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

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Saves between two steps if a checkpoint is due or a signal came."""
        # Not in `on_train_batch_end`: Keras would then wait for the values of each step's logs.
        due = self.save_freq != "epoch" and batch // self.save_freq > self._step // self.save_freq
        self._step = batch
        interrupted = self._interruption.received is not None
        # Skipped steps change nothing: their result is in the file already.
        if (due and batch > self._skip) or (interrupted and batch >= self._skip):
            self._save(self._epoch, batch)
        self._end_if_interrupted()
        if batch < self._skip:
            self._skip_next_step()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Keeps the means of the epoch: evaluation overwrites their variables."""
        self._means = _state.arrays(_state.metric_variables(self.model))

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Saves if a signal came, after all steps of the epoch. Evaluation will start over."""
        if self._interruption.received:
            self._save(self._epoch, self._step + self.model.steps_per_execution)
            self._end_if_interrupted()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves the state at the end of the epoch."""
        self._epochs.append(epoch)
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(np.asarray(value).item())
        self._skip, self._means = 0, None
        self._random_states = _state.random_states()
        self._save(epoch + 1, 0)
        self._end_if_interrupted()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Restores the model's settings and the signal handlers, and unlocks the folder."""
        self.model._initial_epoch = None
        if self._restored is not None:
            self._give_history()
        self._end()

    def _end(self):
        self._interruption.unwatch()
        if not self._is_locked_outside:
            self._lock.release()

    def _manifest_of_fit(self):
        data = {**self._data, "steps_per_epoch": self.params["steps"], **self.fingerprint}
        return {"data": data, "last_epoch": self.params["epochs"]}

    def _end_if_interrupted(self):
        if self._interruption.received:
            self._end()
            self._interruption.end_program()

    def _save(self, epoch, step):
        counters, lists = _state.callback_state(self._all_kept())
        arrays = {**_state.arrays(_state.variables(self.model)), **lists}
        if step:
            means = _state.arrays(_state.metric_variables(self.model))
            arrays |= means if self._means is None else self._means
        # Workers that do not write return only here: reading variables may need all workers.
        if not self._writes:
            return
        manifest = {
            **self._manifest_of_fit(),
            "epoch": epoch,
            "step": step,
            "stopped": bool(self.model.stop_training) and not step,
            "history": self._history,
            "epochs": self._epochs,
            "random_states": self._random_states,
            "callbacks": counters,
            # Both, because a callback may have changed the learning rate during training.
            "configs": [self._config, _state.config(self.model)],
        }
        path = self.folder / _files.name(epoch, step)
        _files.write(path, arrays, manifest)
        _files.prune(path, self.keep)
