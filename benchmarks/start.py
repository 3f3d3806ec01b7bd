"""Seconds until a program can begin: `import tfvae`, and the first step of `fit`.

    python -m benchmarks.start [--runs 5] [--shape dense] [--json FILE]

Each time is taken in a process of its own, in turns, and is the median of the runs. The import of
tfvae is what it adds to that of TensorFlow, TensorFlow Probability and Keras. The first step lasts
from the call of `fit` to the end of the first batch: building, tracing and compiling. Beside
tfvae.VAE is a bare Keras model of the same networks, as in benchmarks.step. A run before those that
count writes the files of compiled Python. Where the CPU time is less than the time, other programs
were running.
"""

import argparse
import statistics
import subprocess
import sys
import time

import keras
import tensorflow as tf

from benchmarks import common, step_models
from benchmarks.step_shapes import BATCHES, DATA

WANTED_IMPORT, WANTED_FIRST_STEP = 0.5, 1.5
IMPORTS = """
import time
clocks = time.perf_counter, time.process_time
start = [clock() for clock in clocks]
import keras, tensorflow, tensorflow_probability
tensorflow_probability.distributions  # It is imported when it is first used.
middle = [clock() for clock in clocks]
import tfvae
end = [clock() for clock in clocks]
print(*(m - s for s, m in zip(start, middle)), *(e - m for m, e in zip(middle, end)))
"""
FIRST_STEP = "from benchmarks import start; print(*start.first_step({name!r}, {shape!r}))"
BEFORE, OWN = "import of TensorFlow, TFP and Keras", "import tfvae, after these"
MODELS = ("bare Keras VAE", "VAE")


class _End(keras.callbacks.Callback):
    """The times at the end of the first batch."""

    times = None

    def on_train_batch_end(self, batch, logs=None):
        self.times = self.times or _times()


def _times():
    """Seconds of the clock and of the CPU."""
    return time.perf_counter(), time.process_time()


def first_step(name, shape):
    """Seconds and CPU seconds from the call of `fit` of a new model to its first batch's end."""
    data_shape, batch = DATA[shape], BATCHES[shape]
    x = tf.cast(tf.random.stateless_uniform([batch, *data_shape], (0, 0)) > 0.5, tf.float32)
    dataset = tf.data.Dataset.from_tensors(x).repeat(2)
    model = step_models.models(shape)[name]()
    model.compile(keras.optimizers.Adam(1e-3))
    end = _End()
    start = _times()
    model.fit(dataset, verbose=0, callbacks=[end])
    return [after - before for before, after in zip(start, end.times, strict=True)]


def fresh(script):
    """The numbers that a script prints last, in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return [float(word) for word in result.stdout.splitlines()[-1].split()]


def measure(shape, runs):
    """Median seconds and CPU seconds by what takes them: the two imports and the first steps."""
    scripts = {(BEFORE, OWN): IMPORTS}
    scripts |= {(name,): FIRST_STEP.format(name=name, shape=shape) for name in MODELS}
    found = {names: [] for names in scripts}
    for run in range(runs + 1):
        for names, script in scripts.items():
            numbers = fresh(script)
            if run:
                found[names].append(numbers)
    medians = {}
    for names, numbers in found.items():
        middle = [statistics.median(column) for column in zip(*numbers, strict=True)]
        medians |= {name: middle[2 * i : 2 * i + 2] for i, name in enumerate(names)}
    return medians


def goals(seconds):
    """What was wanted of the import and of the first step, from the median seconds by name."""
    ratio = seconds["VAE"] / seconds["bare Keras VAE"]
    return [
        common.Goal(
            "import tfvae, above TensorFlow, TFP and Keras",
            f"≤ {WANTED_IMPORT} s",
            f"{seconds[OWN]:.2f} s",
            seconds[OWN] <= WANTED_IMPORT,
        ),
        common.Goal(
            "first step of `fit`, over that of a bare Keras model",
            f"≤ {WANTED_FIRST_STEP}",
            f"{ratio:.2f}",
            ratio <= WANTED_FIRST_STEP,
        ),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="processes of each kind")
    parser.add_argument("--shape", choices=DATA, default="dense", help="of the networks")
    parser.add_argument("--json", help="file to write the numbers to, with units")
    arguments = parser.parse_args()
    medians = measure(arguments.shape, arguments.runs)
    common.report(
        "Start",
        ["what", "time", "CPU time"],
        [
            [f"first step of fit, {name}" if name in MODELS else name, *both]
            for name, both in medians.items()
        ],
        ["", "s", "s"],
        {
            "shape": arguments.shape,
            "runs": f"{arguments.runs} processes of each kind, in turns, median",
            "seeds": "models and data 0",
            **common.environment(),
        },
        arguments.json,
    )
    found = goals({name: seconds for name, (seconds, _) in medians.items()})
    common.print_goals(found)
    return common.exit_code(found)


if __name__ == "__main__":
    sys.exit(main())
