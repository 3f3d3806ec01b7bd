"""How a model is built for the shapes of its data."""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tfvae import _checks, networks
from tfvae.models import beside
from tfvae.models.beside import Needs
from tfvae.networks import outputs as of_networks

# Units of the layer that joins the encoder's features with a condition.
CONDITION_UNITS = 256


def checked_condition(condition: Any) -> int | keras.layers.Layer | None:
    """`condition` if it is None, a length or a layer that embeds.

    Raises:
        ValueError: when it is none of these.
    """
    if condition is None or isinstance(condition, keras.layers.Layer):
        return condition
    hint = "A Keras layer that embeds the condition serves too."
    return _checks.positive_int("condition", condition, hint + _checks.keras_2_hint(condition))


def checked_corruption(corruption: Any) -> keras.layers.Layer | None:
    """`corruption` if it is None or a layer.

    Raises:
        ValueError: when it is neither.
    """
    if corruption is None or isinstance(corruption, keras.layers.Layer):
        return corruption
    raise ValueError(
        f"`corruption` must be a Keras layer or None, received {corruption!r}. An example: "
        f"keras.layers.GaussianNoise(0.3).{_checks.keras_2_hint(corruption)}"
    )


def needs_of(model) -> Needs:
    """What comes beside x: labels, condition, target."""
    takes_labels = model.discrete is not None and model.discrete.takes_labels
    asked = {
        "labels": takes_labels and model.discrete.needs_labels,
        "condition": model.condition is not None,
        "target": model.target == "y",
    }
    required = tuple(name for name, needed in asked.items() if needed)
    return Needs(required, ("labels",) if takes_labels and not asked["labels"] else ())


def build(model, input_shape: Any) -> None:
    """Sets the shapes of the data and creates all weights of a generative model."""
    x_shape, y_shape = beside.split_shape(input_shape)
    model.data_shape = _example_shape("x", x_shape)
    shapes = {}
    if y_shape is not None:
        named = y_shape if isinstance(y_shape, dict) else dict.fromkeys(model.needs.names, y_shape)
        shapes = {name: tuple(shape) for name, shape in named.items()}
    model.target_shape = model.data_shape
    if model.target == "y" and "target" in shapes:
        model.target_shape = _example_shape("target", shapes["target"])
    axes = model.sequence_axes
    model.sequence_shape, model.step_shape = model.data_shape[:axes], model.data_shape[axes:]
    model.target_step_shape = model.target_shape[axes:]
    _check_combination(model)
    _build_condition(model, shapes.get("condition"))
    model.decoder_input_dim = model.embedding_dim + model.condition_dim
    model.create_networks()
    model.likelihood.build(model.target_shape)
    model.prior.build(
        model.latent_dim,
        model.step_shape,
        _posterior_of_x(model) if model.condition is None else None,
        model.sequence_shape,
        model.likelihood.support if model.target == "x" else None,
    )


def _example_shape(name, shape):
    """The shape of one example, without the batch axis."""
    shape = tuple(shape)
    if len(shape) < 2 or None in shape[1:] or 0 in shape[1:]:
        raise ValueError(
            f"`{name}` must have a batch axis and feature axes of known length, received the shape "
            f"{shape}. A single feature needs an axis of length 1: {name}[:, None]."
        )
    return shape[1:]


def _check_combination(model):
    """Raises a ValueError for what cannot be combined, with the reason."""
    if model.sequence_axes and model.discrete is not None:
        raise ValueError(
            f"`discrete` must be None for a {type(model).__name__}, received a "
            f"{type(model.discrete).__name__}: capsules of a sequence roll on, a category does "
            "not. Give classes of whole sequences as a `condition`."
        )
    found = model.discrete
    if (
        model.target == "y"
        and found is not None
        and found.compares_likelihoods
        and not found.takes_labels
    ):
        raise ValueError(
            f'`discrete` must find categories from x alone where target="y", received a '
            f"{type(found).__name__}, which compares log p(target|z, d) of all d, and could not "
            "predict. Use tfvae.discrete.GumbelSoftmax."
        )
    if model.sequence_shape != model.target_shape[: model.sequence_axes]:
        raise ValueError(
            f"`target` must have the steps of `x`, {model.sequence_shape}, received examples of "
            f"shape {model.target_shape}."
        )


