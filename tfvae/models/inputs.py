"""From what a user gives, x and y or latents, to checked tensors."""

import math
import re
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.models import accepted, beside
from tfvae.models.beside import Batch, Needs
from tfvae.models.latents import joined, rows

# Numbers of an array that are checked at a time.
NUMBERS_AT_A_TIME = 2**22

_INTEGER_LAYERS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
)


def prepared(model, x: Any, y: Any, purpose: tuple[str, ...]) -> Batch:
    """See `GenerativeModel.prepared`."""
    if not isinstance(x, (tuple, list)):
        x = accepted.numbers_of("x", x, model.columns, model.takes_missing)
    x, inner = beside.split(x)
    found = {}
    if any(model.needs):
        found = beside.parts(inner if y is None else y, model.needs, purpose)
    x = accepted.numbers_of("x", x, model.columns, model.takes_missing)
    x = tf.convert_to_tensor(x)
    if x.shape.rank is None and not model.built:
        raise ValueError(
            "`x` must have a known rank, received a tensor without one. A dataset of a generator "
            "needs `output_signature=tf.TensorSpec((None, *shape_of_one_example))`."
        )
    found = {name: tf.convert_to_tensor(value) for name, value in found.items()}
    if not model.built:
        shapes = {name: one.shape for name, one in found.items()}
        model.build(shapes_for_build(model, x.shape, shapes))
    x = of_shape("x", x, model.data_shape)
    for name, value in found.items():
        if not x.shape[:1].is_compatible_with(value.shape[:1]):
            raise ValueError(
                f"`{name}` must have one row for each of the {x.shape[0]} examples of `x`, "
                f"received the shape {tuple(value.shape)}."
            )
    labels = target = None
    if "labels" in found:
        unknown = model.discrete.unknown
        labels = beside.labels_of(found["labels"], model.num_categories, unknown)
    if "target" in found:
        target = tf.cast(of_shape("target", found["target"], model.target_shape), tf.float32)
    x = tf.cast(x, tf.float32)
    target = x if model.target == "x" else target
    return Batch(x, target, labels, found.get("condition"))


def usable_rows(model, batch: Batch) -> tf.Tensor:
    """Whether an example can be explained, (B,) bool.

    Its x and condition are finite, its labels in range, and x, where it is what is explained, is
    what the likelihood allows. Noise may have taken a corrupted one out of it.
    """
    explained = model.explains_its_input
    allowed = [model.likelihood.allows(batch.x) if explained else tf.math.is_finite(batch.x)]
    if batch.condition is not None:
        allowed.append(tf.math.is_finite(tf.cast(batch.condition, tf.float32)))
    usable = [tf.reduce_all(one, axis=list(range(1, one.shape.rank))) for one in allowed]
    if batch.labels is not None:
        usable.append(tf.reduce_all(batch.labels != beside.OUT_OF_RANGE, axis=-1))
    return tf.reduce_all(tf.stack(usable), axis=0)


def shapes_for_build(model, x_shape, beside_shapes: dict) -> Any:
    """What `build` takes for data of these shapes, the batch axis free.

    Raises:
        ValueError: when a model of sequences is given images.
    """
    example = tuple(x_shape[1:])
    if model.sequence_axes and accepted.looks_like_image(example):
        raise ValueError(
            f"`x` of a {type(model).__name__} must hold sequences, (batch, steps, "
            f"*shape_of_a_step), received {tuple(x_shape)}, which look like images whose rows "
            "would be taken for steps. tfvae.datasets.sequences makes sequences of images; if "
            f"rows are meant, call build((None, {', '.join(map(str, example))})) first."
        )
    free = {name: (None, *shape[1:]) for name, shape in beside_shapes.items()}
    x_shape = (None, *x_shape[1:])
    return (x_shape, free) if free else x_shape


def of_shape(name: str, value: tf.Tensor, example_shape: tuple[int, ...]) -> tf.Tensor:
    """A batch of examples of this shape; the step checks lengths that a dataset leaves open.

    Raises:
        ValueError: when the shape is another one.
    """
    if value.shape.rank is not None:
        check_shape(name, value.shape, example_shape)
    known = value.shape.rank is not None and None not in value.shape[1:]
    return value if known else tf.ensure_shape(value, (None, *example_shape))


