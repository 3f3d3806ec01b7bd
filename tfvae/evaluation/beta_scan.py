"""What β does: distortion, rate and posterior moments of one model trained at several β."""

import dataclasses
import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import joblib
import keras
import numpy as np
from numpy.typing import ArrayLike

from tfvae import _checks, _progress
from tfvae._finished import Finished
from tfvae.evaluation.tables import Line, Report, markdown
from tfvae.models import LatentVariableModel, accepted, beside
from tfvae.models.data import posterior_moments, rows_of

# Names that Keras counts up: the third dense layer of a process is "dense_2".
_COUNTED = re.compile(r'_\d+(?=")')
_COLUMNS = {
    "beta": ("β", ""),
    "mean": ("average mean", "latent units"),
    "mean_square": ("average squared mean", "latent units²"),
    "variance": ("average variance", "latent units²"),
    "distortion": ("distortion", "nats"),
    "rate": ("rate", "nats"),
    "error": ("error", ""),
}


@dataclasses.dataclass(frozen=True, repr=False)
class BetaScan(Report):
    """A row for each β, β rising; arrays (number of β,)."""

    beta: np.ndarray
    """β."""
    mean: np.ndarray
    """(1/(n N_z)) Σ_i Σ_j μ_j(x_i), the average posterior mean."""
    mean_square: np.ndarray
    """(1/(n N_z)) Σ_i Σ_j μ_j(x_i)²: 0 where the posterior does not depend on x."""
    variance: np.ndarray
    """(1/(n N_z)) Σ_i Σ_j σ_j(x_i)², the average posterior variance."""
    distortion: np.ndarray
    """Mean distortion D, nats."""
    rate: np.ndarray
    """Mean rate R, nats."""
    error: np.ndarray
    """The reconstruction error, in `error_unit`."""
    error_unit: str
    """Unit of the error: RMSE per feature, or nats per feature."""

    title = "β scan"

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """The numbers by column, for a table: `pandas.DataFrame(scan.columns)`."""
        return {name: getattr(self, name) for name in _COLUMNS}

    def lines(self) -> list[Line]:
        """Returns the numbers, those of each β together."""
        return [
            Line(f"{words} at β = {beta:g}", float(self.columns[name][row]), self._unit(name))
            for row, beta in enumerate(self.beta)
            for name, (words, _) in _COLUMNS.items()
            if name != "beta"
        ]

    def _unit(self, name):
        return self.error_unit if name == "error" else _COLUMNS[name][1]

    def __str__(self) -> str:
        heads = [
            f"{words} [{self._unit(name)}]" if self._unit(name) else words
            for name, (words, _) in _COLUMNS.items()
        ]
        rows = np.transpose(list(self.columns.values())).tolist()
        return f"{self.title}\n{markdown(heads, rows)}"


