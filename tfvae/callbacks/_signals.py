"""Signals that end a run wait until the step that is being made is done."""

import contextlib
import signal
import threading

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interruption:
    """Notes SIGTERM and Ctrl-C while a model is fitted; a second one ends the program at once.

    Args:
        model: whose `fit` may be interrupted; elsewhere signals do what they did before.
    """

    def __init__(self, model):
        self.model = model
        self.received = None
        self._previous = {}

    def watch(self):
        """Begins to note signals, where Python allows it: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {n: signal.signal(n, self._note) for n in _NAMES}

    def unwatch(self):
        """Gives the signals back to whom they went before."""
        for number, handler in self._previous.items():
            # Python cannot set a handler again that it has not set: those of other languages.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous = {}

    def end_program(self):
        """Raises what the signal would have raised: KeyboardInterrupt, or SystemExit(143)."""
        self.unwatch()
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self.received)

    def _note(self, number, frame):
        # An error may have ended `fit` without a word to its callbacks.
        if self.received is not None or not self._in_fit(frame):
            self.unwatch()
            signal.raise_signal(number)
            return
        self.received = number
        with contextlib.suppress(RuntimeError):  # The signal may have come while printing.
            print(f"\n{_NAMES[number]}: saving after this step, then ending.", flush=True)

    def _in_fit(self, frame):
        while frame is not None:
            if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is self.model:
                return True
            frame = frame.f_back
        return False