def specs(model) -> dict[str, tf.TensorSpec]:
    """The inputs that a served model may have, by name, the batch axis free."""
    number = len(model.num_categories)
    found = {
        "x": (model.data_shape, tf.float32),
        "z": ((*model.sequence_shape, model.embedding_dim), tf.float32),
        "labels": ((number,) if number > 1 else (), tf.int32),
        "condition": (model.condition_shape, _condition_dtype(model.condition)),
        "target": (model.target_shape, tf.float32),
    }
    return {n: tf.TensorSpec((None, *shape), dtype, n) for n, (shape, dtype) in found.items()}


def signature(model, format: str) -> list:
    """The inputs of `call` for `keras.Model.export`: x, or a pair of x and a dict, y by name.

    Raises:
        ValueError: when the model is not built, or `format` takes no pair.
    """
    check_built(model, "export")
    found = specs(model)
    y = {name: found[name] for name in model.needs.names if name in beside.INPUTS}
    if y and format != "tf_saved_model":
        raise ValueError(
            f"`format` must be 'tf_saved_model' for a model that takes {' and '.join(y)} beside x, "
            f"received {format!r}. tfvae.export_onnx and tfvae.serving.export_litert take them."
        )
    return [(found["x"], y)] if y else [found["x"]]


def _condition_dtype(condition):
    """int32 for a condition whose layer wants whole numbers, such as an Embedding; else float32."""
    first = first_layer(condition)
    is_integer = isinstance(first, _INTEGER_LAYERS)
    if isinstance(first, keras.Model) and first.inputs:
        is_integer = "int" in first.inputs[0].dtype
    return tf.int32 if is_integer else tf.float32


def first_layer(layer: Any) -> Any:
    """A layer, or the first one of a Sequential network."""
    while isinstance(layer, keras.Sequential) and layer.layers:
        layer = layer.layers[0]
    return layer


def check_shape(name: str, shape: Any, example_shape: tuple[int, ...]) -> None:
    """Raises a ValueError unless `shape` is the shape of a batch; None stands for any length."""
    pairs = list(zip(shape[1:], example_shape, strict=False))
    if len(shape) == len(example_shape) + 1 and all(a in (None, b) for a, b in pairs):
        return
    hint = f" A single example needs a batch axis: {name}[None], or dataset.batch(32)."
    raise ValueError(
        f"`{name}` must have the shape (batch, {', '.join(map(str, example_shape))}), for which "
        f"this model was built, received {tuple(shape)}."
        + (hint if tuple(shape) == example_shape else "")
    )


def check_beside_shapes(model, shapes: dict) -> None:
    """Raises a ValueError unless condition and target have the shapes the model was built for."""
    wanted = {"condition": model.condition_shape, "target": model.target_shape}
    for name, example_shape in wanted.items():
        shape = shapes.get(name)
        if shape is not None and (len(shape) > 1 or example_shape != (1,)):
            check_shape(name, shape, example_shape)


def embedded_condition(
    model, condition: tf.Tensor | None, training: bool = False
) -> tf.Tensor | None:
    """c as the networks are given it, (B, E); None without one."""
    if condition is None:
        return None
    if isinstance(model.condition, keras.layers.Layer):
        return tf.cast(rows(model.condition(condition, training=training)), tf.float32)
    condition = tf.cast(rows(condition), tf.float32)
    check_shape("condition", condition.shape, model.condition_shape)
    return condition


