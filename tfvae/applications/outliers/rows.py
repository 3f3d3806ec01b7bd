"""Rows and columns of a detector: values that it cannot score, and what a column adds."""

from typing import Any

import numpy as np

from tfvae._checks import MOST_NAMED, columns_with

# What the latents add: how unusual it is that these values come together.
COMBINATION = "combination"


def check_columns(X: Any) -> None:
    """Raises a ValueError for columns that are no numbers, two of one name, and masked values."""
    if np.ma.is_masked(X):  # NumPy and scikit-learn would take what is under the mask.
        raise ValueError(
            "`X` must have no masked values, received a masked array. Make them NaN: "
            "X.astype(float).filled(numpy.nan)."
        )
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return
    names = list(X.columns)
    twice = sorted({repr(name) for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"`X` must have columns of different names, received {', '.join(twice[:MOST_NAMED])} "
            "more than once. Rename them."
        )
    other = [
        f"{name!r} ({dtype})"
        for name, dtype in zip(X.columns, X.dtypes, strict=True)
        if getattr(dtype, "kind", "O") not in "biuf"
    ]
    if other:
        more = f" and {len(other) - MOST_NAMED} more" if len(other) > MOST_NAMED else ""
        raise ValueError(
            f"`X` must have columns of numbers, received {', '.join(other[:MOST_NAMED])}{more}. "
            "Let tfvae.tables.Table make features of columns of any kind: "
            "Table().fit_transform(rows)."
        )


def check_rows(X: np.ndarray, names: list[str], takes_missing: bool = False) -> None:
    """Raises a ValueError for numbers that are not finite, naming columns, rows and remedies.

    Args:
        X: rows (n, D).
        names: of the columns.
        takes_missing: whether NaN is a missing value, which is fine.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum needs no memory: it is finite unless a number is not, or it is too large itself.
        if np.isfinite(np.sum(X)):
            return
    nan, infinite = np.isnan(X), np.isinf(X)
    if infinite.any():
        raise ValueError(
            f"`X` must have finite numbers everywhere, received infinity (inf) in "
            f"{columns_with(infinite, names)}. Correct these numbers, or leave the rows out."
        )
    if nan.any() and not takes_missing:
        raise ValueError(
            f"`X` must have a number everywhere, received missing values (NaN) in "
            f"{columns_with(nan, names)}. Let tfvae.tables.Table make features of a table with "
            "gaps: Table().fit_transform(rows); or fill them: sklearn.impute.SimpleImputer; or "
            "give a `model` whose likelihood takes them, such as tfvae.VAE(4, likelihood="
            "tfvae.likelihoods.Gaussian(missing=True))."
        )


def standardisation(X: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column, (D,) each, without missing values.

    A column of one value is divided by 1/√n.

    Raises:
        ValueError: when a column has no value, or one with values that differ has no deviation that
            float64 can hold; names it.
    """
    from sklearn.preprocessing import StandardScaler

    nothing = np.isnan(X).all(axis=0)
    if nothing.any():
        raise ValueError(
            f"`X` must have a number in each column, received none in {len(X)} rows of "
            f"{_named(nothing, names)}. Leave the columns out."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        scaler = StandardScaler().fit(X)
        centre, scale = scaler.mean_, scaler.scale_
        low, high = np.fmin.reduce(X), np.fmax.reduce(X)
        constant = low == high
        # Of n numbers the range is 1 to √(2n) deviations. scikit-learn's deviation is 1 where it
        # is too small, and infinite where its square is.
        spread = high / scale - low / scale
        fits = (spread >= 1.0) & (spread <= np.sqrt(2.1 * len(X))) & np.isfinite(centre)
    wrong = ~(fits | constant)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            "`X` must have columns with a standard deviation that float64 can hold, received "
            f"{_named(wrong, names)} with values from {low[first]:g} to {high[first]:g}. Shift or "
            "scale these numbers, correct them, or leave the columns out."
        )
    return centre, np.where(constant, len(X) ** -0.5, scale)


def _named(which: np.ndarray, names: list[str]) -> str:
    """Columns in words."""
    found = [names[place] for place in np.flatnonzero(which)]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return ", ".join(map(repr, found[:MOST_NAMED])) + more


def column_names(estimator: Any) -> list[str]:
    """Names of the columns that an estimator was fitted on: x0, x1, … for an array."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(estimator.n_features_in_)]
    return [str(name) for name in names]


def by_column(
    names: list[str], contributions: np.ndarray, groups: Any
) -> tuple[list[str], np.ndarray]:
    """Names of columns, then "combination", and what each adds to a score, (n, columns + 1).

    Args:
        names: of the features, then of the latents.
        contributions: of the same, (n, D + 1), nats.
        groups: which features are of one column, `Table.groups_`; None: each is a column.
    """
    if groups is None:
        return [*names[:-1], COMBINATION], contributions
    if groups[-1].features.stop != len(names) - 1:
        raise ValueError(
            f"`table` must be the one that made the features, received one of "
            f"{groups[-1].features.stop} features for {len(names) - 1}."
        )
    columns = list(dict.fromkeys(group.column for group in groups))
    parts = np.zeros((len(contributions), len(columns) + 1))
    for group in groups:
        parts[:, columns.index(group.column)] += contributions[:, group.features].sum(axis=1)
    parts[:, -1] = contributions[:, -1]
    return [*columns, COMBINATION], parts
