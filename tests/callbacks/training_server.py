"""A server that forks a training process for each line of its input.

It imports TensorFlow once, because that takes seconds. It does not use TensorFlow before the fork,
because the threads of TensorFlow do not survive one. A line is JSON: model, folder, epochs, eager,
hold_at (the number of the batch before which it waits for a file "go" in its folder; null: none).
"""

import json
import os
import pathlib
import sys
import time
import traceback

import keras
import numpy as np

import tfvae
from tfvae.callbacks import Checkpoints
from tfvae.models.persistence import random_states
from tfvae.objectives import Constrained
from tfvae.priors import HierarchicalPrior


class Tell(keras.callbacks.Callback):
    """Prints a message when training begins, and when it waits before a batch."""

    def __init__(self, hold_at, go):
        super().__init__()
        self.batches_to_go, self.go = hold_at, go

    def on_train_begin(self, logs=None):
        say(event="training")

    def on_train_batch_begin(self, batch, logs=None):
        if self.batches_to_go is None:
            return
        self.batches_to_go -= 1
        if self.batches_to_go == 0:
            say(event="held")
            while not self.go.exists():
                time.sleep(0.01)


def say(**what):
    os.write(1, f"{json.dumps(what)}\n".encode())


def make(name):
    mlp = tfvae.networks.mlp
    networks = {"encoder": mlp([8]), "decoder": mlp([8], (8,)), "seed": 1}
    if name == "VAE":
        return tfvae.VAE(2, **networks)
    hierarchy = HierarchicalPrior(2, hidden=(4,))
    objective = Constrained(kappa=1.2)
    return getattr(tfvae, name)(2, **networks, prior=hierarchy, objective=objective)


def train(model, folder, epochs, eager, hold_at):
    folder = pathlib.Path(folder)
    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
    model = make(model)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=eager)
    saved = Checkpoints(folder / "checkpoints", save_freq=1)
    batches = saved.batches(x, batch_size=64)
    callbacks = [Tell(hold_at, folder / "go"), saved]
    history = model.fit(batches, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0)
    states = [*model.weights, *model.optimizer.variables, *random_states(model).values()]
    values = {f"{i:03d}": np.asarray(variable) for i, variable in enumerate(states)}
    np.savez(folder / "end.npz", **values, **{k: v for k, v in history.history.items()})


def main():
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                train(**json.loads(line))
                code = 0
            except SystemExit as error:
                code = error.code
            except KeyboardInterrupt:
                code = 130
            except BaseException:
                traceback.print_exc()
            os._exit(code)
        say(event="pid", value=child)
        _, status = os.waitpid(child, 0)
        say(event="end", value=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    say(event="ready")
    main()
