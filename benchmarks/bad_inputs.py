"""Awkward arrays given to the methods of a model: the answer that they mean, or an error."""

import functools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tfvae
from benchmarks import faults
from benchmarks.faults import Counts

X = np.random.default_rng(0).uniform(size=(16, 6)).astype("float32")
# The row that holds a value that is not finite: its answer must be NaN, and no other row's.
SPOILED = 3


@functools.cache
def small_model(likelihood: str = "bernoulli") -> tfvae.VAE:
    """A model that is built and compiled, one for the process."""
    keras.utils.set_random_seed(0)
    mlp = tfvae.networks.mlp
    model = tfvae.VAE(
        2, encoder=mlp([512]), decoder=mlp([512], (6,)), likelihood=likelihood, seed=1
    )
    model.compile("adam")
    model.build((None, 6))
    model.build_optimizers()
    return model


def arrays() -> dict[str, tuple[Any, np.ndarray | None]]:
    """Awkward arrays by name, and the clean array that each one means; None: it means none."""
    with_nan, with_inf = X.copy(), X.copy()
    with_nan[SPOILED, 2], with_inf[SPOILED, 2] = np.nan, np.inf
    grid = np.round(X)
    masked = np.ma.masked_array(X, mask=X > 0.9)
    wide = np.zeros((32, 12), "float32")
    wide[::2, ::2] = X
    return {
        "float64": (X.astype("float64"), X),
        "float16": (X.astype("float16"), X.astype("float16").astype("float32")),
        "Fortran order": (np.asfortranarray(X), X),
        "every second row and column": (wide[::2, ::2], X),
        "reversed twice": (X[::-1].copy()[::-1], X),
        "other byte order": (X.astype(">f4"), X),
        "read-only": (np.frombuffer(X.tobytes(), "float32").reshape(X.shape), X),
        "np.matrix": (X.view(np.matrix), X),
        "tensor": (tf.constant(X), X),
        "variable": (tf.Variable(X), X),
        "whole numbers": (grid.astype("int64"), grid),
        "truth values": (grid.astype(bool), grid),
        "objects": (X.astype(object), X),
        "strings": (X.astype(str), None),
        "masked": (masked, None),
        "complex": (X + 1j, None),
        "dates": (X.astype("datetime64[s]"), None),
        "NaN": (with_nan, X),
        "infinity": (with_inf, X),
        "no rows": (X[:0], X),
        "one feature less": (X[:, 1:], None),
        "one axis more": (X[..., np.newaxis], None),
        "one axis less": (X[0], None),
        "no axis": (X[0, 0], None),
        "nested lists": (X.tolist(), X),
        "ragged lists": ([[0.5] * 6, [0.5] * 5], None),
        "None": (None, None),
        "a text": ("data.csv", None),
    }


def _fitted(model, x):
    model.fit(x, epochs=1, batch_size=8, shuffle=False, verbose=0)
    return model.get_weights()


@functools.cache
def _first(likelihood):
    return [v.numpy() for v in _variables(small_model(likelihood))]


def _variables(model):
    generators = (model.seed_generator.state, model.test_seed_generator.state)
    return [*model.weights, *model.optimizer.variables, *generators]


def _set_first(likelihood):
    """Restores the first state: one model, traced once, answers all questions."""
    model = small_model(likelihood)
    for variable, value in zip(_variables(model), _first(likelihood), strict=True):
        variable.assign(value)


METHODS = {
    "fit": _fitted,
    "evaluate": lambda model, x: dict(model.evaluate(x, batch_size=8, verbose=0)),
    "predict": lambda model, x: model.predict(x, batch_size=8, verbose=0),
    "encode": lambda model, x: np.asarray(model.encode(x).mean()),
    "log_likelihood": lambda model, x: np.asarray(model.log_likelihood(x, 5, seed=1)),
}


def bad_inputs(method: str, likelihood: str) -> tuple[Counts, list[str]]:
    """Gives awkward arrays to a method; returns the counts, and the names of wrong answers."""
    model, ask = small_model(likelihood), METHODS[method]
    counts, wrong = Counts(), []
    for name, (given, clean) in arrays().items():
        _set_first(likelihood)
        truth = None if clean is None else _truth(name, ask(model, clean))
        _set_first(likelihood)
        found = faults.outcome(functools.partial(ask, model, given), truth, lambda a: True)
        counts = counts.plus(found)
        wrong += [name] if found == "wrong" else []
    return counts, wrong


def _truth(name, answer):
    """The true answer, given the answer for the clean array."""
    if name not in ("NaN", "infinity", "no rows"):
        return answer
    if not isinstance(answer, np.ndarray):
        return None  # There is no weight and no mean of such data.
    if name == "no rows":
        return answer[:0]
    answer = np.array(answer)
    answer[SPOILED] = np.nan
    return answer
