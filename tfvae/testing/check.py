"""`check_model`: runs the checks, and says which promise is broken."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tfvae.models import LatentVariableModel
from tfvae.testing import promises  # noqa: F401  (enters them in PROMISES)
from tfvae.testing.case import Case
from tfvae.testing.comparisons import Broken
from tfvae.testing.registry import PROMISES


def check_model(
    factory: Callable[[], LatentVariableModel],
    data: Any,
    y: Any = None,
    *,
    skip: Iterable[str] = (),
    epochs: int = 5,
    batch_size: int = 16,
    learning_rate: float = 1e-2,
    verbose: bool = False,
) -> None:
    """Checks that a model keeps the promises that every model of tfvae keeps.

    It is meant for a prior, a likelihood, a penalty, an objective or a whole model of your own, and
    needs no test framework. A promise:

    | name | what is promised |
    |---|---|
    | factory | `factory` makes the same new model each time |
    | config | a model made anew from its config has the same config |
    | training | `fit` lowers the distortion or raises the ELBO, and reports all terms |
    | evaluation | `evaluate` gives the same numbers twice; elbo = −(distortion + rate) |
    | bound | ELBO ≤ the estimate of log p(x); D = −log p(x|z, d); R = E log q(z|x) − log p(z) |
    | shapes | all methods return the shapes in their docstrings |
    | seed | after the weights are made, the same seed gives the same numbers |
    | keras_file | a model saved and loaded predicts, evaluates and trains on alike |
    | sample_weights | weight 2 is an example twice, weight 0 is none |
    | graph_and_eager | `tf.function` and eager execution agree |
    | mixed_precision | training works under "mixed_bfloat16", with terms in float32 |
    | bad_data | NaN is refused, and no weight has changed |
    | export | `tfvae.export` writes a SavedModel that loads and gives the same reconstructions |

    It takes half a minute to a minute for a small network and 64 examples. Give it small networks
    and a few dozen examples that have something to learn. Numbers must agree to the last bit where
    nothing but the seed decides them, as they do on a CPU; on a GPU call
    `tf.config.experimental.enable_op_determinism()` first. It sets the seed of Keras, NumPy and
    Python.

    Args:
        factory: makes a model, unbuilt and uncompiled, with the same arguments at each call.
        data: x, an array (n, *data), n ≥ 8.
        y: what the model needs beside x, as `fit` takes it.
        skip: names of promises that are not checked.
        epochs: of training; more for a model that is slow to learn.
        batch_size: of training.
        learning_rate: of Adam.
        verbose: whether each promise is printed with the time that it took.

    Raises:
        AssertionError: when a promise is broken; says which, what was seen, and where to look.
        ValueError: when an argument is not of the kind described.

    Example:
        >>> import numpy as np, tfvae
        >>> x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
        >>> def factory():
        ...     mlp = tfvae.networks.mlp
        ...     return tfvae.VAE(2, encoder=mlp([8]), decoder=mlp([8], (4,)), seed=0)
        >>> tfvae.testing.check_model(factory, x, skip=("export", "mixed_precision"))
    """
    skip = (skip,) if isinstance(skip, str) else tuple(skip)
    for name in skip:
        if name not in PROMISES:
            raise ValueError(
                f"`skip` must hold names of promises, received {name!r}. The names are "
                f"{', '.join(PROMISES)}."
            )
    data = np.asarray(data)
    if len(data) < 8:
        raise ValueError(f"`data` must hold at least 8 examples, received {len(data)}.")
    case = Case(factory, data, y, epochs, batch_size, learning_rate)
    for name, promise in PROMISES.items():
        if name in skip:
            continue
        start = time.monotonic()
        try:
            promise.check(case)
        except Exception as error:
            seen = str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}"
            cause = None if isinstance(error, Broken) else error
            raise AssertionError(
                f"The promise {name!r} is broken: {promise.says}.\nSeen: {seen}\n"
                f"Look at: {promise.look_at}."
            ) from cause
        if verbose:
            print(f"{name:>16}: kept ({time.monotonic() - start:.1f} s)", flush=True)