def checked_latents(model, z: Any, y: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
    """[z, d] and c for the decoder, from what a user gives to `decode`."""
    check_built(model, "decode")
    z = tf.convert_to_tensor(z, tf.float32)
    needs = Needs(
        ("condition",) if model.condition is not None else (),
        ("labels",) if model.discrete is not None else (),
    )
    # By name labels serve models of latent categories too; y alone is what the model needs.
    found = beside.parts(y, needs, beside.NAMES if isinstance(y, dict) else model.needs.names)
    if "labels" in found and z.shape[-1:] == (model.latent_dim,):
        labels = label_rows(model, found["labels"], all_known=True)
        z = joined(z, model.discrete.one_hot(labels), None)
    if z.shape[-1:] != (model.embedding_dim,):
        name = "latent_dim" if model.embedding_dim == model.latent_dim else "embedding_dim"
        raise ValueError(
            f"`z` must have a last axis of {name} = {model.embedding_dim}, received the shape "
            f"{tuple(z.shape)}."
            + (' Give y={"labels": …} beside z without categories.' if model.num_categories else "")
        )
    condition = condition_rows(model, found.get("condition"))
    if condition is not None and model.sequence_axes and z.shape.rank > 2:
        condition = condition[:, tf.newaxis]
    return z, condition


def condition_rows(model, condition: Any) -> tf.Tensor | None:
    """The embedded condition of several examples, (B, E), or of one for all, (1, E)."""
    if condition is None:
        return None
    condition = tf.convert_to_tensor(condition)
    if condition.shape.rank == 1 and model.condition_shape == (1,):
        condition = condition[:, tf.newaxis]
    elif condition.shape.rank == len(model.condition_shape):
        condition = condition[tf.newaxis]
    return embedded_condition(model, condition)


def label_rows(
    model, labels: Any, num_samples: int | None = None, all_known: bool = False
) -> tf.Tensor | None:
    """Labels as int32 (n, V), one label repeated for all; None without labels."""
    if labels is None:
        return None
    labels = tf.convert_to_tensor(labels)
    if labels.shape.rank == (0 if len(model.num_categories) == 1 else 1):
        labels = labels[tf.newaxis]
    unknown = None if all_known else model.discrete.unknown
    labels = beside.labels_of(labels, model.num_categories, unknown)
    if num_samples is not None:
        check_one_or_all("labels", labels, num_samples)
        labels = tf.broadcast_to(labels, [num_samples, len(model.num_categories)])
    return labels


def check_one_or_all(name: str, rows: tf.Tensor, num_samples: Any) -> None:
    """Raises a ValueError unless there is one row for all samples or one for each."""
    if tf.is_tensor(num_samples) or rows.shape[0] in (None, 1, num_samples):
        return
    raise ValueError(
        f"`{name}` must have one row for all samples, or one for each of the {num_samples}, "
        f"received {rows.shape[0]}."
    )


def check_built(model, what: str) -> None:
    """Raises a ValueError unless the model is built."""
    if not model.built:
        raise ValueError(
            f"`{what}` needs a model that is built for its data, received one that is not. Call "
            "`fit`, or `build((None, *shape_of_one_example))`, first."
        )


def check_names(model) -> None:
    """Raises a ValueError for names that TensorFlow takes in no graph; Keras takes any."""
    for layer in model._flatten_layers():
        if not re.fullmatch(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*", layer.name):
            raise ValueError(
                "`name` of the model and of each layer must start with a letter or digit and have "
                "letters without accents, digits and ._-/ alone for a SavedModel, received "
                f"{layer.name!r} ({type(layer).__name__}). Save the weights, make the model with "
                "another name, build it and load them."
            )


def check_support(model, name: str, values: np.ndarray) -> None:
    """Raises a ValueError for data, an array, that have no density."""
    words, first, count = model.likelihood.allowed, None, 0
    rows = max(1, NUMBERS_AT_A_TIME // max(1, math.prod(values.shape[1:])))
    for start in range(0, len(values), rows):
        wrong = ~model.likelihood.allows(values[start : start + rows])
        if first is None and np.any(wrong):
            row, *rest = (int(i) for i in np.argwhere(wrong)[0])
            first = (start + row, *rest)
        count += np.sum(wrong)
    if count:
        missing = _checks.missing_hint(words) if np.isnan(values).any() else ""
        raise ValueError(
            f"`{name}` must be {words} everywhere, received {values[first]:g} "
            f"at {list(first)}, and {count} such values in all."
            f"{missing}{_checks.pixels_hint(np.nanmin(values), np.nanmax(values), words)}"
        )


def check_batch_size(method: str, y: Any) -> None:
    """Raises a ValueError for a batch size in the place of y, where Keras has it."""
    if isinstance(y, int):
        raise ValueError(
            f"`y` must hold what the model needs beside x, received {y}. A batch size is given by "
            f"name: {method}(x, batch_size=…)."
        )
