"""Checks around Keras' fit, evaluate and predict: data, monitors, failures of a step."""

import contextlib
import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks, networks
from tfvae.models import beside, gaps, inputs, sharing, structure, training, units
from tfvae.models.first_look import Look, first_look

# Whose array it is, for messages.
VALIDATION = " of `validation_data`"


def by_name(method: Callable, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The arguments of a method of Keras by name, however they were given."""
    found = inspect.signature(method).bind(*args, **kwargs).arguments
    more = found.pop("kwargs", {})
    return {**found, **more}


def compile_options(model, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile`, with what several replicas need.

    Raises:
        ValueError: for losses and metrics, an optimizer that cannot serve, and what Keras cannot do
            on several replicas.
    """
    optimizer, options = options.get("optimizer"), dict(options)
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        if options.get(name) is not None:
            raise ValueError(
                f"`{name}` of compile must be None for a {type(model).__name__}, received "
                f"{options[name]!r}. The loss is the model's objective (`objective=` of the "
                "constructor), and every term of it is reported."
            )
    _checks.refuse_keras_2("optimizer", optimizer)
    for part in model.parts_apart:
        if part.optimizer is optimizer:
            raise ValueError(
                f"`optimizer` must not be the one of the {part.role} {part.name!r}, whose weights "
                "it steps, received the same object. Give each its own."
            )
    if model.distribute_strategy.num_replicas_in_sync > 1:
        # Keras compiles such a step around the reductions over replicas, which TensorFlow refuses.
        options.setdefault("jit_compile", False)
        for name, usual in (("jit_compile", (False, "auto")), ("steps_per_execution", (1, None))):
            if options.get(name, usual[0]) not in usual:
                raise ValueError(
                    f"`{name}` must be {usual[0]} on several replicas, on which Keras cannot "
                    f"run it, received {options[name]!r}. Leave it out, or train without a "
                    "distribution strategy."
                )
        if options["jit_compile"] == "auto":
            options["jit_compile"] = False
    return options


def check_compiled(model, method: str) -> None:
    """Raises a ValueError for a model that is not compiled; Keras would say so after the data."""
    if not model.compiled:
        raise ValueError(
            f"`{method}` needs a compiled model, received a {type(model).__name__} before "
            'compile(). Call vae.compile("adam") first.'
        )


def build_for(model, look: Look) -> None:
    """Checks data of known shapes, and builds the model for them.

    It is called before Keras traces a function: an error would leave the function half traced.
    Replicas of a distribution strategy can build no model, and no optimizer but the model's own.
    """
    shape, beside_shapes = look.shape, look.beside_shapes
    if shape is None:
        return
    if shape and shape[0] == 0:
        raise ValueError("`x` must hold at least one example, received none.")
    with model.distribute_strategy.scope():
        if not model.built and beside_shapes is not None:
            model.build(inputs.shapes_for_build(model, shape, beside_shapes))
        if model.built and model.compiled and not model.optimizer.built:
            model.build_optimizers()
    if model.built:
        inputs.check_shape("x", shape, model.data_shape)
        inputs.check_beside_shapes(model, beside_shapes or {})


def has_an_order(x: Any) -> bool:
    """Whether data come in an order of their own, which Keras cannot shuffle."""
    return isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset)) or hasattr(
        x, "__next__"
    )


def check_values(model, look: Look) -> str | None:
    """A warning of data in raw units, for `fit` to give before the first training; None: none.

    Raises:
        ValueError: when the decoder cannot reach the data.
    """
    unseen = look.values is None and isinstance(look.data, tf.data.Dataset)
    if unseen and structure.is_bounded(model):  # Trying the decoder told, now that it is built.
        look = first_look(model, look.data, values=True)
    if look.values is None:
        return None
    structure.check_reach(model, look.target)
    if model.likelihood.missing and look.values is look.data:  # A batch may lack a column.
        gaps.check_missing(model, look)
    # Bounded likelihoods refuse what lies outside, and are used to what lies within.
    kinds = model.likelihood.column_kinds(model.target_shape) if model.built else None
    if model.likelihood.support is not None or kinds is not None:
        return None
    layers = model.standardizing if model.built else []
    layers = [layer for layer in layers if isinstance(layer, networks.Standardize)]
    if model.likelihood.missing:
        look = look._replace(values=units.filled(look.values), target=units.filled(look.target))
    if any(layer.known.numpy() for layer in layers):
        first = layers[0]
        values = look.target if first.inverse else look.values
        return units.another_unit(values, float(first.mean.numpy()), float(first.deviation.numpy()))
    if getattr(model, "history", None) is not None:
        return None
    standardized = {layer.inverse for layer in layers} == {False, True}
    standardized = standardized and not model.prior.is_in_unit_of_data
    found = units.raw_units(look.values, look.columns, standardized)
    if found is None and look.target is not None and look.target is not look.values:
        found = units.raw_units(look.target, None, standardized)
        found = found and found.replace("`x`", "`target`", 1)
    return found


def check_rate(model, history: dict[str, list]) -> str | None:
    """A warning for a rate that says that data were in raw units; None: it does not."""
    if not history.get("rate"):
        return None
    latents = model.latent_dim * math.prod(model.sequence_shape)
    return units.absurd_rate(float(np.mean(history["rate"][-1])), latents)