def _build_condition(model, shape):
    """Sets E, the length of the embedded condition, 0 without one, and the condition's shape."""
    if not isinstance(model.condition, keras.layers.Layer):
        model.condition_dim = model.condition or 0
        model.condition_shape = (model.condition_dim,)
        return
    if shape is None:
        raise ValueError(
            "`condition` is a layer, and must be given with its shape when the model is built, "
            "received none. Call `fit(x, y)` with arrays, or "
            '`build((x_shape, {"condition": condition_shape}))`.'
        )
    model.condition_dim = math.prod(model.condition(keras.KerasTensor(shape)).shape[1:])
    model.condition_shape = shape[1:]


def _build_corruption(model):
    """Creates the weights of a corruption, if it has any, and checks that it keeps the shape."""
    if model.corruption is None:
        return
    inputs = keras.KerasTensor((None, *model.step_shape))
    given = applied("corruption", model.corruption, inputs, "x").shape
    if tuple(given[1:]) != model.step_shape:
        raise ValueError(
            f"`corruption` must keep the shape of x, {model.step_shape}, received a layer that "
            f"gives {tuple(given[1:])}. Noise, masks and blur of the same size do."
        )


def _posterior_of_x(model):
    """q(z|x) as a function of x (K, *step) alone."""

    def encode(steps, training=False):
        return model.posterior(model.features(steps, training=training))

    return encode


def create_networks(model) -> None:
    """Creates the weights of encoder, head, decoder, and of the discrete latents' networks."""
    if model.encoder is model.decoder:
        raise ValueError(
            "`decoder` must be another network than `encoder`, received the same object, whose "
            "weights both would train. Make a second one."
        )
    wanted = model.likelihood.decoder_output_shape(model.target_step_shape)  # Checks the shape.
    _build_corruption(model)
    fill(model.encoder, default_encoder(model), model.step_shape)
    inputs = keras.KerasTensor((None, *model.step_shape))
    features = symbolic_features(model, model.encoder, inputs)
    check_features(model, model.encoder, features)
    model.posterior_head(features)
    if model.discrete is not None:
        model.discrete.build(features)
    fill(model.decoder, default_decoder(model), wanted)
    outputs = applied(
        "decoder", model.decoder, keras.KerasTensor((None, model.decoder_input_dim)),
        "the latents, with categories and condition, as one vector",
    )  # fmt: skip
    outputs = of_networks.one_tensor(outputs, wanted)
    if tuple(outputs.shape[1:]) != tuple(wanted):
        reshape = f", or end it with keras.layers.Reshape({tuple(wanted)})"
        flat = math.prod(one or 0 for one in outputs.shape[1:]) == math.prod(wanted)
        raise ValueError(
            f"`decoder` must give outputs of shape {tuple(wanted)} for one "
            f"{'step' if model.sequence_axes else 'example'}, received a network that gives "
            f"{tuple(outputs.shape[1:])}. Give its builder `output_shape={tuple(wanted)}`"
            f"{reshape if flat else ''}."
        )
    model.decoder_range = _range_of_decoder(model)
    _check_logits(model)


def default_encoder(model) -> Callable[..., keras.Sequential]:
    """The builder of an encoder that a model makes for itself."""
    kinds = model.likelihood.column_kinds(model.target_shape) if model.target == "x" else None
    return functools.partial(networks.default_encoder, columns=kinds)


def default_decoder(model) -> Callable[..., keras.Sequential]:
    """The builder of the decoder that a model makes for itself."""
    means = model.likelihood.outputs_are == "means"
    return functools.partial(networks.default_decoder, means=means)


def applied(name: str, network: keras.layers.Layer, inputs: Any, what: str) -> Any:
    """The outputs of a network for symbolic inputs.

    Raises:
        ValueError: when it does not take them.
    """
    try:
        return network(inputs)
    except Exception as error:  # Networks of users raise anything.
        hint = (
            "Convolutions need images with a last axis of channels, x[..., None]; "
            "keras.layers.Flatten() as the first layer makes vectors of images. "
        )
        shapes = [tuple(one.shape) for one in (inputs if isinstance(inputs, list) else [inputs])]
        reason = " ".join(str(error).split())
        raise ValueError(
            f"`{name}` must take {what}: {' and '.join(map(str, shapes))}, received a network that "
            f"does not. {hint if name == 'encoder' and len(shapes[0]) > 2 else ''}It says: "
            f"{reason:.500}"
        ) from error


