"""What a network gives: the range of a decoder's outputs, the moments among an encoder's."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.networks.standardize import Standardize

# Names under which encoders give log σ² and μ.
MEANS = ("z_mean", "mean", "mu", "loc")
LOG_VARIANCES = ("z_log_var", "log_var", "logvar", "z_logvar", "log_variance")
# Layers that hand on values as they are, in another order or shape.
_CARRIERS = ("reshape", "flatten", "permute", "cropping", "identity", "dropout", "upsampling")
_CARRIERS += ("activityregularization", "inputlayer", "squeeze", "expanddims", "transpose")
_RANGE = tuple[float, float]
UNBOUNDED = (-math.inf, math.inf)


def given_moments(features: Any) -> tuple[Any, Any] | None:
    """μ and log σ² among the outputs of an encoder; None for features, which are one tensor.

    [μ, log σ²], [μ, log σ², z] or a dict with their names, such as "z_mean" and "z_log_var". z, a
    sample, is left aside: the model draws its own.

    Raises:
        ValueError: when there are several outputs, but not these.
    """
    if isinstance(features, Mapping):
        mean = [features[name] for name in MEANS if name in features]
        log_variance = [features[name] for name in LOG_VARIANCES if name in features]
        if len(mean) == len(log_variance) == 1:
            return mean[0], log_variance[0]
        raise ValueError(_moments_wanted(f"a dict with the keys {sorted(features)}"))
    if isinstance(features, (list, tuple)):
        if len(features) in (2, 3):
            return features[0], features[1]
        raise ValueError(_moments_wanted(f"{len(features)} in a {type(features).__name__}"))
    return None


def check_moments(encoder: keras.layers.Layer, outputs: Any, size: int) -> None:
    """Raises a ValueError unless several outputs of an encoder are μ and log σ² of `size` latents.

    Their shapes tell, the names that a functional model gives them, and the ranges of their last
    layers: log σ² is no σ and no σ².
    """
    moments = given_moments(outputs)
    if moments is None:
        return
    shapes = [tuple(getattr(one, "shape", ())) for one in moments]
    if any(len(shape) != 2 or shape[1] != size for shape in shapes):
        raise ValueError(_moments_wanted(f"shapes {shapes[0]} and {shapes[1]}", size))
    if isinstance(outputs, Mapping):
        return
    names = [name.lower() for name in getattr(encoder, "output_names", None) or ()]
    name = names[1] if len(names) > 1 else ""
    says_other = any(word in name for word in ("sigma", "std", "stddev", "scale", "precision"))
    says_other |= "var" in name and "log" not in name
    low, _ = output_range(encoder, 1) or UNBOUNDED
    if says_other or low > -1.0:
        what = repr(name) if says_other else "numbers that are never negative"
        raise ValueError(_moments_wanted(f"{what} in the place of log σ²", size))


def is_random(encoder: keras.layers.Layer, inputs: Any) -> bool:
    """Whether an encoder with layers of a user's own gives other features when asked again.

    A layer that samples makes the features random: q(z|x) would not be what is reported.
    """
    layers = [type(one) for one in encoder._flatten_layers()]
    own = [one for one in layers if one.__module__.split(".")[0] not in ("keras", "tfvae")]
    if not own and keras.layers.Lambda not in layers:
        return False
    first, second = (encoder(inputs, training=False) for _ in range(2))
    first, second = (given_moments(one) or (one,) for one in (first, second))
    return not all(np.allclose(a, b, 1e-3, 1e-6, True) for a, b in zip(first, second, strict=True))


def _moments_wanted(received: str, size: int | str = "latent_dim") -> str:
    return (
        "`encoder` must give features, one tensor, of which the model makes mean and scale, or "
        f"[z_mean, z_log_var], each of shape (batch, {size}), received {received}. Either\n"
        "    encoder = keras.Model(inputs, features)\nor\n"
        "    encoder = keras.Model(inputs, [Dense(latent_dim)(features), Dense(latent_dim)"
        "(features)])  # mean, log of the variance"
    )


def one_tensor(outputs: Any, shape: Sequence[int]) -> Any:
    """The outputs of a decoder, if they are one tensor.

    Raises:
        ValueError: when there are several, as a mean and a variance.
    """
    if not isinstance(outputs, (list, tuple, dict)):
        return outputs
    raise ValueError(
        f"`decoder` must give one tensor of shape {tuple(shape)}, received {len(outputs)} in a "
        f"{type(outputs).__name__}. Mean alone, since the scale of a Gaussian is learned beside "
        "it:\n    decoder = keras.Model(decoder.inputs, decoder.outputs[0])\n"
        "A likelihood of your own may take several parameters, joined on the last axis "
        "(docs/extending.md)."
    )


def output_range(network: keras.layers.Layer, index: int = 0) -> _RANGE | None:
    """The interval in which outputs of a network lie, as its last layer tells; None: it does not.

    It sees through Sequential and functional models, nested or not, and layers that only hand on.
    """
    activation = _last_activation(network, index)
    return None if activation is None else _range_of(activation)


def probed_range(outputs: Any) -> _RANGE:
    """The interval that outputs for latents far from 0 keep to: [0, 1], [0, ∞), [−1, 1], or all.

    Outputs of a linear layer have both signs, and are large for large inputs.
    """
    outputs = np.asarray(outputs, "float64")
    if outputs.size < 32 or not np.all(np.isfinite(outputs)) or np.ptp(outputs) == 0.0:
        return UNBOUNDED
    low, high = np.min(outputs), np.max(outputs)
    if low >= 0.0:
        return (0.0, 1.0) if high <= 1.0 else (0.0, math.inf)
    return (-1.0, 1.0) if max(-low, high) <= 1.0 and max(-low, high) > 0.999 else UNBOUNDED


def _last_activation(network: Any, index: int = 0) -> Callable | None:
    """The function that outputs of a network went through last; None where it is not seen."""
    if isinstance(network, keras.Sequential):
        for layer in reversed(network.layers):
            if not _carries(layer):
                return _last_activation(layer)
        return None
    if isinstance(network, keras.Model):
        outputs = getattr(network, "outputs", None) or ()
        if not hasattr(network, "operations") or index >= len(outputs):
            return None
        return _activation_before(outputs[index])
    activation = getattr(network, "activation", None)
    if callable(activation):
        return activation
    name = type(network).__name__.lower()
    if type(network).__module__.split(".")[0] != "keras":
        return None
    if isinstance(network, keras.Operation) and name in (
        "sigmoid", "softmax", "tanh", "relu", "softplus", "elu", "exp", "hardsigmoid", "relu6",
    ):  # fmt: skip
        return network  # A layer such as keras.layers.ReLU, or a function such as keras.ops.tanh.
    return None


def _activation_before(tensor: Any) -> Callable | None:
    """The last activation on the way to a tensor of a functional model.

    Keras has no public way from a tensor to what made it; `input` of an operation, which is public,
    fails where a layer is used twice.
    """
    while True:
        operation, node, at = tensor._keras_history
        if not _carries(operation):
            return _last_activation(operation, at)
        inputs = operation._inbound_nodes[node].input_tensors
        if not inputs:
            return None
        tensor = inputs[0]


def _carries(operation: Any) -> bool:
    if isinstance(operation, Standardize):  # It moves bounds, and bounds they stay.
        return True
    return type(operation).__name__.lower().rstrip("123d").startswith(_CARRIERS)


def _range_of(activation: Callable) -> _RANGE:
    """The least and the greatest value of a function on large and small numbers, ±∞ beyond."""
    grid = np.concatenate([np.linspace(-20.0, 20.0, 401), [-1e4, 1e4]]).astype("float32")
    try:
        values = np.asarray(activation(tf.constant(grid)[tf.newaxis]), "float64")
    except Exception:  # A function of other shapes.
        return UNBOUNDED
    values = values[np.isfinite(values)]
    low, high = (float(np.min(values)), float(np.max(values))) if values.size else UNBOUNDED
    return (low if low > -50.0 else -math.inf), (high if high < 50.0 else math.inf)
