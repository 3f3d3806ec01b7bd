"""The equivariance of a model on sequences, as a report."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import _checks, _progress
from tfvae.evaluation.capsules import (
    CapsuleCorrelation,
    compared,
    pair_errors,
    period_of,
    shifts_of,
)
from tfvae.evaluation.tables import Line, Report
from tfvae.models import SequenceVAE, beside
from tfvae.models.data import numpy_batches


@dataclasses.dataclass(frozen=True, repr=False)
class EquivarianceReport(Report):
    """E_eq, CapCorr of each factor, and errors of predicted frames.

    E_eq and CapCorr depend on the capsules alone. E_eq is small for capsules that hardly change;
    they roll only if E_eq is far below E_eq without the roll. E_eq of samples, the number of the
    authors' program, also counts the posterior's noise; one model may have 224 of samples and 12 of
    means, so the two do not compare. The errors of frames measure what the decoder makes of a roll.
    Any blurred frame has a smaller error than a copy. The mean frame is the best still picture:
    only a picture that moves has a smaller error.
    """

    errors_of_means: np.ndarray
    """E_eq of `model.capsules`, t̂ at the posterior's moments, (n,)."""
    errors_of_samples: np.ndarray
    """E_eq of `model.sample_capsules`, t̂ of one draw from the posterior, (n,)."""
    changes_of_means: np.ndarray
    """E_eq of means without the roll, (n,): how much capsules change."""
    changes_of_samples: np.ndarray
    """E_eq of samples without the roll, (n,)."""
    correlations: dict[str, CapsuleCorrelation]
    """CapCorr of each factor that moves."""
    steps: int
    """δ, the number of frames from the encoded frame to the predicted one."""
    rolled: np.ndarray
    """Mean of (x_{l+δ} − E[x|Roll_δ(t̂_l)])² over frames l, cyclic, and features, (n,)."""
    copied: np.ndarray
    """Mean of (x_{l+δ} − x_l)², (n,)."""
    averaged: np.ndarray
    """Mean of (x_l − mean over frames)², (n,)."""
    reconstructed: np.ndarray
    """Mean of (x_l − E[x|t̂_l])², (n,)."""
    transformations: np.ndarray | None = None
    """Name of each sequence's transformation, (n,); None if the data do not name it."""

    title = "Equivariance of the capsules"

    @property
    def ratio(self) -> float:
        """Error of rolled frames divided by the error of copied frames."""
        return _ratio(self.rolled, self.copied)

    def lines(self) -> list[Line]:
        """Returns the numbers of the report."""
        lines = [
            Line("sequences", len(self.rolled)),
            Line("E_eq of means", float(np.mean(self.errors_of_means))),
            Line("E_eq of means, without the roll", float(np.mean(self.changes_of_means))),
            Line("E_eq of samples", float(np.mean(self.errors_of_samples))),
            Line("E_eq of samples, without the roll", float(np.mean(self.changes_of_samples))),
        ]
        for factor, one in self.correlations.items():
            lines += [
                Line(f"CapCorr, {factor}", one.correlation, f"{one.num_pairs} pairs of frames"),
                Line(f"mean cosine, {factor}", one.agreement),
            ]
        ahead = f"frame {self.steps} on"
        lines += [
            Line(
                "squared error, reconstruction", float(np.mean(self.reconstructed)), "per feature"
            ),
            Line(f"squared error, {ahead}, rolled", float(np.mean(self.rolled)), "per feature"),
            Line(f"squared error, {ahead}, copied", float(np.mean(self.copied)), "per feature"),
            Line("squared error, mean frame", float(np.mean(self.averaged)), "per feature"),
            Line("rolled over copied", self.ratio),
        ]
        for name in [] if self.transformations is None else np.unique(self.transformations):
            own = self.transformations == name
            lines.append(
                Line(
                    f"squared error, {ahead}, rolled: {name}",
                    float(np.mean(self.rolled[own])),
                    f"per feature, {_ratio(self.rolled[own], self.copied[own]):.2f} of copying",
                )
            )
        return lines


