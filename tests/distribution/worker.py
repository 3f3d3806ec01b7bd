"""One worker of a cluster on this machine: trains the models named, and writes what became of them.

TF_CONFIG=… python worker.py FOLDER NAME …
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import training


def plain_keras_fails(strategy, x):
    """The message with which `fit` of a plain Keras model ends, or "" if it works."""
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(1)])
        model.build((None, x.shape[1]))
        model.compile("sgd", "mse")
    try:
        model.fit(x, x[:, :1], batch_size=8, verbose=0)
    except Exception as error:  # whatever Keras raises is the answer
        return str(error)
    return ""


def main(folder, names):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    x = training.data()
    report = {}
    for name in names:
        model, results = training.train(name, strategy, x)
        np.savez(folder / f"{name}-{index}.npz", *[v.numpy() for v in model.variables])
        report[name] = results
    report["plain Keras"] = plain_keras_fails(strategy, x)
    (folder / f"report-{index}.json").write_text(json.dumps(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
