"""One worker of a cluster on this machine that goes on from its last checkpoint.

TF_CONFIG=… python resuming_worker.py FOLDER [slowly]
"""

import json
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import training

from tfvae.callbacks import Checkpoints


class Slowly(keras.callbacks.Callback):
    """Leaves time to be killed."""

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(3.0)


def main(folder, slowly):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    keras.utils.set_random_seed(1)
    x = training.data()
    with strategy.scope():
        model = training.MODELS["VHPVAE"]()
        model.compile(keras.optimizers.Adam(1e-3))
        model.build((None, *x.shape[1:]))
    saved = Checkpoints(folder / "checkpoints")
    model.fit(
        x,
        batch_size=training.BATCH,
        epochs=4,
        shuffle=False,
        callbacks=[*([Slowly()] if slowly else []), saved],
        verbose=0,
    )
    np.savez(folder / f"weights-{index}.npz", *[v.numpy() for v in model.variables])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), len(sys.argv) > 2)
