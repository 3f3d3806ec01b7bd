"""Things to time that take turns, each in a process of its own.

A worker reads requests as lines of JSON from its standard input, such as `{"count": 20}` for the
seconds of 20 steps, and answers each with a line that begins with `ANSWER` and holds JSON; what
else it prints is let pass. So libraries that cannot live in one process, such as TensorFlow and
torch, are compared in one run, and what else the machine does falls on all alike.
"""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

ANSWER = "ANSWER "
_ROOT = pathlib.Path(__file__).parents[1]


class Worker:
    """A process that answers requests.

    Args:
        module: that is run, and whose `main` calls `serve`.
        arguments: of its command line.
        python: interpreter. None: this one.
    """

    def __init__(self, module: str, *arguments: str, python: str | None = None):
        # A benchmark's own folder comes first, so that a peer's interpreter finds the module.
        path = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._module = module

    def ask(self, **request: Any) -> Any:
        """The answer to a request.

        Raises:
            RuntimeError: when the process ends without one.
        """
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise RuntimeError(
            f"`{self._module}` ended without an answer to {request}, with code "
            f"{self._process.wait()}; its error is above."
        )

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def serve(answer: Callable[[dict], Any]) -> None:
    """Answers requests from standard input until it ends."""
    for line in sys.stdin:
        print(ANSWER + json.dumps(answer(json.loads(line))), flush=True)
