"""What every penalty offers: a number for each example from what a training step knows."""

import abc
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import _own_optimizer
from tfvae._coefficients import Coefficient
from tfvae._component import Component
from tfvae.discrete import Choice
from tfvae.distributions import is_diagonal_gaussian
from tfvae.objectives import Terms
from tfvae.priors import Prior

tfd = tfp.distributions


class Inference(NamedTuple):
    """What a step knows of a batch: L posterior samples of B examples on their way to the terms.

    For sequences of T steps latents have an axis T after B.
    """

    x: tf.Tensor
    """Data as the encoder sees them, (B, *data)."""
    target: tf.Tensor
    """Data to explain, (B, *target); x itself unless the model has a target beside it."""
    posterior: tfd.Distribution
    """q(z|x), batch shape (B,); over the prior's noise where z is a function of it."""
    z: tf.Tensor
    """Posterior samples, (L, B, N_z)."""
    outputs: tf.Tensor
    """The decoder's outputs, (L, B, *out); (C, L, B, *out) with C alternatives of d."""
    terms: Terms
    """Distortion, rate and error."""
    decode_mean: Callable[[tf.Tensor], tf.Tensor]
    """E[x|z, d, c] as a function of z alone, (k·B, N_z) -> (k·B, *step), d and c held; k blocks."""
    prior: Prior
    """p(z)."""
    choice: Choice | None
    """The categories d of a model with discrete latents."""
    seed: tf.Tensor
    """Stateless, of the posterior samples."""


class NetworkPenalty(NamedTuple):
    """What a penalty with a network of its own returns."""

    value: tf.Tensor
    """Added to the model's loss with the penalty's weight, (B,)."""
    network_loss: tf.Tensor
    """Minimised by the penalty's network alone, (B,)."""


class Penalty(Component, abc.ABC):
    """Base class: `weight · value(inference)` is added to the loss of each example.

    A subclass gives `value`. One that owns a network sets `network` and `optimizer` in its
    constructor, builds the network in `create_weights`, and returns a `NetworkPenalty`: the
    training step lets the optimizer minimise the network's loss, on the same batch.

    Args:
        weight: η, γ, …: a number ≥ 0 or a Keras schedule.
        name: under which it is reported, without the weight; None: the class's name in snake case.

    Example, sparse latents:
        >>> import keras, numpy as np, tensorflow as tf, tfvae
        >>> @keras.saving.register_keras_serializable(package="mine")  # for saved models
        ... class Sparsity(tfvae.penalties.Penalty):
        ...     def value(self, inference, *, seed, training):
        ...         return tf.reduce_sum(tf.abs(inference.z[0]), axis=-1)
        >>> vae = tfvae.VAE(latent_dim=2, penalties=[Sparsity(0.1)])
        >>> vae.compile("adam")
        >>> history = vae.fit(np.random.default_rng(0).normal(size=(64, 5)), verbose=0)
        >>> "sparsity" in history.history
        True
    """

    role = "penalty"
    network: keras.layers.Layer | None = None
    """The network that the penalty owns, if any."""
    optimizer: keras.optimizers.Optimizer | None = None
    """The optimizer of `network`."""
    weight = Coefficient()

    def trained_apart(self) -> keras.layers.Layer | None:
        """The network."""
        return self.network

    def __init__(self, weight: Any = 1.0, name: str | None = None, **kwargs):
        super().__init__(name=name or _snake_case(type(self).__name__), **kwargs)
        self.weight = weight

    def weight_beside(self, objective: Any) -> Any:
        """The factor of the penalty in the loss: `weight`, unless a subclass finds its own.

        Args:
            objective: of the model, for a weight that depends on what the model explains.
        """
        return self.weight

    def build(self, latent_dim: int) -> None:
        """Creates the weights for N_z = `latent_dim`.

        Raises:
            ValueError: when the penalty was built before.
        """
        self.start_build()
        self.latent_dim = latent_dim
        if self.network is not None and self.optimizer is None:
            raise ValueError(
                f"`optimizer` of the penalty {self.name!r} must be a Keras optimizer, since it "
                "owns a network, received None. Set it in the constructor."
            )
        if self.network is not None:
            self.optimizer = _own_optimizer.scaled(self.network, self.optimizer)
        self.create_weights()

    def create_weights(self) -> None:
        """Creates what the subclass owns; nothing by default."""

    @property
    def reported_names(self) -> tuple[str, ...]:
        """Names of what is reported: the value, and the network's loss where there is one."""
        return (self.name,) if self.network is None else (self.name, f"{self.name}_network")

    @abc.abstractmethod
    def value(
        self, inference: Inference, *, seed: tf.Tensor, training: bool
    ) -> tf.Tensor | NetworkPenalty:
        """The penalty without its weight, (B,), or a `NetworkPenalty`.

        Args:
            inference: what the step knows of the batch.
            seed: stateless, of this penalty alone.
            training: whether a training step asks.
        """

    def checked_values(
        self, inference: Inference, *, seed: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, ...]:
        """`value` as a tuple of float32 tensors (B,), one for each of `reported_names`.

        Raises:
            ValueError: when `value` returned something else.
        """
        found = self.value(inference, seed=seed, training=training)
        values = tuple(found) if isinstance(found, NetworkPenalty) else (found,)
        kind = "a NetworkPenalty" if self.network is not None else "one tensor"
        if len(values) != len(self.reported_names):
            raise ValueError(
                f"`value` of the penalty {self.name!r} must return {kind}, received a "
                f"{type(found).__name__}. A penalty with a `network` returns both losses."
            )
        for one in values:
            shape = getattr(one, "shape", None)
            if shape is None or shape.rank != 1:
                received = one if shape is None else f"the shape {tuple(shape)}"
                raise ValueError(
                    f"`value` of the penalty {self.name!r} must return one number for each "
                    f"example, (B,), received {received}. Reduce over the latents, or repeat a "
                    "number of the batch with tf.fill([B], …)."
                )
        return tuple(tf.cast(one, tf.float32) for one in values)


def diagonal_posterior(inference: Inference, penalty: Penalty) -> tfd.Distribution:
    """q(z|x) of a batch, if it is a diagonal Gaussian over z; `penalty` is named in the error.

    Raises:
        ValueError: when it is another distribution, or over other variables than z.
    """
    name, prior, posterior = type(penalty).__name__, inference.prior, inference.posterior
    if not prior.posterior_is_over_z:
        raise ValueError(
            f"`prior` must be one whose posterior is over z itself for {name}, received a "
            f"{type(prior).__name__}, which makes z of other variables. Take TotalCorrelation or "
            "MMD, which need samples of z alone."
        )
    if not is_diagonal_gaussian(posterior):
        raise ValueError(
            f"`posterior` must be a diagonal Gaussian, tfd.Independent(tfd.Normal(μ, σ), 1), for "
            f"{name}, received {posterior!r}. Take TotalCorrelation or MMD, which need samples of "
            "z alone."
        )
    return posterior


def has_pairs(rows: tf.Tensor) -> tf.Tensor:
    """1.0 where there are two rows or more, (..., n, N_z), else 0.0."""
    return tf.cast(tf.shape(rows)[-2] > 1, rows.dtype)


def _snake_case(name: str) -> str:
    """TotalCorrelation -> total_correlation, BetaTC -> beta_tc, MMD -> mmd."""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", name).lower()
