"""Outlier detection in tables: a scikit-learn estimator."""

import os
import types
import warnings
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tfvae import _checks, _seeds
from tfvae._progress import progress
from tfvae.applications.outliers import served
from tfvae.applications.outliers.committee import (
    SCALES,
    drawn_rows,
    trained_committee,
    unseen_scores,
)
from tfvae.applications.outliers.rows import (
    by_column,
    check_columns,
    check_rows,
    column_names,
    standardisation,
)
from tfvae.applications.outliers.scoring import SCORES, Scorer, made
from tfvae.applications.outliers.thresholds import threshold
from tfvae.applications.outliers.usual import measured

# Outputs of decoders that are in memory at once when rows are scored: few, for the caches.
NUMBERS_AT_ONCE = 2**20


class OutlierDetector(OutlierMixin, BaseEstimator):
    """Finds rows of a table that a VAE finds unlikely; an estimator of scikit-learn.

    With nothing set, M small VAEs are trained, each on a few rows drawn at random: rare rows are in
    few of the samples, so that the VAEs learn what is common. Columns are standardised, their
    likelihood is Student's t, with a scale of half a standard deviation in one half of the VAEs and
    of two in the other: to the first, rows are odd that break the relations of columns; to the
    others, rows far from all. The score of each half is the mean of −log p(x) over its VAEs, by the
    importance-weighted bound with K samples; a row's score is the higher of both, with the second
    half's stretched to the spread of the first. 0 nats is a usual row, the mean of the middle half
    of the training rows; the higher, the less likely. The same row has the same score at each call.

    A column of one value is divided by 1/√n, the standard deviation of a 1 among zeros: a new
    category is as odd as one that a row had.

    A missing value, NaN, counts as a usual one: it adds 0 to a score. VAEs see the column's mean in
    its place; in training, the value of the nearest of their rows that has one.

    One sample for each VAE ranks rows as well as 16 do, in a tenth of the time: the bound is
    looser, by about the same number for all rows, and noise is averaged over the committee.

    `score_samples` and `decision_function` have the signs of scikit-learn: the lower, the more of
    an outlier.

    Args:
        model: None: the committee of VAEs. A trained model of tfvae: it is used as it is, on rows
            as they are. A function of the number of columns that gives a compiled model: `fit`
            trains it on standardised rows.
        criterion: what a score is, "bound", "elbo" or "reconstruction".
        contamination: share of the training rows that are outliers, in (0, 0.5].
        false_positive_rate: the share of usual rows that may be taken for outliers, in (0, 1), for
            training rows without outliers; in place of `contamination`. A committee's threshold is
            then that of rows which a VAE was not trained on.
        members: M, number of VAEs of the committee.
        max_rows: rows that each of them is trained on, at most.
        latent_dim: N_z of each; None: half the columns, 8 at most.
        steps: training steps.
        num_samples: K; None: 1 for each VAE of the committee, 16 for a model of your own.
        epochs: of a model that a function gives.
        batch_size: of a model that a function gives.
        random_state: decides all draws; a whole number.
        verbose: 1: progress bars; 0: none; "auto": in a terminal or notebook if it takes long.

    Attributes:
        threshold_: a row with a higher score is an outlier, nats.
        threshold_report_: the threshold with 95% intervals.
        training_scores_: of the training rows, (n,), nats.
        offset_: −threshold_.

    Example:
        >>> import numpy as np, tfvae
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(500, 1)) * [1.0, 2.0] + rng.normal(size=(500, 2)) / 10
        >>> detector = tfvae.applications.OutlierDetector(steps=100, members=3).fit(x)
        >>> detector.predict([[0.0, 0.1], [2.0, -4.0]])
        array([ 1, -1])
    """

    def __init__(
        self,
        model: Any = None,
        *,
        criterion: str = "bound",
        contamination: float = 0.1,
        false_positive_rate: float | None = None,
        members: int = 10,
        max_rows: int = 128,
        latent_dim: int | None = None,
        steps: int = 600,
        num_samples: int | None = None,
        epochs: int = 50,
        batch_size: int = 64,
        random_state: int = 0,
        verbose: str | int = "auto",
    ) -> None:
        self.model = model
        self.criterion = criterion
        self.contamination = contamination
        self.false_positive_rate = false_positive_rate
        self.members = members
        self.max_rows = max_rows
        self.latent_dim = latent_dim
        self.steps = steps
        self.num_samples = num_samples
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.verbose = verbose

    def _settings(self):
        """The arguments as checked numbers. scikit-learn wants the attributes as they were."""
        found = types.SimpleNamespace(criterion=_checks.one_of("criterion", self.criterion, SCORES))
        for name in ("members", "max_rows", "steps", "epochs", "batch_size"):
            setattr(found, name, _checks.positive_int(name, getattr(self, name)))
        for name, default in (
            ("latent_dim", None),
            ("num_samples", 1 if self.model is None else 16),
        ):
            value = getattr(self, name)
            value = default if value is None else _checks.positive_int(name, value)
            setattr(found, name, value)
        found.rate = _checks.number_in("contamination", self.contamination, 0.0, 0.5, low_open=True)
        if self.false_positive_rate is not None:
            found.rate = _checks.number_in(
                "false_positive_rate", self.false_positive_rate, 0.0, 1.0,
                low_open=True, high_open=True,
            )  # fmt: skip
        return found

    def fit(self, X: Any, y: Any = None) -> "OutlierDetector":
        """Learns what is usual from rows (n, D); `y` is ignored.

        Raises:
            ValueError: when the rows are no table of numbers, or a setting is out of range.
        """
        settings = self._settings()
        check_columns(X)
        X = validate_data(self, X, dtype="float64", ensure_min_samples=2, ensure_all_finite=False)
        own = isinstance(self.model, keras.Model)
        model = self.model if own or self.model is None else made(self.model, X.shape[1])
        self.takes_missing_ = model is None or model.takes_missing
        check_rows(X, column_names(self), self.takes_missing_)
        generator = _seeds.generator(self.random_state)
        seed = int(generator.integers(2**31))
        centre, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if not own:
            centre, scale = standardisation(X, column_names(self))
        rows, members = None, 1
        if model is not None and not own:
            x = ((X - centre) / scale).astype("float32")
            model.fit(x, epochs=settings.epochs, batch_size=settings.batch_size, verbose=0)
        elif model is None:
            members = settings.members
            rows = drawn_rows(generator, len(X), members, settings.max_rows)
            model = trained_committee(
                ((X - centre) / scale)[rows], settings.latent_dim, settings.steps, generator, seed
            )
        self.scorer_ = Scorer(
            model,
            settings.criterion,
            members=members,
            kinds=min(members, len(SCALES)),
            num_samples=settings.num_samples,
            centre=centre,
            scale=scale,
            seed=seed,
        )
        found = self._scored(X, self.scorer_.scores)
        scores = np.stack(self.scorer_.of_kinds(found.T), axis=1)
        self.usual_ = measured(
            X, scores, lambda rows: self._scored(rows, self.scorer_.contributions), generator
        )
        self.training_scores_ = self.usual_.of_rows(X, scores)
        if self.false_positive_rate is None:
            self.threshold_report_ = threshold(self.training_scores_, settings.rate)
        else:
            unseen = self.training_scores_
            if rows is not None:
                kinds = self.scorer_.kinds
                of_kinds = [unseen_scores(found[:, k::kinds], rows[k::kinds]) for k in range(kinds)]
                unseen = self.usual_.of_rows(X, np.stack(of_kinds, axis=1))
            self.threshold_report_ = threshold(unseen, settings.rate)
            if np.isinf(self.threshold_report_.high):
                warnings.warn(
                    f"{len(X)} rows are too few for `false_positive_rate={settings.rate:g}`: no "
                    "upper end of the threshold can be told (`threshold_report_`). Use more rows "
                    "or a higher rate.",
                    stacklevel=2,
                )
        self.threshold_ = self.threshold_report_.value
        self.offset_ = -self.threshold_
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """−score of each row, (n,), nats: the lower, the more of an outlier.

        Raises:
            ValueError: when the rows do not fit those of `fit`.
        """
        X = self._checked(X)
        return -self._scored(X, self._score)

    def decision_function(self, X: Any) -> np.ndarray:
        """threshold_ − score of each row, (n,), nats: negative for outliers.

        Raises:
            ValueError: when the rows do not fit those of `fit`.
        """
        scores = self.score_samples(X)
        return scores - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """−1 for outliers, 1 for all else, (n,).

        Raises:
            ValueError: when the rows do not fit those of `fit`.
        """
        # Where a model of the user's own gives no number, NaN, a row is an outlier.
        return np.where(self.decision_function(X) >= 0.0, 1, -1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Shares of the training rows that are more and less of an outlier than a row, (n, 2).

        The second column is high for outliers: 0.99 says that 99% of the training rows have a lower
        score. It is no probability that the row is wrong.

        Raises:
            ValueError: when the rows do not fit those of `fit`.
        """
        share = self.share_below(-self.score_samples(X))
        return np.stack([1.0 - share, share], axis=1)

    def share_below(self, scores: np.ndarray) -> np.ndarray:
        """The share of the training rows that have lower scores, (n,), than `scores`, (n,)."""
        check_is_fitted(self)
        below = np.searchsorted(np.sort(self.training_scores_), scores, side="left")
        return below / len(self.training_scores_)

    def contributions(self, X: Any) -> np.ndarray:
        """What each column adds to a row's score, then the latents, (n, D + 1), nats.

        A row adds up to its score, −`score_samples`. Each part is measured against its mean over
        usual rows. The latents' part is how unusual the combination of columns is. They are of the
        half of the VAEs that finds the row more odd.

        Raises:
            ValueError: when the rows do not fit those of `fit`.
        """
        return self._scored(self._checked(X), self._contributions)

    def contributions_by_column(self, X: Any, table: Any = None) -> tuple[list[str], np.ndarray]:
        """What each column adds to a score, summed over its features, and its name.

        Args:
            X: features, (n, D).
            table: the fitted `tfvae.tables.Table` that made them; None: each feature is a column.

        Returns:
            The names of the columns, then "combination", and what each adds, (n, columns + 1),
            nats. A row adds up to its score.

        Raises:
            ValueError: when the rows do not fit those of `fit`, or the table has other features.
        """
        parts = self.contributions(X)
        groups = None if table is None else table.groups_
        return by_column(self.get_contribution_names(), parts, groups)

    def get_contribution_names(self) -> list[str]:
        """Names of the columns of `contributions`: x0, x1, … where `fit` was given an array."""
        check_is_fitted(self)
        return [*column_names(self), "latents"]

    def export(self, path: str | os.PathLike[str], *, table: Any = None) -> None:
        """Writes a SavedModel whose signature takes rows as they are: see `served.save`.

        Args:
            path: a folder that does not exist.
            table: the fitted `tfvae.tables.Table` that made the rows: the signature then takes raw
                columns by their names.

        Raises:
            ValueError: when `path` exists, or the table does not make rows of this detector.
        """
        check_is_fitted(self)
        served.save(
            self.scorer_, path, self.usual_, self.threshold_, self.get_contribution_names(), table,
        )  # fmt: skip

    def __sklearn_tags__(self):
        """Rows may have gaps where a model of the user's own takes them."""
        tags = super().__sklearn_tags__()
        takes = self.model is None or getattr(self.model, "takes_missing", False)
        tags.input_tags.allow_nan = bool(takes)
        return tags

    def _checked(self, X):
        check_is_fitted(self)
        check_columns(X)
        X = validate_data(self, X, dtype="float64", reset=False, ensure_all_finite=False)
        check_rows(X, column_names(self), self.takes_missing_)
        return X

    def _score(self, rows):
        kinds = tf.stack(self.scorer_.of_kinds(tf.transpose(self.scorer_.scores(rows))), axis=1)
        return self.usual_.scores(kinds, tf.math.is_nan(rows))

    def _contributions(self, rows):
        return self.usual_.parts(self.scorer_.contributions(rows), tf.math.is_nan(rows))

    def _scored(self, X, function):
        """`function` of rows X, (n, …), float64, of a part of the rows at a time."""
        found = []
        with progress(len(X), self.verbose, "row") as add:
            for rows in self._parts(X):
                found.append(function(tf.constant(rows)).numpy())
                add(len(rows))
        return np.concatenate(found).astype("float64")

    def _parts(self, X):
        """Parts of the rows whose decoders' outputs fit into the caches."""
        scorer = self.scorer_
        size = max(1, NUMBERS_AT_ONCE // (scorer.num_samples * scorer.members * X.shape[1]))
        return (X[start : start + size] for start in range(0, len(X), size))
