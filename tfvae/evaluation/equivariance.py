"""The equivariance of a model on sequences, as a report."""

import dataclasses

import keras
import numpy as np

from tfvae import _checks
from tfvae.evaluation.capsules import (
    CapsuleCorrelation,
    compared,
    pair_errors,
    period_of,
    shifts_of,
)
from tfvae.evaluation.tables import Line, Report
from tfvae.models.batches import batches


@dataclasses.dataclass(frozen=True, repr=False)
class EquivarianceReport(Report):
    """E_eq, CapCorr of each factor, and errors of frames to come; one number for each sequence.

    E_eq and CapCorr look at the capsules alone. E_eq is small, too, for capsules that hardly
    change: rolling explains them where it is far below E_eq without the roll. Errors of frames say
    what the decoder makes of a roll. Any blur has a smaller one than a copy; one below that of the
    sequence's mean frame, the best of all pictures at rest, needs a picture that moves.
    """

    errors: np.ndarray
    """E_eq, (n,)."""
    changes: np.ndarray
    """E_eq without the roll, (n,): how much capsules change at all."""
    correlations: dict[str, CapsuleCorrelation]
    """CapCorr of each factor that moves."""
    steps: int
    """δ, frames from the one that is encoded to the one that is foretold."""
    rolled: np.ndarray
    """Mean of (x_{l+δ} − E[x|Roll_δ(t̂_l)])² over frames l, cyclic, and features, (n,)."""
    copied: np.ndarray
    """Mean of (x_{l+δ} − x_l)², (n,)."""
    averaged: np.ndarray
    """Mean of (x_l − mean over frames)², (n,)."""
    reconstructed: np.ndarray
    """Mean of (x_l − E[x|t̂_l])², (n,)."""
    transformations: np.ndarray | None = None
    """Name of each sequence's transformation, (n,), where the data tell."""

    title = "Equivariance of the capsules"

    @property
    def ratio(self) -> float:
        """Error of rolled frames over that of copied ones."""
        return _ratio(self.rolled, self.copied)

    def lines(self):
        """The numbers of the report."""
        lines = [
            Line("sequences", len(self.errors)),
            Line("E_eq", float(np.mean(self.errors))),
            Line("E_eq without the roll", float(np.mean(self.changes))),
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


def _ratio(errors, others):
    """Quotient of two means; infinite, or NaN, over a mean of 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(np.mean(errors), np.mean(others)))


def equivariance(
    model, dataset, *, steps: int = 5, names=None, num_states: dict[str, int] | None = None
) -> EquivarianceReport:
    """Equivariance of a model's capsules on sequences that go round a cycle [KW21, section 6].

    Beside E_eq and CapCorr, each frame x_l is encoded, its capsules rolled by δ places and decoded:
    the squared error against x_{(l+δ) mod T}, beside those of copying x_l and of the sequence's
    mean frame. (No cross-entropy: that of a copy can be infinite.)

    Args:
        model: a built model of sequences, such as `tfvae.TopographicVAE`.
        dataset: tf.data.Dataset of (x, factors), as `tfvae.datasets.sequences` gives it with
            `training=False`, or of x alone, or an array of x: then there is no CapCorr.
        steps: δ, from 1 to T − 1.
        names: of the transformations that `factors["transformation"]` counts; None: their numbers.
        num_states: for factors that close after fewer states than T, how many; see
            `capsule_correlation`.

    Returns:
        A report that prints as a table and holds the numbers of every sequence.

    Raises:
        ValueError: when the model has no capsules, the dataset no sequence, or an argument does not
            fit.

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
            f"`model`, a {type(model).__name__}, has no capsules: a model of sequences is needed, "
            "such as TopographicVAE."
        )
    if not model.built:
        raise ValueError("`model` has no weights yet: call `fit` first.")
    (frames,) = model.sequence_shape
    steps = _checks.positive_int("steps", steps)
    if steps >= frames:
        raise ValueError(f"`steps` must be below the number of frames, {frames}, received {steps}.")
    parts, kinds, pairs = [], [], {}
    for batch in batches(dataset, 64) if hasattr(dataset, "shape") else dataset:
        x, factors = _unpacked(batch)
        capsules = model.capsules(x).astype("float64")
        parts.append(_numbers(model, x, capsules, steps))
        if "transformation" in factors:
            kinds.append(_named(factors["transformation"], names))
        for factor, index in factors.items():
            if _are_states(factor, index, x.shape):
                period = period_of(capsules.shape[-1], (num_states or {}).get(factor, frames))
                pairs.setdefault((factor, period), []).append(shifts_of(capsules, index, period))
    if not parts:
        raise ValueError("`dataset` is empty: at least one sequence is needed.")
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


def _unpacked(batch):
    """x and the dict of its factors, empty where there is none, in NumPy."""
    x, factors, _ = keras.utils.unpack_x_y_sample_weight(batch)
    factors = factors if isinstance(factors, dict) else {}
    return np.asarray(x), {name: np.asarray(values) for name, values in factors.items()}


def _numbers(model, x, capsules, steps):
    """The fields of the report that have a number for each sequence."""
    later = np.roll(x, -steps, axis=1)
    return {
        "errors": pair_errors(capsules, 1),
        "changes": pair_errors(capsules, 0),
        "rolled": _squared_error(later, model.roll(x, steps)),
        "copied": _squared_error(later, x),
        "averaged": _squared_error(x, np.mean(x, axis=1, keepdims=True, dtype="float64")),
        "reconstructed": _squared_error(x, model.roll(x, 0)),
    }


def _squared_error(x, mean):
    """Mean squared difference of each example, (n,)."""
    difference = np.asarray(x, "float64") - mean
    return np.mean(difference.reshape(len(difference), -1) ** 2, axis=1)


def _are_states(name, index, shape):
    """Whether an entry of `factors` holds the states of a factor, int (B, T)."""
    return name != "label" and index.dtype.kind == "i" and index.shape == shape[:2]


def _named(kinds, names):
    """The names of transformations that are counted, (n,)."""
    if names is None:
        return kinds.astype(str)
    if len(names) <= kinds.max():
        raise ValueError(
            f"`names` holds {len(names)} names, but the dataset has a transformation {kinds.max()}."
        )
    return np.asarray(names, dtype=str)[kinds]
