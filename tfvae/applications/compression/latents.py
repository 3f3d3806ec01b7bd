"""Latents as whole numbers of steps, coded with q(z|x) and with N(0, I)."""

from types import ModuleType
from typing import Any

import numpy as np
from scipy.special import ndtr

from tfvae import _checks

# z is rounded to multiples of STEP, at most ±REACH. Both are powers of 2: exact in float32.
STEP, REACH = 2.0**-8, 2.0**5
LARGEST = int(REACH / STEP)
# The posterior's probabilities are multiples of 1/TOTAL; one draw takes BITS off for a moment.
BITS = 16
TOTAL = 2**BITS


def pop(stack: Any, loc: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Takes indices k off a stack, with the posterior N(μ, σ²) of z = k·STEP.

        k with F(k) ≤ u < F(k + 1), where u < TOTAL is taken off as a uniform number, and
        F(k) = TOTAL·Φ(((k − ½)·STEP − μ)/σ), rounded down; u − F(k) goes back.

    The entropy coder's own Gaussians give every k a probability of 2^−24 at least, so that it can
    be coded. All k together then have one in a thousand: often enough a z far outside of the
    posterior, which costs more bits than all else. Here k is always one that q(z|x) allows.

    Args:
        stack: `constriction.stream.stack.AnsCoder`.
        loc: μ, any shape.
        scale: σ, the same shape.

    Returns:
        Indices, int32, flat.
    """
    uniform = constriction().stream.model.Uniform
    loc, scale = loc.reshape(-1), scale.reshape(-1)
    u = stack.decode(uniform(TOTAL), loc.size)
    low = np.full(loc.size, -LARGEST)
    high = np.full(loc.size, LARGEST + 1)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        is_below = _cumulative(middle, loc, scale) <= u
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    start, width = _interval(low, loc, scale)
    # A width of 1 leaves nothing to be put back, and the coder has no such distribution.
    rest, wide = (u - start).astype("int32"), width > 1
    stack.encode_reverse(rest[wide], uniform(), width[wide])
    return low.astype("int32")


def push(stack: Any, index: np.ndarray, loc: np.ndarray, scale: np.ndarray) -> None:
    """Puts indices that `pop` gave for the same μ and σ back on a stack, which is as before."""
    uniform = constriction().stream.model.Uniform
    start, width = _interval(index, loc.reshape(-1), scale.reshape(-1))
    # Other networks than those of `pop` can give a width of 0: what follows is noticed at the end.
    wide, rest = width > 1, np.zeros(index.size, "int32")
    rest[wide] = stack.decode(uniform(), width[wide])
    u = np.clip(start + rest, 0, TOTAL - 1).astype("int32")
    stack.encode_reverse(u, uniform(TOTAL))


def prior() -> Any:
    """N(0, 1) over the indices, an entropy model."""
    return constriction().stream.model.QuantizedGaussian(-LARGEST, LARGEST, 0.0, 1.0 / STEP)


def constriction() -> ModuleType:
    """The package of the entropy coder.

    Raises:
        ImportError: when it is not installed.
    """
    return _checks.package("constriction", "Compression", "tfvae[compression]")


def _interval(index, loc, scale):
    """F(k), and F(k + 1) − F(k) as int32."""
    start = _cumulative(index, loc, scale)
    return start, (_cumulative(index + 1, loc, scale) - start).astype("int32")


def _cumulative(index, loc, scale):
    """F(k), a whole number; all of it lies between the least and the greatest index."""
    inner = np.floor(TOTAL * ndtr(((index - 0.5) * STEP - loc) / scale))
    return np.where(index <= -LARGEST, 0, np.where(index > LARGEST, TOTAL, inner)).astype("int64")
