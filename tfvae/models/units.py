"""Data in raw units: what one Gaussian scale, and networks made for unit size, cannot learn."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfvae.networks.standardize import LEAST_SHARE

# Rows and features that are looked at, at even distances.
ROWS, FEATURES = 1024, 4096
# Standard deviations below this share of the largest one are 10⁻⁴ of its share of the loss.
OUTWEIGHED, OUTWEIGHED_FEATURES = 1e-2, 0.5
# And below this one a few features are enough: no pixel of usual images varies so little.
LOST, LOST_FEATURES = 1e-3, 0.05
# Sizes of which networks with usual initial weights and learning rates make something.
SMALLEST, LARGEST = 1e-3, 1e3
# How far from 0, in the largest standard deviation, a decoder has to move before it learns.
FARTHEST = 50.0
# How far the unit of later data may be from the one that a `Standardize` took.
OTHER_UNIT = 10.0
# Whole numbers as large as this, in so many features, are pixels.
PIXELS, BRIGHTNESS = 64, 16
# Nats per latent that no useful code of float32 numbers needs.
LARGEST_RATE = 100.0
STANDARDISE = (
    "Bring all features to about unit size before `fit`: (x - x.mean(axis=0)) / x.std(axis=0), or "
    "scikit-learn's StandardScaler (`tfvae.export` takes it as `scaling=`)."
)


def raw_units(x: Any, names: Sequence | None = None, standardized: bool = False) -> str | None:
    """What about the units of data will keep a model from learning, and what to do; None: nothing.

    Args:
        x: data, an array (n, *data), of which a part is read.
        names: of the features.
        standardized: whether the networks will bring the data, as a whole, to unit size.
    """
    x = np.asarray(x[:: max(1, len(x) // ROWS)])
    shape, kind = x.shape[1:], x.dtype
    step = max(1, -(-math.prod(shape) // FEATURES))
    x = x.reshape(len(x), -1)[:, ::step].astype("float64")
    if len(x) < 2 or not np.all(np.isfinite(x)):
        return None  # Nothing to compare, or refused by the first step.
    largest = np.max(np.abs(x))
    standardized = standardized and np.std(x) > LEAST_SHARE * np.abs(np.mean(x))
    looks_like_pixels = kind == "uint8" or len(shape) > 1 or x.shape[1] >= PIXELS
    whole = largest >= BRIGHTNESS and np.min(x) >= 0.0 and np.array_equal(x, np.round(x))
    if looks_like_pixels and whole and largest < 2**16 and not standardized:
        unit = 255 if largest < 256 else 65535
        return (
            f"`x` must be of about unit size, received whole numbers from {np.min(x):g} to "
            f"{largest:g}, as raw pixels have. Scale them before `fit`: x / {unit}."
        )
    scales = np.std(x, axis=0)
    varying = np.flatnonzero(scales > 1e-9 * largest)
    if not len(varying):
        return "`x` must vary, received examples that are all alike. There is nothing to learn."
    own = scales[varying]
    greatest = np.max(own)
    outweighed, lost = own < OUTWEIGHED * greatest, own < LOST * greatest
    if np.mean(outweighed) >= OUTWEIGHED_FEATURES or np.mean(lost) >= LOST_FEATURES:
        small = outweighed if np.mean(outweighed) >= OUTWEIGHED_FEATURES else lost
        order, shown = np.argsort(own), min(2, len(own) // 2)
        return (
            "`x` must have features of comparable scales, received standard deviations of "
            f"{_listed(varying[order[::-1][:shown]], scales, step, shape, names)} down to "
            f"{_listed(varying[order[:shown]], scales, step, shape, names)}: the largest outweighs "
            f"{np.sum(small)} of {len(own)} features, which count for nothing in the loss. "
            + STANDARDISE
        )
    size, mean = np.sqrt(np.mean(x**2)), np.max(np.abs(np.mean(x, axis=0)))
    # What is too large, too small or too far from 0 for the networks. The least σ of a Gaussian
    # stays as it is.
    center = np.mean(x) if standardized else 0.0
    far = np.max(np.abs(np.mean(x, axis=0) - center)) > FARTHEST * greatest
    if greatest < SMALLEST or far or (size > LARGEST and not standardized):
        return (
            f"`x` must be of about unit size, received values of {size:.3g} (root mean square) "
            f"with means of up to {mean:.3g} and standard deviations of up to {greatest:.3g}. "
            + STANDARDISE
        )
    return None


def filled(x: Any) -> np.ndarray | None:
    """An array (n, *data), or a part of its rows, with the mean of the feature in place of NaN."""
    if x is None:
        return None
    x = np.asarray(x[:: max(1, len(x) // ROWS)], "float64")
    there = ~np.isnan(x)
    mean = np.sum(np.where(there, x, 0.0), axis=0) / np.maximum(np.sum(there, axis=0), 1)
    return np.where(there, x, mean)


def another_unit(x: Any, mean: float, deviation: float) -> str | None:
    """A warning for data in another unit than those of the first training; None: they are not."""
    x = np.asarray(x[:: max(1, len(x) // ROWS)]).astype("float64")
    center, size = np.mean(x), np.std(x)
    factor = size / deviation
    if not np.isfinite(factor) or (
        factor < OTHER_UNIT
        and factor * OTHER_UNIT > 1.0
        and abs(center - mean) < OTHER_UNIT * deviation
    ):
        return None
    return (
        f"`x` should be in the unit of the first training, where its mean was {mean:.3g} and its "
        f"standard deviation {deviation:.3g}, received {center:.3g} and {size:.3g}. The networks "
        "keep that unit: bring the data to it, or make a new model."
    )


def _listed(
    places: np.ndarray, scales: np.ndarray, step: int, shape: tuple, names: Sequence | None
) -> str:
    """Some of every `step`-th feature with their standard deviations, in words."""

    def name(index):
        if names is not None:
            return repr(str(names[index]))
        if len(shape) < 2:
            return f"feature {index}"
        return f"feature {[int(i) for i in np.unravel_index(index, shape)]}"

    return ", ".join(f"{scales[place]:.3g} ({name(place * step)})" for place in places)


def absurd_rate(rate: float, latents: int) -> str | None:
    """A warning for a rate, in nats, that says that data were in raw units; None: it does not."""
    if not rate / latents > LARGEST_RATE:
        return None
    return (
        f"The rate is {rate:.3g} nats for {latents} latents, far more than a useful code has: "
        "q(z|x) lies far outside of the prior. Data in raw units are the usual reason. "
        f"{STANDARDISE} Otherwise train longer."
    )