def _ratio(errors: np.ndarray, others: np.ndarray) -> float:
    """Returns the quotient of two means; infinite or NaN if the second mean is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(np.mean(errors), np.mean(others)))


def equivariance(
    model: SequenceVAE,
    data: np.ndarray | tf.data.Dataset | keras.utils.PyDataset,
    *,
    y: Any = None,
    steps: int = 5,
    names: Sequence[str] | None = None,
    num_states: dict[str, int] | None = None,
    seed: int = 0,
    verbose: str | int = "auto",
) -> EquivarianceReport:
    """Measures the equivariance of a model's capsules on cyclic sequences [KW21].

    The report holds E_eq of posterior means and of posterior samples, CapCorr of means and errors
    of predicted frames. Each frame x_l is encoded, its capsules are rolled by δ places and decoded,
    and the result is compared with x_{(l+δ) mod T} by the squared error. Copies of x_l and the
    sequence's mean frame are scored in the same way. (The cross-entropy of a copy can be infinite,
    so it is not used.)

    Args:
        model: a built model of sequences, such as `tfvae.TopographicVAE`.
        data: tf.data.Dataset of (x, factors), as `tfvae.datasets.sequences` gives it with
            `training=False`; or, without CapCorr, a dataset or an array of x alone. The condition
            and target that a model needs stand among the factors, by these names.
        y: condition and target beside an array, for a model that needs them.
        steps: δ, from 1 to T − 1.
        names: names of the transformations that `factors["transformation"]` numbers; None: the
            numbers themselves.
        num_states: number of states of each factor that repeats after fewer states than T; see
            `capsule_correlation`.
        seed: of the posterior samples.
        verbose: 1: a progress bar; 0: none; "auto": one in a terminal or notebook if it takes long.

    Returns:
        A report that prints as a table and holds the numbers of every sequence.

    Raises:
        ValueError: if the model has no capsules, the data are empty, a part of y is missing, or an
            argument does not fit.

    Example:
        >>> import numpy as np, tfvae
        >>> images = np.random.default_rng(0).uniform(size=(4, 8, 8, 1))
        >>> data = tfvae.datasets.sequences(images, num_frames=6, training=False)
        >>> vae = tfvae.TopographicVAE(latent_dim=12, likelihood="bernoulli", seed=0)
        >>> vae.build((None, 6, 8, 8, 1))
        >>> report = tfvae.evaluation.equivariance(vae, data, steps=2)
        >>> report.rolled.shape, list(report.correlations)
        ((4,), ['rotation'])
    """
    if not hasattr(model, "capsules"):
        raise ValueError(
            "`model` must be a model of sequences with capsules, such as TopographicVAE, received "
            f"a {type(model).__name__}."
        )
    if not model.built:
        raise ValueError("`model` must be built, received one without weights. Call `fit` first.")
    (frames,) = model.sequence_shape
    steps = _checks.positive_int("steps", steps)
    if steps >= frames:
        raise ValueError(f"`steps` must be below the number of frames, {frames}, received {steps}.")
    parts, kinds, pairs = [], [], {}
    with _progress.progress(None, verbose, "batch") as add:
        for number, (x, found) in enumerate(numpy_batches(data, y, batch_size=64)):
            factors = found if isinstance(found, dict) and y is None else {}
            capsules = model.capsules(x, found).astype("float64")
            drawn = model.sample_capsules(x, found, seed=seed + number).astype("float64")
            parts.append(_of_frames(model, x, found, steps))
            for name, one in (("means", capsules), ("samples", drawn)):
                parts[-1][f"errors_of_{name}"] = pair_errors(one, 1)
                parts[-1][f"changes_of_{name}"] = pair_errors(one, 0)
            if "transformation" in factors:
                kinds.append(_named(factors["transformation"], names))
            for factor, index in factors.items():
                if _are_states(factor, index, x.shape):
                    period = period_of(capsules.shape[-1], (num_states or {}).get(factor, frames))
                    pairs.setdefault((factor, period), []).append(
                        shifts_of(capsules, index, period)
                    )
            add(1)
    shifts = {key: np.concatenate(values, axis=1) for key, values in pairs.items()}
    return EquivarianceReport(
        **{field: np.concatenate([part[field] for part in parts]) for field in parts[0]},
        correlations={
            factor: compared(*shift, period)
            for (factor, period), shift in shifts.items()
            if shift.size
        },
        steps=steps,
        transformations=np.concatenate(kinds) if kinds else None,
    )


def _of_frames(model: SequenceVAE, x: np.ndarray, y: Any, steps: int) -> dict[str, np.ndarray]:
    """Returns the errors of frames, a number for each sequence."""
    rolled, same = (model.roll(x, number, y) for number in (steps, 0))
    x = beside.parts(y, model.needs, ("target",)).get("target", x)  # What is decoded.
    later = np.roll(x, -steps, axis=1)
    return {
        "rolled": _squared_error(later, rolled),
        "copied": _squared_error(later, x),
        "averaged": _squared_error(x, np.mean(x, axis=1, keepdims=True, dtype="float64")),
        "reconstructed": _squared_error(x, same),
    }


def _squared_error(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Returns the mean squared difference of each example, (n,)."""
    difference = np.asarray(x, "float64") - mean
    return np.mean(difference.reshape(len(difference), -1) ** 2, axis=1)


def _are_states(name: str, index: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Returns whether an entry of `factors` holds the states of a factor, int (B, T)."""
    return (
        name not in ("label", *beside.NAMES)
        and index.dtype.kind == "i"
        and index.shape == shape[:2]
    )


def _named(kinds: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    """Returns the names of numbered transformations, (n,)."""
    if names is None:
        return kinds.astype(str)
    if len(names) <= kinds.max():
        raise ValueError(
            f"`names` must hold {kinds.max() + 1} names or more, one for each transformation of "
            f"the dataset, received {len(names)}."
        )
    return np.asarray(names, dtype=str)[kinds]
