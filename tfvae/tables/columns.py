"""What is known of a column after training, and which features it becomes."""

import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfvae.tables.values import as_text

KINDS = ("numeric", "count", "ordinal", "boolean", "categorical", "date")
IGNORE = "ignore"
# Lengths of the cycles of dates, s.
CYCLES = types.MappingProxyType({"year": 365.2425 * 86400.0, "week": 604800.0, "day": 86400.0})
ENCODINGS = ("one_hot", "codes")
# Orders of whole numbers in the rows.
CONSECUTIVE, RISING = "consecutive", "rising"


class Group(NamedTuple):
    """Consecutive features of a column that belong together."""

    column: str
    """Name of the column."""
    kind: str
    """Kind of the column, "cycle" (sine and cosine), or "missing" (1 where there was no value)."""
    names: tuple[str, ...]
    """Names of the features."""
    start: int
    """Index of the first feature."""

    @property
    def features(self) -> slice:
        """Where the features are in x."""
        return slice(self.start, self.start + len(self.names))


class Column(NamedTuple):
    """A column as `Table.fit` found it. All entries are numbers, texts and tuples of them."""

    name: str
    kind: str
    """One of numeric, count, ordinal, boolean, categorical, date."""
    is_text: bool
    """Whether raw values are texts; otherwise they are numbers."""
    mean: float = 0.0
    """m of v, which is the number, log(1 + n) of a count, the rank, or a date's seconds."""
    scale: float = 1.0
    """s: the standard deviation of v."""
    levels: tuple = ()
    """Categories, the most frequent first; ordered levels; or (False, True) as they are spelled."""
    has_other: bool = False
    """Whether there is a place for new categories."""
    takes_missing: bool = False
    """Whether a value may be missing."""
    has_indicator: bool = False
    """Whether a feature tells that a value is missing."""
    keeps_gaps: bool = False
    """Whether all its features are NaN where its value is missing."""
    date_format: str = ""
    """How a date is spelled."""
    cycles: tuple[str, ...] = ()
    """Cycles of a date that are features."""
    is_whole: bool = False
    """Whether all values of training were whole numbers; of dates: whole days."""
    is_constant: bool = False
    """Whether there is one value only, `mean` or `levels[0]`, which is no feature."""
    missing: int = 0
    """Number of missing values among the rows of training."""
    rows: int = 0
    """Number of rows of training."""
    example: Any = None
    """A raw value of training."""
    order: str = ""
    """"consecutive": it numbers the rows, and is no feature. "rising": its whole numbers rise from
    row to row, which may be a number of the row. Known of columns whose kind was guessed."""

    @property
    def is_row_number(self) -> bool:
        """Whether it only numbers the rows."""
        return self.order == CONSECUTIVE

    @property
    def is_ignored(self) -> bool:
        """Whether no feature depends on the column."""
        return self.is_row_number or (self.is_constant and not self.has_indicator)

    def parts(self, encoding: str) -> list[tuple[str, tuple[str, ...]]]:
        """Kind and names of the features of each group, in their order."""
        if self.is_row_number:
            return []
        if encoding == "codes":
            return [] if self.is_constant else [(self.kind, (self.name,))]
        found = []
        indicator = (f"{self.name} missing",)
        if not self.is_constant:
            if self.kind == "categorical":
                names = [f"{self.name}={spelled(level)}" for level in self.levels]
                names += [f"{self.name} other"] if self.has_other else []
                names += indicator if self.has_indicator else ()
                return [(self.kind, tuple(names))]
            found.append((self.kind, (self.name,)))
            for cycle in self.cycles:
                found.append(("cycle", (f"{self.name} {cycle} sin", f"{self.name} {cycle} cos")))
        if self.has_indicator:
            found.append(("missing", indicator))
        return found


def has_gaps(columns: Sequence[Column], encoding: str) -> bool:
    """Whether features are NaN where a value is missing."""
    return encoding == "codes" or any(column.keeps_gaps for column in columns)


def spelled(level: str | float) -> str:
    """A level as text."""
    return level if isinstance(level, str) else as_text(level)


def groups_of(columns: list[Column], encoding: str) -> list[Group]:
    """The groups of features of all columns, in their order.

    Raises:
        ValueError: when two features would have one name.
    """
    groups, start, owners = [], 0, {}
    for column in columns:
        for kind, names in column.parts(encoding):
            for name in names:
                if name in owners:
                    raise ValueError(
                        f"The columns must give features of different names, received {name!r} "
                        f"from the columns {owners[name]!r} and {column.name!r}. Rename one."
                    )
                owners[name] = column.name
            groups.append(Group(column.name, kind, names, start))
            start += len(names)
    return groups