def validation(model, data: Any) -> Any:
    """`validation_data` for Keras, looked at before the training begins."""
    if not isinstance(data, (tuple, list)):
        look = first_look(model, data)
        build_for(model, look)
        gaps.check_finite(model, look, VALIDATION)
        return look.data
    x, y, *weights = (*data, None)[: max(2, len(data))]
    look = first_look(model, x, y)
    build_for(model, look)
    gaps.check_finite(model, look, VALIDATION)
    weights = [_checked_weights(x, one) for one in weights]
    return (look.data, for_keras(model, x, y, *weights), *weights)


def for_keras(
    model, x: Any, y: Any, weights: Any = None, purpose: tuple[str, ...] = beside.NAMES
) -> Any:
    """y for Keras: by name where the model takes something, checked where it is given as arrays.

    With weights but without y it gives zeros, since Keras drops the weights of arrays without y.
    """
    if not hasattr(x, "shape"):
        return y  # A dataset or a generator brings its own.
    found = beside.parts(y, model.needs, purpose)
    # Keras takes a list for several arrays.
    found = {n: v if hasattr(v, "shape") else np.asarray(v) for n, v in found.items()}
    if "labels" in found and not tf.is_tensor(found["labels"]):
        labels, unknown = np.asarray(found["labels"]), model.discrete.unknown
        found["labels"] = beside.labels_of(labels, model.num_categories, unknown).numpy()
    if found:
        return found
    if model.needs.names:
        y = None
    return np.zeros(len(x), "float32") if y is None and weights is not None else y


def predict_input(model, look: Look, y: Any) -> Any:
    """What `predict` of Keras is given: x, or (x, y) where the model takes something."""
    y = for_keras(model, look.data, y, purpose=beside.INPUTS)
    x = sharing.shared(look.data)
    return (x, y) if isinstance(y, dict) else x


def evaluate_options(model, look: Look, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `evaluate` for Keras; see `loop_options`."""
    return sharing.without_copies(loop_options(model, look, options))


def loop_options(model, look: Look, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` or `evaluate`, with x, y and the sample weights for Keras.

    Raises:
        ValueError: for weights that cannot weigh, and for those of classes.
    """
    if options.get("class_weight") is not None:
        raise ValueError(
            f"`class_weight` must be None, received {options['class_weight']!r}: Keras would look "
            "for classes in a single y. Weigh the examples: sample_weight=np.asarray(weights)"
            "[labels], a number for each class taken by label."
        )
    gaps.check_finite(model, look)
    weights = _checked_weights(look.data, options.get("sample_weight"))
    y = for_keras(model, look.data, options.get("y"), weights)
    return {**options, "x": look.data, "y": y, "sample_weight": weights}


def fit_options(model, look: Look, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` for Keras, the validation data looked at, too."""
    options = loop_options(model, look, options)
    warn_of_few_rows(model, look)
    if options.get("validation_data") is not None:
        options["validation_data"] = validation(model, options["validation_data"])
    if has_an_order(look.data):
        options.setdefault("shuffle", False)  # Keras warns of its own default.
    return options


def _checked_weights(x, weights):
    """Sample weights as an array (n,), which Keras takes; those of a dataset come with it.

    Raises:
        ValueError: for weights that cannot weigh.
    """
    if weights is None or not hasattr(x, "shape"):
        return weights
    weights, size = np.asarray(weights), len(x)
    if weights.size != size:
        raise ValueError(
            f"`sample_weight` must hold one number for each of the {size} examples, received the "
            f"shape {weights.shape}. Sum or average them first."
        )
    if not np.all(np.isfinite(weights) & (weights >= 0.0)):
        raise ValueError(
            f"`sample_weight` must be finite and not negative, received {np.min(weights):g} to "
            f"{np.max(weights):g}. An example without a weight counts by 0."
        )
    return weights.reshape(size).astype("float32")


def warn_of_few_rows(model, look: Look) -> None:
    """Warns before the first training of fewer rows than networks can learn something from."""
    if getattr(model, "history", None) is None and look.values is look.data is not None:
        warning = gaps.few_rows(len(look.values), model.latent_dim)
        if warning:
            warnings.warn(warning, stacklevel=4)


def warn_of_monitors(model, callbacks: Any) -> None:
    """Warns of a callback that compares losses of different multipliers."""
    if model.objective.bound is None:
        return
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        monitor = getattr(callback, "monitor", None)
        if monitor in ("loss", "val_loss"):
            better = monitor.replace("loss", "elbo")
            warnings.warn(
                f"{type(callback).__name__} monitors {monitor!r}, whose values do not compare "
                f"while the multiplier moves. Monitor {better!r} with mode='max'.",
                stacklevel=3,
            )


@contextlib.contextmanager
def around_fit(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Enters `around_fit(options)` of the callbacks that have it; they end if `fit` fails, too.

    Keras tells callbacks neither the data nor that `fit` has failed. Gives the arguments for it,
    with large arrays as tensors.
    """
    callbacks = options.get("callbacks")
    callbacks = getattr(callbacks, "callbacks", callbacks)  # Of a `CallbackList`
    with contextlib.ExitStack() as stack:
        for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
            if hasattr(callback, "around_fit"):
                stack.enter_context(callback.around_fit(options))
        yield sharing.without_copies(options)


def checked(model, function: Callable, doing: str) -> Callable:
    """`function`, a step or several, with the error that a failed step calls for."""
    beside_x = [name for name in model.needs.required if name != "labels"]
    names = " and ".join(f"`{name}`" for name in ["x", *beside_x])

    def call(iterator):
        logs = function(iterator)
        model.statistics.raise_on_failure(model.likelihood.allowed, doing, names)
        return training.unpacked(logs)

    return call
