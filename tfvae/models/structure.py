"""How a model is built for the shapes of its data."""

import math
from collections.abc import Callable
from typing import Any

import keras

from tfvae import _checks, networks
from tfvae.models import beside
from tfvae.models.beside import Needs

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


def _posterior_of_x(model):
    """q(z|x) as a function of x (K, *step) alone."""

    def encode(steps, training=False):
        return model.posterior(model.features(steps, training=training))

    return encode


def create_networks(model) -> None:
    """Creates the weights of encoder, head, decoder, and of the discrete latents' networks."""
    fill(model.encoder, networks.default_encoder, model.step_shape)
    inputs = keras.KerasTensor((None, *model.step_shape))
    features = symbolic_features(model, model.encoder, inputs)
    model.posterior_head(features)
    if model.discrete is not None:
        model.discrete.build(features)
    wanted = model.likelihood.decoder_output_shape(model.target_step_shape)
    fill(model.decoder, networks.default_decoder, wanted)
    outputs = model.decoder(keras.KerasTensor((None, model.decoder_input_dim)))
    if tuple(outputs.shape[1:]) != tuple(wanted):
        raise ValueError(
            f"`decoder` must give outputs of shape {tuple(wanted)} for one "
            f"{'step' if model.sequence_axes else 'example'}, received a network that gives "
            f"{tuple(outputs.shape[1:])}. Give its builder `output_shape={tuple(wanted)}`."
        )


def symbolic_features(
    model, encoder: keras.layers.Layer, inputs: keras.KerasTensor
) -> keras.KerasTensor:
    """Builds an encoder, and returns its features, with the condition joined, symbolically."""
    if model.condition is None:
        return encoder(inputs)
    condition = keras.KerasTensor((None, model.condition_dim))
    if has_two_inputs(encoder):
        return encoder([inputs, condition])
    model.condition_join = keras.layers.Dense(CONDITION_UNITS, "relu", name="condition_join")
    length = math.prod(encoder(inputs).shape[1:]) + model.condition_dim
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
