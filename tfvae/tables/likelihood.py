"""The likelihood that suits the features of a table."""

import itertools
from collections.abc import Sequence

from tfvae.likelihoods import Categorical, Likelihood, Mixed
from tfvae.tables.columns import Column, Group, has_gaps


def likelihood_of(columns: Sequence[Column], groups: Sequence[Group], encoding: str) -> Mixed:
    """A `Mixed` likelihood of the features, in their order; see `Table.likelihood`."""
    by_name = {column.name: column for column in columns}
    parts = [
        (_likelihood(by_name[group.column], group.kind, encoding), len(group.names))
        for group in groups
    ]
    joined = []
    for name, same in itertools.groupby(parts, key=lambda part: part[0]):
        if isinstance(name, str):
            joined.append((name, sum(number for _, number in same)))
        else:
            joined.extend(same)
    return Mixed(joined, missing=has_gaps(columns, encoding))


def _likelihood(column: Column, kind: str, encoding: str) -> str | Likelihood:
    if kind in ("boolean", "missing"):
        return "bernoulli"
    if kind == "cycle":
        return "gaussian"
    if kind == "categorical" and encoding == "one_hot":
        return "bernoulli"
    if kind in ("categorical", "ordinal") and encoding == "codes":
        return Categorical(len(column.levels) + column.has_other)
    return "negative_binomial" if kind == "count" and encoding == "codes" else "student_t"
