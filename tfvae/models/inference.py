"""What a model finds out of the latents of a batch, before they are sampled."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


def _as_they_are(z):
    return z


class Inference(NamedTuple):
    """What is known of the latents of a batch."""

    posterior: tfd.Distribution
    """q(z|x), or that of the sources of z."""
    codes: Callable = _as_they_are
    """Samples of z, (L, B, N_z), to what the decoder is given, (L, B, code_dim)."""
    categorical_rate: tf.Tensor | None = None
    """The rate of categorical latents, (1, B), nats; None without them."""
    penalties: dict[str, tf.Tensor] = {}
    """Penalties that come with it, without their weights, each (B,)."""
