"""Whether a training was long enough: what the model explains, and whether the ELBO was rising."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.models import LatentVariableModel
from tfvae.models.data import numpy_batches
from tfvae.models.statistics import OBSERVED

# A model that explains a smaller share explains little more than the mean of the data.
LITTLE = 0.1
# The ELBO is flat where its last quarter gained a smaller share of what it is above the ELBO of the
# mean, or fewer nats, or so few standard errors.
RISING, LEAST_GAIN, ERRORS = 0.05, 0.1, 3.0
# In fewer epochs a flat ELBO says nothing, and the noise between epochs is not known.
EPOCHS = 8
# Where the objective does not raise the ELBO, its loss is minus a bound: log, name, sign.
_OTHER_BOUND = "loss", "bound that is trained", -1.0
# Examples for the mean of the data.
EXAMPLES = 4096


@dataclasses.dataclass(frozen=True)
class Learning:
    """What `learned_of` has found."""

    share: float | None
    """(C_mean − C)/(C_mean − C_perfect): 0 for the mean of the data, 1 for a perfect
    reconstruction; None: not known."""
    gain: float | None
    """Nats by which the ELBO rose in the last quarter of the epochs; None: it was flat, or there
    is no history."""
    epochs: int
    """Number of epochs of the last `fit`; 0: not known."""
    what: str = "ELBO"
    """What rose: the ELBO, or the bound of an objective that does not raise it."""

    @property
    def explains_little(self) -> bool:
        """Whether the error is about that of the mean of the data."""
        return self.share is not None and self.share < LITTLE


def learned_of(
    model: LatentVariableModel,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    terms: dict[str, float],
    *,
    y: Any = None,
) -> Learning:
    """Compares the error with that of the mean of the data; reads the history of the last `fit`.

    Of an objective that does not raise the ELBO, such as the importance-weighted bound, the loss
    tells, and not the error of single samples.

    Args:
        model: compiled; its history is used where this process trained it.
        data: array, or dataset of x or (x, y), that were evaluated.
        terms: what `model.evaluate` gave for them.
        y: what the model needs beside an array.
    """
    likelihood = model.likelihood
    share, advantage = None, 0.0
    ends = _error_range(model, data, y) if model.objective.raises_elbo else None
    if ends is not None and ends[1] > ends[0]:
        error = float(likelihood.bound(terms["constraint"]))
        if OBSERVED in terms:  # of the values that are there in these data, as both ends
            features = likelihood.num_features / float(likelihood.mean_num_observed())
            error *= terms[OBSERVED] * features
        share = (ends[1] - error) / (ends[1] - ends[0])
        if 0.0 < error < ends[1]:
            advantage = float(likelihood.nats_between(error, ends[1])) - terms["rate"]
    logs = getattr(getattr(model, "history", None), "history", None) or {}
    name, what, sign = ("elbo", "ELBO", 1.0) if model.objective.raises_elbo else _OTHER_BOUND
    elbos = sign * np.asarray(logs.get(f"val_{name}") or logs.get(name) or [])
    gain = rise(elbos, advantage)
    best = np.argmin(logs["held_out_loss"]) if logs.get("held_out_loss") else len(elbos) - 1
    if gain is not None and best < len(elbos) - _quarter(elbos):
        gain = None  # Of what was learned by heart.
    return Learning(share, gain, len(elbos), what)


def rise(elbos: Sequence[float], advantage: float = 0.0) -> float | None:
    """By how much an ELBO rose in the last quarter of its epochs, in nats; None: it was flat.

    The difference of the mean over the last quarter and the one before. It counts from 0.1 nats, 5%
    of `advantage` and three standard errors on, which neighbouring epochs tell.

    Args:
        elbos: of each epoch.
        advantage: by how much the ELBO is above the one of the mean of the data, nats.
    """
    elbos, quarter = np.asarray(elbos, "float64"), _quarter(elbos)
    if len(elbos) < 2 or not np.all(np.isfinite(elbos)):
        return None
    gain = float(np.mean(elbos[-quarter:]) - np.mean(elbos[-2 * quarter : -quarter]))
    noise = 0.0
    if len(elbos) >= EPOCHS:
        noise = np.std(np.diff(elbos[len(elbos) // 2 :])) / np.sqrt(quarter)
    return gain if gain > max(LEAST_GAIN, RISING * advantage, ERRORS * noise) else None


def _quarter(elbos):
    return max(1, len(elbos) // 4)


def _error_range(model, data, y):
    """C of a perfect reconstruction and of the mean of the data; None: the likelihood has none."""
    targets, number = [], 0
    for x, found in numpy_batches(data, y, columns=model.columns):
        targets.append(model.prepared(x, found).target)
        number += len(x)
        if number >= EXAMPLES:
            break
    if number < 2:
        return None
    try:
        perfect, mean = model.likelihood.error_range(tf.concat(targets, axis=0))
    except ValueError:  # A likelihood of one's own need not know.
        return None
    # Data lie nearer to their own mean than to the one of all data.
    perfect, mean = float(perfect), float(mean)
    return perfect, perfect + (mean - perfect) * number / (number - 1.0)