def check_features(model, encoder: keras.layers.Layer, features: Any) -> None:
    """Raises a ValueError unless an encoder gives features, or μ and log σ², without noise."""
    of_networks.check_moments(encoder, features, model.posterior_size)
    if model.discrete is not None and isinstance(features, (list, tuple, dict)):
        raise ValueError(
            "`encoder` must give features, one tensor, for a model with `discrete`, which finds "
            f"categories in them, received {len(features)} outputs. Leave the last layers to the "
            "model: keras.Model(encoder.input, features)."
        )
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(2, *model.step_shape)).astype("float32")
    c = np.zeros((2, model.condition_dim), "float32")
    two = model.condition is not None and has_two_inputs(encoder)
    if of_networks.is_random(encoder, [x, c] if two else x):
        raise ValueError(
            "`encoder` must give the same features for the same x, received a network that draws "
            "random numbers. The model samples by itself: leave the sampling layer out, and end "
            "with\n    encoder = keras.Model(inputs, [z_mean, z_log_var])"
        )


def _range_of_decoder(model):
    """The interval of the decoder's outputs, by its last layer, or by trying it."""
    known = of_networks.output_range(model.decoder)
    if known is not None or not model.likelihood.outputs_are:
        return known or of_networks.UNBOUNDED
    far = 1e3 * np.random.default_rng(0).normal(size=(64, model.decoder_input_dim))
    return of_networks.probed_range(model.decoder(far.astype("float32"), training=False))


def is_bounded(model) -> bool:
    """Whether means that the decoder gives keep to an interval."""
    if model.likelihood.outputs_are != "means":
        return False
    known = model.decoder_range if model.built else of_networks.output_range(model.decoder)
    return (known or of_networks.UNBOUNDED) != of_networks.UNBOUNDED


def _check_logits(model):
    """Raises a ValueError for a decoder that cannot give all logits."""
    low, high = model.decoder_range
    if model.likelihood.outputs_are == "logits" and (low, high) != of_networks.UNBOUNDED:
        raise ValueError(
            f"`decoder` must give logits, any numbers, for a {type(model.likelihood).__name__} "
            "likelihood, which applies its own activation, received a network whose outputs "
            f"lie in [{low:.3g}, {high:.3g}]. Leave the last activation out:\n"
            "    keras.layers.Dense(units, activation=None)\n"
            "`predict` and `generate` still give values like those of the data."
        )


def check_reach(model, target: Any) -> None:
    """Raises a ValueError for data that lie where the decoder's means cannot."""
    if target is None or not model.built or not is_bounded(model):
        return
    low, high = model.decoder_range
    least, greatest = float(np.nanmin(target)), float(np.nanmax(target))
    slack = 1e-3 * min(high - low, 1.0)
    if least < low - slack or greatest > high + slack:
        raise ValueError(
            f"`decoder` must reach the data, which go from {least:.3g} to {greatest:.3g}, received "
            f"a network whose outputs lie in [{low:.3g}, {high:.3g}]. Leave the last activation "
            "out, or scale the data into its range:\n"
            "    keras.layers.Dense(units, activation=None)"
        )


def symbolic_features(
    model, encoder: keras.layers.Layer, inputs: keras.KerasTensor
) -> keras.KerasTensor:
    """Builds an encoder, and returns its features, with the condition joined, symbolically."""
    if model.condition is None:
        return applied("encoder", encoder, inputs, "x")
    condition = keras.KerasTensor((None, model.condition_dim))
    if has_two_inputs(encoder):
        return applied("encoder", encoder, [inputs, condition], "x and the condition")
    model.condition_join = keras.layers.Dense(CONDITION_UNITS, "relu", name="condition_join")
    features = applied("encoder", encoder, inputs, "x")
    if isinstance(features, (list, tuple, dict)):
        raise ValueError(
            "`encoder` must give features, one tensor, or take x and the condition both, for a "
            f"model with a condition, received {len(features)} outputs of x alone. Either\n"
            "    encoder = keras.Model(x, features)\nor\n"
            "    encoder = keras.Model([x, condition], [z_mean, z_log_var])"
        )
    length = math.prod(features.shape[1:]) + model.condition_dim
    return model.condition_join(keras.KerasTensor((None, length)))


def fill(
    network: keras.layers.Layer, default: Callable[..., keras.Model], shape: tuple[int, ...]
) -> None:
    """Gives an empty network the layers of the default one for data of `shape`."""
    if isinstance(network, keras.Sequential) and not network.layers:
        for layer in default(shape).layers:
            network.add(layer)


def has_two_inputs(encoder: keras.layers.Layer) -> bool:
    """Whether an encoder is a functional model of x and the condition."""
    is_functional = isinstance(encoder, keras.Model) and not isinstance(encoder, keras.Sequential)
    return is_functional and len(getattr(encoder, "inputs", None) or ()) == 2
