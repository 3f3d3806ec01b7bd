"""Data as whole numbers from 0, and p(x|z) as a distribution over them."""

import abc
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import _checks
from tfvae.applications.compression import latents
from tfvae.likelihoods import Bernoulli, Gaussian, Likelihood


class Symbols(abc.ABC):
    """Base class: what a likelihood can code, as uint8, and the distribution that codes it."""

    unit: float | None = None
    """What one symbol is in the unit of the model's data; None: the data are the symbols."""

    @abc.abstractmethod
    def of(self, x: np.ndarray) -> np.ndarray:
        """The symbols of data, uint8 of the same shape.

        Raises:
            ValueError: when a value has no symbol.
        """

    def values(self, symbols: np.ndarray) -> np.ndarray:
        """What the model is given for symbols, float32 of the same shape."""
        return symbols.astype("float32")

    @abc.abstractmethod
    def likelihood(self, mean: np.ndarray) -> tuple[Any, Sequence[np.ndarray]]:
        """An entropy model and its parameters, (B·N_x,) each, for E[x|z] (B, *data)."""


class BinarySymbols(Symbols):
    """0 and 1 in any dtype, with P(1) = E[x|z]."""

    def of(self, x: np.ndarray) -> np.ndarray:
        """x itself."""
        _check(x, (x == 0) | (x == 1), "0 or 1", "Binarise grey values, as by x > 0.5.")
        return x.astype("uint8")

    def likelihood(self, mean: np.ndarray) -> tuple[Any, Sequence[np.ndarray]]:
        """Bernoulli distributions; no symbol is impossible, 2^−24 is the least probability."""
        model = latents.constriction().stream.model.Bernoulli(perfect=False)
        return model, [_flat(mean)]


class ByteSymbols(Symbols):
    """0 to 255, of which one is `unit` to the model, under a discretised Gaussian.

        P(k) = Φ((k + ½ − μ/u)/(σ/u)) − Φ((k − ½ − μ/u)/(σ/u)) with the unit u

    0 and 255 have all that lies below and above. No symbol is impossible.
    """

    def __init__(self, likelihood: Gaussian, unit: float) -> None:
        self._likelihood, self.unit = likelihood, unit

    def of(self, x: np.ndarray) -> np.ndarray:
        """x itself."""
        allowed = (x >= 0) & (x <= 255) if x.dtype.kind in "iu" else np.zeros(x.shape, bool)
        hint = "Give the bytes as they are: `unit` says what one of them is to the model."
        _check(x, allowed, "whole numbers from 0 to 255, of an integer dtype", hint)
        if x.dtype.kind not in "iu":  # An empty array.
            raise ValueError(
                f"`x` must have an integer dtype for a Gaussian, received {x.dtype}. {hint}"
            )
        return x.astype("uint8")

    def values(self, symbols: np.ndarray) -> np.ndarray:
        """k·u."""
        return (symbols * self.unit).astype("float32")

    def likelihood(self, mean: np.ndarray) -> tuple[Any, Sequence[np.ndarray]]:
        """Gaussians over bins of width 1."""
        scale = np.exp(np.asarray(self._likelihood.log_scale, "float64"))
        model = latents.constriction().stream.model.QuantizedGaussian(0, 255)
        scales = np.broadcast_to(scale, mean.shape)
        return model, [_flat(one) / self.unit for one in (mean, scales)]


def symbols_for(likelihood: Likelihood, unit: float | None) -> Symbols:
    """The symbols that a likelihood can code.

    Raises:
        ValueError: when there are none, or `unit` does not fit.
    """
    if isinstance(likelihood, Bernoulli):
        if unit is not None:
            raise ValueError(
                f"`unit` must be None for a Bernoulli, whose data are 0 and 1, received {unit!r}."
            )
        return BinarySymbols()
    if isinstance(likelihood, Gaussian):
        unit = 1 / 255 if unit is None else unit
        unit = _checks.number_in("unit", unit, 0.0, math.inf, low_open=True, high_open=True)
        return ByteSymbols(likelihood, unit)
    raise ValueError(
        "`model` must have a Bernoulli likelihood, for binary data, or a Gaussian one, for bytes, "
        f"received {type(likelihood).__name__}."
    )


def as_array(x: Any) -> np.ndarray:
    """`x` as an array of real numbers.

    Raises:
        ValueError: when it is none, or values are masked.
    """
    if not np.ma.is_masked(x):
        try:
            array = x.numpy() if tf.is_tensor(x) else np.asarray(x)
        except (TypeError, ValueError) as error:  # NumPy's word for rows of different lengths.
            raise ValueError(f"`x` must be an array of numbers, received none: {error}.") from error
        # A dtype that NumPy does not know itself, such as bfloat16, has no name in a file.
        if array.dtype.kind in "biuf" and np.dtype(array.dtype.str) == array.dtype:
            return array
        found = f"the dtype {array.dtype}"
    else:
        found = "masked values"
    raise ValueError(
        f"`x` must be an array of numbers, received {found}. An example: x.astype('uint8')."
    )


def _check(x, allowed, expected, hint):
    if not np.all(allowed):
        place = tuple(int(i) for i in np.argwhere(~allowed)[0])
        raise ValueError(
            f"`x` must hold {expected}, received {x[place]} ({x.dtype}) at {place}. {hint}"
        )


def _flat(values):
    return np.ascontiguousarray(values, dtype="float64").reshape(-1)