def beta_scan(
    factory: Callable[[float], LatentVariableModel],
    data: ArrayLike,
    betas: Sequence[float],
    *,
    y: Any = None,
    test_data: ArrayLike | None = None,
    test_y: Any = None,
    epochs: int = 50,
    batch_size: int = 64,
    processes: int = 1,
    path: str | os.PathLike | None = None,
    seed: int = 0,
    verbose: str | int = "auto",
) -> BetaScan:
    """Trains a new model at each β and tells what became of its posterior [H17, O21].

    As β rises, the rate falls and the distortion rises: the rate–distortion curve. Where the
    posterior becomes the prior N(0, I), the average variance is 1 and the average mean 0; where β
    is 0, the variance is as small as the decoder can use. `tfvae.plots.beta_scan` draws it.

    Args:
        factory: β -> a new model, with a seed of its own, such as
            `lambda beta: tfvae.BetaVAE(2, beta=beta, seed=0)`. In the convex form,
            `objective=tfvae.objectives.ConvexBeta(beta)`. A model that it does not compile is
            trained by Adam.
        data: what the models are trained on, array or table (n, *data).
        betas: the β, each once, in any order.
        y: what the models need beside x.
        test_data: what the numbers are measured on; None: `data`.
        test_y: what the models need beside `test_data`.
        epochs: of each training.
        batch_size: examples of a training step.
        processes: number of models that are trained at a time, each in a process of its own; 1:
            all in this one. They share the cores: TF_NUM_INTRAOP_THREADS limits the threads of
            each. joblib starts the processes anew and sends them the factory, which may be a
            lambda or a function of a notebook.
        path: a file of JSON lines. A finished β is a line of it, and is not trained again as long
            as data, model and settings are the same. None: nothing is kept.
        seed: of the order of the examples.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        The scan, which prints as a table.

    Raises:
        ValueError: if a β is negative, not finite or given twice, the data are empty, or the
            factory returns no new model of the library. An error of a training tells its β.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
        >>> def model(beta):
        ...     networks = tfvae.networks.mlp([8]), tfvae.networks.mlp([8], (3,))
        ...     return tfvae.BetaVAE(1, beta, encoder=networks[0], decoder=networks[1], seed=0)
        >>> scan = tfvae.evaluation.beta_scan(model, x, [1.0, 0.1], epochs=2)
        >>> scan.beta, scan.rate.shape
        (array([0.1, 1. ]), (2,))
    """
    betas = _checked_betas(betas)
    x = _checked_data("data", data)
    y = _named("y", y, len(x))
    test = (x, y)
    if test_data is not None:
        test = _checked_data("test_data", test_data)
        test = (test, _named("test_y", test_y, len(test)))
    settings = {
        "epochs": _checks.positive_int("epochs", epochs),
        "batch_size": _checks.positive_int("batch_size", batch_size),
        "seed": _checks.whole("seed", seed),
    }
    processes = _checks.positive_int("processes", processes)
    finished, digest = Finished(path), _digest((x, y), test)
    keys = {}
    for beta in betas:
        model = _new_model(factory, beta)
        keys[beta] = {"beta": beta, "data": digest, "model": _fingerprint(model), **settings}
    error_unit = model.likelihood.kappa_unit
    missing = [beta for beta in betas if _kept(finished, keys[beta]) is None]
    run = functools.partial(_run, factory, train=(x, y), test=test, **settings)
    with _progress.progress(len(betas), verbose, "model") as add:
        add(len(betas) - len(missing))
        for beta, row in _rows(run, missing, processes):
            finished.add(keys[beta], {**row, "check": _check_of(keys[beta], row)})
            add(1)
    rows = [finished.get(keys[beta]) for beta in betas]
    columns = {name: np.array([row[name] for row in rows]) for name in _COLUMNS}
    return BetaScan(**columns, error_unit=error_unit)


def _kept(finished, key):
    """The row that was kept, or None where there is none, or it is not as it was written."""
    run = finished.get(key)
    if not isinstance(run, dict):
        return None
    row = {name: value for name, value in run.items() if name != "check"}
    return row if run.get("check") == _check_of(key, row) else None


