"""Bits back with asymmetric numeral systems [TBB19]: batches, one after another on one stack."""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfvae.applications.compression import latents

# Bits that stay on the stack.
RESERVE = 64


class Networks(Protocol):
    """The distributions that a model gives; symbols are uint8, (B, *data)."""

    def posterior(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """μ and σ of q(z|x), (B, N_z) each, float64."""

    def likelihood(self, z: np.ndarray) -> tuple[Any, Sequence[np.ndarray]]:
        """An entropy model over symbols and its parameters, (B·N_x,) each, for z (B, N_z)."""


class Chain(NamedTuple):
    """What is left on the stack, and what is needed to take it apart."""

    words: np.ndarray
    """The stack, uint32."""
    sizes: list[int]
    """Sizes of the batches, in their order."""
    num_start: int
    """Number of words that were on the stack before the first batch."""


def push(
    networks: Networks,
    symbols: np.ndarray,
    latent_dim: int,
    batch_size: int,
    add: Callable[[int], None],
) -> Chain:
    """Puts all examples on a stack.

    For each batch it takes z off with q(z|x), and puts on x with p(x|z), then z with p(z):
    −log p(x|z) − log p(z) + log q(z|x) in all, the −ELBO in mean. What is taken off before anything
    was put on is noise that both sides know. To waste little of it the first batches are single
    examples; the later ones are as large as the stack allows.

    Args:
        networks: of the model.
        symbols: (n, *data), uint8.
        latent_dim: latents of an example.
        batch_size: the most examples of a batch.
        add: is told how many more examples are done.
    """
    taken = latent_dim * latents.BITS
    num_start = math.ceil((taken + RESERVE) / 32) if len(symbols) else 0
    stack, sizes, done = _stack(_noise(num_start)), [], 0
    while done < len(symbols):
        room = max(1, (stack.num_valid_bits() - RESERVE) // taken)
        size = min(batch_size, len(symbols) - done, 2 ** (room.bit_length() - 1))
        x = symbols[done : done + size]
        index = latents.pop(stack, *networks.posterior(x))
        model, parameters = networks.likelihood((index * latents.STEP).reshape(size, latent_dim))
        stack.encode_reverse(x.reshape(-1).astype("int32"), model, *parameters)
        stack.encode_reverse(index, latents.prior())
        sizes.append(size)
        done += size
        add(size)
    return Chain(stack.get_compressed(), sizes, num_start)


def pop(
    networks: Networks,
    chain: Chain,
    shape: tuple[int, ...],
    latent_dim: int,
    add: Callable[[int], None],
) -> np.ndarray | None:
    """Takes all examples off again, the last batch first: `push`, backwards.

    Args:
        networks: of the same model; they must give the same numbers, bit for bit.
        chain: as `push` gave it.
        shape: *data, of one example.
        latent_dim: latents of an example.
        add: is told how many more examples are done.

    Returns:
        The symbols, (n, *data), uint8. None: what is left is not what was there before the first
        batch, because the networks gave other numbers.
    """
    stack, batches = _stack(chain.words), []
    for size in reversed(chain.sizes):
        index = stack.decode(latents.prior(), size * latent_dim)
        model, parameters = networks.likelihood((index * latents.STEP).reshape(size, latent_dim))
        x = stack.decode(model, *parameters).astype("uint8").reshape(size, *shape)
        latents.push(stack, index, *networks.posterior(x))
        batches.append(x)
        add(size)
    if not np.array_equal(stack.get_compressed(), _noise(chain.num_start)):
        return None
    return np.concatenate([*batches[::-1], np.zeros((0, *shape), "uint8")])


def _stack(words):
    return latents.constriction().stream.stack.AnsCoder(np.ascontiguousarray(words, dtype="uint32"))


def _noise(num_words):
    """Words that look random, the same everywhere; a stack does not end in a zero."""
    words = np.frombuffer(hashlib.shake_256(b"tfvae").digest(4 * num_words), "<u4").astype("uint32")
    words[-1:] |= 1
    return words
