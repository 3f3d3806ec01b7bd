"""What data lack: values of a table's columns, and rows."""

import numpy as np

from tfvae import _checks
from tfvae.models.first_look import Look

# Rows for each latent, below which networks learn rows by heart rather than what they share.
ROWS_PER_LATENT = 10


def few_rows(rows: int, latents: int) -> str | None:
    """A warning for fewer rows than ten for each latent; None: there are as many."""
    least = ROWS_PER_LATENT * latents
    if rows >= least:
        return None
    received = "1 row" if rows == 1 else f"{rows} rows"
    return (
        f"`x` should have at least {least} rows, ten for each latent, received {received}. "
        "Networks learn so few by heart: expect other rows to have a low likelihood and poor "
        "reconstructions. Take more rows, or fewer latents."
    )


def check_finite(model, look: Look, where: str = "") -> None:
    """Raises a ValueError for NaN and infinity in rows of features; it names the columns.

    Steps refuse them too, but they see a batch at a time, and no names.

    Args:
        model: of the library.
        look: at the data.
        where: what follows the name of an array, such as " of `validation_data`".
    """
    if look.values is None or look.values is not look.data:
        return
    parts = [("x", look.values, look.columns)]
    if look.target is not None and look.target is not look.values:
        parts.append(("target", look.target, None))
    for name, values, columns in parts:
        values = np.asarray(values)
        if values.ndim != 2 or values.dtype.kind != "f" or np.isfinite(_sum(values)):
            continue
        infinite, nan = np.isinf(values), np.isnan(values)
        takes_nan = model.likelihood.missing
        if infinite.any() or (nan.any() and not takes_nan):
            bad, words = (infinite, "infinity") if infinite.any() else (nan, "NaN")
            hint = "" if infinite.any() else _checks.missing_hint("")
            raise ValueError(
                f"`{name}`{where} must have finite numbers everywhere, received {words} in "
                f"{_checks.columns_with(bad, columns)}. Fill them or leave the rows out.{hint}"
            )


def _sum(values):
    """It needs no memory: it is finite unless a number is not, or it is too large itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sum(values)


def check_missing(model, look: Look) -> None:
    """Raises a ValueError for data of which nothing is there, or nothing of a column."""
    target = np.asarray(look.target)
    there = ~np.isnan(target) if target.dtype.kind == "f" else np.ones(target.shape, bool)
    name = "x" if model.target == "x" else "target"
    if not there.any():
        raise ValueError(f"`{name}` must have values, received missing ones (NaN) alone.")
    if there.ndim == 2 and not there.any(axis=0).all():
        empty = np.flatnonzero(~there.any(axis=0))
        named = [repr(look.columns[i]) if look.columns and name == "x" else i for i in empty[:5]]
        raise ValueError(
            f"`{name}` must have values in each column, received missing ones (NaN) alone in "
            f"{len(empty)}: {', '.join(map(str, named))}. Leave these columns out."
        )