def _check_of(key, row):
    """Sixteen hex digits that change with any number of a row."""
    text = json.dumps([key, row], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _rows(run, betas, processes):
    """Yields (β, its row), each as soon as it is there."""
    if processes == 1:
        yield from map(run, betas)
        return
    parallel = joblib.Parallel(n_jobs=processes, return_as="generator_unordered", batch_size=1)
    yield from parallel(joblib.delayed(run)(beta) for beta in betas)


def _run(factory, beta, *, train, test, epochs, batch_size, seed):
    """Trains a model at β, and returns β and what is measured of it."""
    model = _new_model(factory, beta)
    if not model.compiled:
        model.compile()
    try:
        model.fit(_Shuffled(*train, batch_size, seed), epochs=epochs, shuffle=False, verbose=0)
        x, y = test
        terms = model.evaluate(x, y, batch_size=512, verbose=0)
        loc, scale = posterior_moments(model, x, y)
    except Exception as error:
        error.add_note(f"This happened at β = {beta:g}.")
        raise
    return beta, {
        "beta": beta,
        "mean": float(np.mean(loc, dtype="float64")),
        "mean_square": float(np.mean(np.square(loc, dtype="float64"))),
        "variance": float(np.mean(np.square(scale, dtype="float64"))),
        "distortion": float(terms["distortion"]),
        "rate": float(terms["rate"]),
        "error": float(terms["constraint"]),
    }


class _Shuffled(keras.utils.PyDataset):
    """Batches in an order that no global random state decides, a new one in each epoch."""

    def __init__(self, x, y, batch_size, seed):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self.generator = np.random.default_rng(seed % 2**64)
        self.on_epoch_end()

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        rows = self.order[self.batch_size * index : self.batch_size * (index + 1)]
        x = self.x[rows]
        return (x,) if self.y is None else (x, rows_of(self.y, rows))

    def on_epoch_end(self):
        self.order = self.generator.permutation(len(self.x))


def _new_model(factory, beta):
    if not callable(factory):
        raise ValueError(
            "`factory` must be a function of β that returns a new model, received "
            f"{factory!r:.60}. An example: lambda beta: tfvae.BetaVAE(2, beta=beta)."
        )
    model = factory(beta)
    if not isinstance(model, LatentVariableModel) or model.built:
        what = "one that is built" if isinstance(model, LatentVariableModel) else repr(model)
        raise ValueError(
            "`factory` must return a new model of the library for each β, neither built nor "
            f"trained, received {what}. An example: lambda beta: tfvae.BetaVAE(2, beta=beta)."
        )
    return model


def _checked_betas(betas):
    values = [] if isinstance(betas, str) else np.ravel(betas).tolist()
    values = sorted(
        _checks.number_in("betas", one, 0.0, math.inf, high_open=True) for one in values
    )
    if not values or len(set(values)) < len(values):
        raise ValueError(
            f"`betas` must be one number or more, each once, received {betas!r:.80}. An example: "
            "[0.01, 0.1, 1.0]."
        )
    return values


def _checked_data(name, data):
    if not hasattr(data, "__len__") or hasattr(data, "element_spec"):
        raise ValueError(
            f"`{name}` must be an array or a table, on which each model is trained anew, received "
            f"a {type(data).__name__}. Gather a dataset first: np.concatenate(list(dataset))."
        )
    x = np.asarray(accepted.numbers_of(name, data, None))
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(
            f"`{name}` must have the shape (n, *shape_of_one_example) with n ≥ 1, received "
            f"{x.shape}. A single feature needs an axis: {name}[:, None]."
        )
    return x


def _named(argument, y, size):
    """What stands beside the data, with a row for each of the `size` examples."""
    if y is None:
        return None
    named = y if isinstance(y, dict) else {argument: y}
    named = {name: np.asarray(value) for name, value in named.items()}
    for name, value in named.items():
        beside.check_rows(name, value, size)
    return named if isinstance(y, dict) else named[argument]


def _digest(*parts):
    """Sixteen hex digits that change with the data, and with what comes beside them."""
    digest = hashlib.sha256()
    for x, y in parts:
        beside = sorted(y.items()) if isinstance(y, dict) else [("y", y)]
        for name, values in [("x", x), *beside]:
            if values is not None:
                digest.update(f"{name} {values.shape} {values.dtype}".encode())
                digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def _fingerprint(model):
    """Sixteen hex digits that change with the model's arguments and its optimizer."""
    config = {"class": type(model).__name__, "model": model.get_config()}
    if model.compiled:
        config["compile"] = model.get_compile_config()
    text = json.dumps(config, sort_keys=True, default=str)
    return hashlib.sha256(_COUNTED.sub("", text).encode()).hexdigest()[:16]
