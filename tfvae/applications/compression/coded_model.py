"""A trained model as entropy models: its networks, compiled, on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.applications.compression import container
from tfvae.applications.compression.symbols import Symbols
from tfvae.distributions import is_diagonal_gaussian
from tfvae.models import LatentVariableModel
from tfvae.priors import StandardNormal


class CodedModel:
    """q(z|x) and E[x|z] of a model that `check` allows, as NumPy arrays.

    Raises:
        ValueError: when the posterior is no diagonal Gaussian.
    """

    def __init__(self, model: LatentVariableModel) -> None:
        self.model = model
        self.shape = tuple(model.data_shape)
        latents = (*model.sequence_shape, model.latent_dim)
        self.latent_dim = int(np.prod(latents))

        def encode(x):
            with tf.device("CPU:0"):
                posterior = model.encode(x)
                if not is_diagonal_gaussian(posterior):
                    raise ValueError(
                        "`model` must have a posterior that is a diagonal Gaussian, received "
                        f"{type(posterior).__name__}."
                    )
                normal = posterior.distribution
                return [tf.reshape(v, [-1, self.latent_dim]) for v in (normal.loc, normal.scale)]

        def decode(z):
            with tf.device("CPU:0"):
                return model.decode_mean(tf.reshape(z, [-1, *latents]))

        x = tf.TensorSpec([None, *self.shape], tf.float32)
        z = tf.TensorSpec([None, self.latent_dim], tf.float32)
        self._encode = tf.function(encode, [x], autograph=False).get_concrete_function()
        self._decode = tf.function(decode, [z], autograph=False).get_concrete_function()

    @property
    def digest(self) -> str:
        """Changes with any weight that compression depends on."""
        model = self.model
        return container.digest_of_weights(
            [*model.encoders, model.posterior_head, model.decoder, model.likelihood]
        )

    def networks(self, symbols: Symbols) -> "CodedNetworks":
        """The same for symbols."""
        return CodedNetworks(self, symbols)

    def posterior(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """μ and σ of q(z|x), (B, N_z) each, float64, for x (B, *data), float32."""
        loc, scale = (_finite("encoder", one) for one in self._encode(tf.constant(x)))
        return loc, np.maximum(scale, np.finfo("float32").tiny)

    def mean(self, z: np.ndarray) -> np.ndarray:
        """E[x|z], (B, *data), float64, for z (B, N_z)."""
        return _finite("decoder", self._decode(tf.constant(z, tf.float32)))


class CodedNetworks:
    """A `CodedModel` that is given symbols: see `bits_back.Networks`."""

    def __init__(self, coded: CodedModel, symbols: Symbols) -> None:
        self._coded, self._symbols = coded, symbols

    def posterior(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """μ and σ of q(z|x)."""
        return self._coded.posterior(self._symbols.values(symbols))

    def likelihood(self, z: np.ndarray) -> tuple[Any, Sequence[np.ndarray]]:
        """An entropy model over symbols and its parameters."""
        return self._symbols.likelihood(self._coded.mean(z))


def check(model: Any) -> None:
    """Raises a ValueError unless a model can compress, whatever its likelihood."""
    _checks.instance_of("model", model, LatentVariableModel, "tfvae.VAE(latent_dim=8)")
    if not model.built:
        raise ValueError(
            "`model` must have learned the data that it compresses, received one without weights. "
            "Call `fit` first, or load a trained model."
        )
    if not isinstance(model.prior, StandardNormal):
        raise ValueError(
            "`model` must have the prior N(0, I), whose latents the entropy coder knows, received "
            f'{type(model.prior).__name__}. Train one with prior="standard_normal".'
        )
    for name, found in (("discrete", model.discrete), ("condition", model.condition)):
        if found is not None:
            raise ValueError(
                f"`model` must have no `{name}`, which the compressed data would have to hold, "
                f"received {type(found).__name__}."
            )
    if model.target != "x":
        raise ValueError(f"`model` must explain x itself, received target={model.target!r}.")


def _finite(name, tensor):
    values = tensor.numpy().astype("float64")
    if not np.all(np.isfinite(values)):
        raise ValueError(f"`model` must give finite numbers, received others from its {name}.")
    return values
