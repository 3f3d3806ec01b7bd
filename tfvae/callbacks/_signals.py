"""Delays signals that end a run until the current step is done."""

import contextlib
import signal
import sys
import threading
from typing import NoReturn

import keras

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interruption:
    """Records SIGTERM and Ctrl-C during `fit`. A second signal ends the program at once.

    Args:
        model: the model that is fitted. Outside its `fit`, signals act as before.
    """

    def __init__(self, model: keras.Model | None) -> None:
        self.model = model
        self.received = None
        self._previous = {}

    def watch(self) -> None:
        """Begins to record signals. Python allows this in the main thread only."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {n: signal.signal(n, self._note) for n in _NAMES}

    def unwatch(self) -> None:
        """Restores the previous signal handlers."""
        for number, handler in self._previous.items():
            # None stands for a handler that was not set by Python and cannot be restored.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous = {}

    def end_program(self) -> NoReturn:
        """Raises KeyboardInterrupt after Ctrl-C, SystemExit(143) after SIGTERM."""
        self.unwatch()
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.received)

    def _note(self, number, frame):
        # If `fit` ended with an error, `on_train_end` has not removed this handler.
        if self.received is not None or not _runs_fit(frame, self.model):
            self.unwatch()
            signal.raise_signal(number)
            return
        self.received = number
        with contextlib.suppress(RuntimeError):  # The signal interrupted a print.
            print(f"\n{_NAMES[number]}: saving after this step, then ending.", flush=True)


def in_fit(model: keras.Model | None) -> bool:
    """Returns whether a thread of this process runs `model.fit`."""
    return any(_runs_fit(frame, model) for frame in sys._current_frames().values())


def _runs_fit(frame, model):
    while frame is not None and model is not None:
        if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
            return True
        frame = frame.f_back
    return False
